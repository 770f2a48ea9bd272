"""Authors' regular expressions, on text that anybody may have written.

Their syntax is that of Python's module ``re``. Some take longer than anybody lives for a text that
was made for them, so they are searched by a library that can be told when to give up.
"""

from __future__ import annotations

import regex

from lab_runner.errors import ProbeError

#: Seconds of processor time: far more than any pattern takes for what a sound server says.
_WITHIN_S = 1.0


def found(pattern: str, text: str | None, flags: int = regex.MULTILINE) -> bool:
    """Is there a match anywhere? Not, where none is found in time.

    Args:
        pattern: The author's.
        text: Where it is sought; if absent, in nothing.
        flags: As of ``re``; line by line if left out.

    Raises:
        ProbeError: It is no regular expression.
    """
    try:
        return regex.search(pattern, text or "", flags, timeout=_WITHIN_S) is not None
    except TimeoutError:
        return False
    except regex.error as exc:
        raise ProbeError(f"{pattern!r} is no regular expression: {exc}") from exc
