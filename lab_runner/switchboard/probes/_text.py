"""Foreign bytes as harmless text."""

from __future__ import annotations

#: No banner, body or answer is kept beyond this.
TEXT_LIMIT = 64 * 1024
_PLAIN = frozenset("\n\t")


def clean(foreign: bytes | str, limit: int = TEXT_LIMIT) -> str:
    """Text that may be printed on a terminal, cut at ``limit`` characters.

    A peer may send escape sequences that repaint the reader's terminal, or
    direction marks that hide words: whatever is not printable is shown as an
    escape. CRLF becomes a newline.
    """
    text = foreign if isinstance(foreign, str) else foreign[:limit].decode("utf-8", "replace")
    return "".join(map(_harmless, text[:limit].replace("\r\n", "\n")))


def _harmless(char: str) -> str:
    if char in _PLAIN or char.isprintable():
        return char
    return char.encode("unicode_escape").decode("ascii")
