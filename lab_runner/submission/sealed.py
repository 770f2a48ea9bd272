"""A signed file: who wrote it is certain, and what is in it is exactly what was signed.

The body is carried as text and signed as such: nothing depends on how JSON is written. All
limits are kept before anything is believed, since a file may come from anybody.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from lab_runner.errors import HandInError
from lab_runner.submission.keys import KEY_BYTES, SIGNATURE_BYTES, SigningKey, signed_by

Model = TypeVar("Model", bound=BaseModel)

#: Raised when a body changes its meaning; a file of a later version is not guessed at.
VERSION: Final = 1
#: Of a file as it comes, and of what it holds, in bytes.
FILE_LIMIT: Final = 16 << 20
TEXT_LIMIT: Final = 24 << 20
#: Values in a body: each costs memory, even where it is but a comma in the file.
VALUES_LIMIT: Final = 1_000_000
_MAGIC = b"\x1f\x8b"
_SIGNED = "breakfix {kind} {version}\n"


class Kind(StrEnum):
    """What a file is."""

    INVITATION = "invitation"
    HAND_IN = "hand-in"


@dataclass(frozen=True)
class Sealed:
    """What was in a file whose signature fits.

    Attributes:
        key: The public key that it was signed with; whose that is, is another question.
        body: What was signed.
    """

    key: bytes
    body: dict[str, Any]


def seal(kind: Kind, body: Mapping[str, Any], key: SigningKey) -> bytes:
    """A file that says who wrote it."""
    text = json.dumps(body, separators=(",", ":"))
    outer = {
        "breakfix": kind.value,
        "version": VERSION,
        "key": _encoded(key.public),
        "signature": _encoded(key.sign(_signed(kind, VERSION, text))),
        "body": text,
    }
    return gzip.compress(json.dumps(outer).encode(), mtime=0)


def unseal(data: bytes, kind: Kind) -> Sealed:
    """What somebody signed.

    Raises:
        HandInError: It is nothing of the kind, too much, of a later version, or was changed.
    """
    outer = _object(_loaded(_unpacked(data)))
    found = outer.get("breakfix")
    if found != kind.value:
        known = found if found in tuple(Kind) else "no file of this kit"
        raise HandInError(f"This is {_article(str(known))}, and not {_article(kind.value)}.")
    version = outer.get("version")
    if version != VERSION:
        raise HandInError(
            f"It was made by another version of the kit (format {version!r}, here {VERSION}).",
            hint="Use the same version on both machines (`lab version`).",
        )
    key = _decoded(outer.get("key"), KEY_BYTES)
    signature = _decoded(outer.get("signature"), SIGNATURE_BYTES)
    body = outer.get("body")
    text = body if isinstance(body, str) and body.isascii() else ""  # as json.dumps() writes it
    if not signed_by(key, signature, _signed(kind, VERSION, text)):
        raise HandInError("It was changed after it was signed.", hint="Ask for the file again.")
    return Sealed(key, _object(_loaded(text.encode())))


def body_of(model: type[Model], sealed: Sealed, otherwise: str, hint: str) -> Model:
    """What a body says, as a model.

    Raises:
        HandInError: It is none; ``otherwise`` says so before the first thing that is wrong.
    """
    try:
        return model.model_validate(sealed.body)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = re.sub(r"\s+", " ", first["msg"])
        raise HandInError(f"{otherwise}: {place}: {message}.", hint=hint) from exc


def _signed(kind: Kind, version: int, text: str) -> bytes:
    # A signature under one kind of file is none under another.
    return (_SIGNED.format(kind=kind.value, version=version) + text).encode()


def _unpacked(data: bytes) -> bytes:
    if len(data) > FILE_LIMIT:
        raise _too_large(FILE_LIMIT)
    if not data.startswith(_MAGIC):
        raise HandInError("This is no file of this kit.")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unpacking.decompress(data, TEXT_LIMIT)
    except zlib.error as exc:
        raise HandInError(f"It is damaged: {exc}.", hint="Ask for the file again.") from exc
    if unpacking.unconsumed_tail:
        raise _too_large(TEXT_LIMIT)
    if not unpacking.eof or unpacking.unused_data:
        raise HandInError(
            "It is cut off." if not unpacking.eof else "Something was put behind it.",
            hint="Ask for the file again.",
        )
    return text


def _loaded(text: bytes) -> Any:
    if sum(map(text.count, (b",", b"[", b"{"))) > VALUES_LIMIT:
        raise HandInError(f"It holds more than {VALUES_LIMIT:,} values.")
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise HandInError(f"It is damaged: {exc}.", hint="Ask for the file again.") from exc


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HandInError("It is damaged: not an object.", hint="Ask for the file again.")
    return value


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(value: object, length: int) -> bytes:
    try:
        data = base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != length:
        raise HandInError("Its signature cannot be read.", hint="Ask for the file again.")
    return data


def _too_large(limit: int) -> HandInError:
    return HandInError(f"It is larger than {limit >> 20} MiB, which nobody's work is.")


def _article(kind: str) -> str:
    return kind if kind.startswith("no ") else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
