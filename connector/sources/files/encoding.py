"""What bytes a text export is made of, and its UTF-8 form.

Owns: the guess (UTF-8, UTF-16, cp1252, Latin-1), gzip, and the transcoded copy in the private folder of a run.
Must not: know cells. A guess over a sample is proved by utf8_copy, which decodes everything.
"""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

SAMPLE = 1 << 18
GUESSED = ("cp1252", "latin-1")  # what one-byte encodings are taken for
UTF8 = ("utf-8", "utf-8-sig", "utf8", "ascii")
_CHUNK = 1 << 20
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"


def open_bytes(file: Path) -> IO[bytes]:
    """The content; gzip is undone, told by its first bytes and not by the name."""
    return cast("IO[bytes]", gzip.open(file)) if is_gzip(file) else file.open("rb")


def is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def is_utf8(file: Path) -> bool:
    """Whether the whole content decodes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_bytes(file) as source:
            for chunk in _chunks(source):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def sample(file: Path) -> bytes:
    """The first SAMPLE bytes at most."""
    with open_bytes(file) as stream:
        return stream.read(SAMPLE)


def guess(head: bytes) -> str:
    """A Python codec's name for bytes that begin with `head`: byte order mark, NUL pattern, UTF-8, cp1252, Latin-1."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head[:4096]:
        even, odd = head[:4096:2].count(0), head[1:4096:2].count(0)
        if max(even, odd) > len(head[:4096]) // 8:
            return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8" if _is_utf8(head) else _likelier([head])


def utf8_copy(file: Path, encoding: str, copy: Path) -> int:
    """Write `file` as UTF-8 to `copy`; return how many places could not be decoded and became U+FFFD."""
    bad = 0
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    with open_bytes(file) as source, copy.open("wb") as target:
        for chunk in _chunks(source):
            text = decoder.decode(chunk)
            bad += text.count("\ufffd")
            target.write(text.encode("utf-8", "replace"))
        target.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    return bad


def whole_guess(file: Path) -> str:
    """The encoding of a file whose first bytes looked like UTF-8 but whose rest is not.

    UTF-8 with a few broken bytes stays UTF-8: that is so when there are more well-formed multi-byte characters than
    broken places."""
    with open_bytes(file) as source:
        return _likelier(_chunks(source))


def _likelier(chunks: Iterable[bytes]) -> str:
    """UTF-8 with broken places, or a one-byte encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    undefined = False
    for chunk in chunks:
        text = decoder.decode(chunk)
        broken = text.count("\ufffd")
        bad += broken
        good += 0 if text.isascii() else sum(character > "\x7f" for character in text) - broken
        undefined = undefined or any(byte in chunk for byte in _UNDEFINED_IN_CP1252)
    if good > bad:
        return "utf-8"
    return "latin-1" if undefined else "cp1252"


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character cut off at the end is no error
    except UnicodeDecodeError:
        return False
    return True
