"""Signed files: what was signed comes out, and nothing else is believed."""

from __future__ import annotations

import base64
import gzip
import json
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from lab_runner.errors import HandInError, UsageError
from lab_runner.submission import sealed
from lab_runner.submission.keys import SigningKey, key_name, signed_by
from lab_runner.submission.sealed import Kind, seal, unseal

KEY = SigningKey.new()
BODY = {"who": "Ada <script>", "done": [1, 2.5, None, "\x1b[31m"], "ä": {"nested": True}}
FILE = seal(Kind.HAND_IN, BODY, KEY)
OUTER = json.loads(gzip.decompress(FILE))

bodies = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)  # fmt: skip


def packed(**changes: Any) -> bytes:
    return gzip.compress(json.dumps(OUTER | changes).encode())


@given(bodies)
def test_what_was_signed_comes_out(body: dict[str, Any]) -> None:
    found = unseal(seal(Kind.INVITATION, body, KEY), Kind.INVITATION)
    assert (found.key, found.body) == (KEY.public, json.loads(json.dumps(body)))


@given(st.binary())
def test_anything_at_all_is_refused(data: bytes) -> None:
    for wrapped in (data, b"\x1f\x8b" + data, gzip.compress(data)):
        with pytest.raises(HandInError):
            unseal(wrapped, Kind.HAND_IN)


@given(st.data())
def test_a_changed_byte_anywhere_is_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FILE) - 1))
    other = data.draw(st.integers(1, 255))
    changed = bytearray(FILE)
    changed[at] ^= other
    try:
        found = unseal(bytes(changed), Kind.HAND_IN)
    except HandInError:
        return
    # gzip's own header has bytes that mean nothing (RFC 1952 section 2.3: MTIME, XFL, OS).
    assert at < 10
    assert found.body == json.loads(json.dumps(BODY))


def test_a_file_that_is_cut_off_is_refused() -> None:
    for length in range(len(FILE)):
        with pytest.raises(HandInError):
            unseal(FILE[:length], Kind.HAND_IN)


#: By number: each process that runs tests has a key of its own, and names them alike.
WRONG = [
    (b"PK\x03\x04 a zip", "no file of this kit"),
    (FILE + b"more", "put behind it"),
    (FILE + FILE, "put behind it"),
    (FILE[:-4], "cut off"),
    (b"\x1f\x8b\x08\x00garbage and more of it", "damaged"),
    (gzip.compress(b"[1]"), "not an object"),
    (gzip.compress(b'{"breakfix": NaN}'), "NaN is no number"),
    (gzip.compress(b"[" * 100_000), "damaged"),
    (gzip.compress(b'{"breakfix": ' + b"9" * 5000 + b"}"), "damaged"),
    (gzip.compress(b"\xff\xfe{}"), "damaged"),
    (packed(breakfix="recipe"), "This is no file of this kit, and not a hand-in"),
    (packed(breakfix="invitation"), "This is an invitation, and not a hand-in"),
    (packed(breakfix=["hand-in"]), "no file of this kit"),
    (packed(version=2), "another version of the kit (format 2, here 1)"),
    (packed(version="1"), "another version"),
    (packed(key="AAAA"), "signature cannot be read"),
    (packed(signature=7), "signature cannot be read"),
    (packed(signature="%" * 88), "signature cannot be read"),
    (packed(body=OUTER["body"] + " "), "changed after it was signed"),
    (packed(body=OUTER["body"].replace("Ada", "Bob")), "changed after it was signed"),
    (packed(body="\ud800"), "changed after it was signed"),
    (packed(body={}), "changed after it was signed"),
    (packed(key=base64.b64encode(SigningKey.new().public).decode()), "changed after"),
    (packed(signature=base64.b64encode(bytes(64)).decode()), "changed after"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_wrong_is_said(number: int) -> None:
    data, message = WRONG[number]
    with pytest.raises(HandInError) as caught:
        unseal(data, Kind.HAND_IN)
    assert message in str(caught.value)


def test_a_signature_under_one_kind_is_none_under_another() -> None:
    with pytest.raises(HandInError, match="changed after it was signed"):
        unseal(packed(breakfix="invitation"), Kind.INVITATION)


def test_a_large_file_is_not_even_unpacked() -> None:
    with pytest.raises(HandInError, match="larger than 16 MiB"):
        unseal(FILE + bytes(sealed.FILE_LIMIT), Kind.HAND_IN)


@pytest.mark.parametrize(
    ("piece", "times", "message"),
    [
        ("0", 200 << 20, "larger than 24 MiB"),
        ("[],", 7 << 20, "more than 1,000,000 values"),
        ("x", 23 << 20, "damaged"),
    ],
)
def test_a_bomb_costs_little(piece: str, times: int, message: str) -> None:
    file = gzip.compress(piece.encode() * times)
    tracemalloc.start()
    try:
        with pytest.raises(HandInError, match=message):
            unseal(file, Kind.HAND_IN)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


# --- keys ----------------------------------------------------------------------------


def test_a_key_is_kept_where_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    KEY.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.load(path).public == KEY.public
    with pytest.raises(FileExistsError):
        SigningKey.new().save(path)
    assert SigningKey.load(path).public == KEY.public


def test_only_its_own_signature_fits() -> None:
    signature = KEY.sign(b"text")
    assert signed_by(KEY.public, signature, b"text")
    assert not signed_by(KEY.public, signature, b"Text")
    assert not signed_by(SigningKey.new().public, signature, b"text")
    assert not signed_by(b"short", signature, b"text")


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("", "no key", pem, KEY.pem()[:-40]):
        path = tmp_path / "key.pem"
        path.write_text(text)
        with pytest.raises(UsageError, match=r"key\.pem cannot be used"):
            SigningKey.load(path)
    with pytest.raises(UsageError, match="No such file"):
        SigningKey.load(tmp_path / "none.pem")


def test_a_key_has_a_name_that_can_be_read_out() -> None:
    assert key_name(bytes(32)) == "6668 7aad f862 bd77"
