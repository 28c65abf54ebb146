"""A session's own key, taken out of what a platform answers: some echo the request's headers in their errors.

Owns: Secrecy. Must not: know a platform, look at texts in any other way (connector/core/scrub.py does).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from urllib.parse import quote

_OPEN = {"accept", "accept-encoding", "connection", "content-type", "revision", "user-agent"}
_SHORTEST = 8  # shorter ones stand in words, too
_KEY = b"(key)"


class Secrecy:
    """Every form in which the credentials of these headers can come back: plain, URL-encoded, and in Base64, alone or
    inside of something longer."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        values = [value for name, value in headers.items() if name.lower() not in _OPEN]
        forms = {form for value in values for secret in _secrets(value) for form in _forms(secret)}
        self._forms = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)

    def strip(self, content: bytes) -> bytes:
        for form in self._forms:
            if form in content:
                content = content.replace(form, _KEY)
        return content


def _secrets(value: str) -> Iterator[str]:
    """The header's value, what follows its scheme, and the password in it."""
    yield value
    scheme, _, token = value.partition(" ")
    if token:
        yield token
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(token, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


def _forms(secret: str) -> Iterator[bytes]:
    for plain in {secret, secret.rstrip("=")}:
        encoded = quote(plain, safe="")
        for text in (plain, encoded, encoded.lower(), encoded.replace("%20", "+"), plain.replace("/", "\\/")):
            yield text.encode()
    for offset in range(3):
        yield from _inside(secret.encode(), offset)


def _inside(secret: bytes, offset: int) -> Iterator[bytes]:
    """What Base64 makes of the secret at this offset, whatever stands around it."""
    encoded = base64.b64encode(bytes(offset) + secret).rstrip(b"=")
    sure = encoded[(0, 2, 3)[offset] : len(encoded) - (1 if (offset + len(secret)) % 3 else 0)]
    yield sure
    yield sure.translate(bytes.maketrans(b"+/", b"-_"))
