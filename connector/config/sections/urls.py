"""`base_url`: which other address than the vendor's may stand in the file.

Owns: base_url(), loopback(), SHAPE for editors. Must not: connect.

A key goes with every request, so http:// is for this machine alone.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from connector.config.language import values
from connector.config.sections.codes import BadValue

_LOOPBACK = IPv4Network("127.0.0.0/8")
SHAPE = r"^(https://|http://(localhost|127(\.\d{1,3}){3}|\[::1\])([:/]|$))[^@?#\s\\]*$"  # in lower case


def loopback(host: str | None) -> bool:
    """Whether the host is this machine: localhost, 127.0.0.0/8 or ::1, and nothing that only begins so."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host or "")
    except ValueError:
        return False
    return address in _LOOPBACK if address.version == 4 else str(address) == "::1"


def base_url(value: Any) -> str:
    """The address without a slash at its end. Never quoted in a message: a key may be in it."""
    written = values.text(value).strip().rstrip("/")
    parts = _parts(written)
    if parts is None:
        text = "An address is written https://host or http://localhost:8080, without user, key, ? and #."
        raise BadValue("bad-url", text)
    if parts.scheme == "http" and not loopback(parts.hostname):
        text = (
            "http:// would send the key in the clear. Write https://; only localhost, 127.0.0.0/8 and [::1] go without."
        )
        raise BadValue("bad-url", text)
    return written


def _parts(written: str) -> SplitResult | None:
    if any(sign in written for sign in "@?#\\") or not written.isprintable() or " " in written:
        return None
    try:
        parts = urlsplit(written)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return None
    return parts if usable else None
