"""What `file:` and `members_from:` may say of a file that lies elsewhere: s3://, gs://, az://, sftp://, https://.

Owns: the forms of an address, why another one is refused, and how it is shown. Must not: open anything, or put a user,
a password or what follows a `?` into a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from connector.config.language import values
from connector.config.sections import urls, variables
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean

# scheme -> the extra whose driver opens it; None: no driver is needed
EXTRAS: Mapping[str, str | None] = {
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "sftp": "sftp",
    "https": None,
    "http": None,
}
WEB = ("https", "http")
_WITH_ACCOUNT = ("az", "abfs", "abfss")  # CONTAINER@ACCOUNT is a name there
_SCHEME = re.compile(r"\s*((?:[A-Za-z][A-Za-z0-9+.-]+::)*)([A-Za-z][A-Za-z0-9+.-]+)://")
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~%+/=-]{16,}")  # long, of digits and letters
_JOKER = re.compile(r"[*\[]")
_FORMS = "Write a path, or s3://BUCKET/FILE, gs://…, az://…, sftp://USER@HOST/FILE, https://HOST/FILE."


def scheme_of(text: str) -> str | None:
    """The scheme of an address, in lower case; None for a path."""
    found = _SCHEME.match(text)
    return found[2].lower() if found else None


def origin(value: object) -> str:
    """The text of `file:` and `members_from:`. Raises BadValue for an address that is none of the forms."""
    written = values.text(value)
    scheme = scheme_of(written)
    if scheme is not None:
        _check(scheme, written.strip())
    return written


def shown(text: str) -> str:
    """The address for people: without user and password, and without what follows `?` or `#`."""
    scheme = scheme_of(text)
    if scheme is None:
        return text
    rest = re.split(r"[?#]", text.strip().split("://", 1)[1], maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    host = host if scheme in _WITH_ACCOUNT else host.rpartition("@")[2]
    return f"{scheme}://{host}{slash}{path}"


def has_joker(text: str) -> bool:
    """Whether an address means several files."""
    return scheme_of(text) not in WEB and _JOKER.search(text) is not None


def parts(text: str) -> SplitResult:
    """Raises ValueError, whose text must not be shown."""
    found = urlsplit(text.strip())
    _ = found.port
    return found


def _check(scheme: str, written: str) -> None:
    if "::" in written.split("://")[0]:
        raise BadValue("bad-origin", f"Addresses that wrap another one (with ::) are not read. {_FORMS}")
    if scheme in ("file", "local"):
        raise BadValue("bad-origin", "Write the path itself, beside segments.yaml, without file://.")
    if scheme not in EXTRAS:
        raise BadValue("bad-origin", f"No export is read from {scheme}://.{did_you_mean(scheme, EXTRAS)} {_FORMS}")
    if not written.isprintable() or "\\" in written:
        raise BadValue("bad-origin", f"The address holds a sign that none has. {_FORMS}")
    try:
        found = parts(variables.blanked(written))
    except ValueError:
        raise BadValue("bad-origin", f"The address cannot be read: a port or a bracket is wrong. {_FORMS}") from None
    if found.netloc == "" or not found.path.strip("/"):
        raise BadValue("bad-origin", f"The address names no file. {_FORMS}")
    if scheme in WEB:
        _check_web(scheme, found, written)
    else:
        _check_store(scheme, found)
    _check_secret(scheme, written)


def _check_web(scheme: str, found: SplitResult, written: str) -> None:
    if scheme == "http" and not urls.loopback(found.hostname):
        text = "http:// can be changed on its way. Write https://; only localhost, 127.0.0.0/8 and [::1] go without."
        raise BadValue("bad-origin", text)
    if _JOKER.search(unquote(found.path)):
        raise BadValue("bad-origin", f"{scheme}:// has no lists of files, so no patterns: name one file.")


def _check_store(scheme: str, found: SplitResult) -> None:
    if found.query or found.fragment or found.path.endswith("/"):
        text = "An address of a store ends with the file, without ? and #; options come from the environment."
        raise BadValue("bad-origin", text)
    if scheme != "sftp" and scheme not in _WITH_ACCOUNT and ("@" in found.netloc or ":" in found.netloc):
        text = f"A bucket is {scheme}://BUCKET/FILE: keys and another server come from the store's own environment."
        raise BadValue("literal-secret" if "@" in found.netloc else "bad-origin", text)


def _check_secret(scheme: str, written: str) -> None:
    """A password, or the signed part of an address, is there as ${NAME}."""
    userinfo = written.split("://", 1)[1].partition("/")[0].rpartition("@")[0]
    _, colon, password = userinfo.partition(":")
    if colon and not variables.only(password):
        text = "There is a password in the address. Write ${NAME} in its place, the name of an environment variable."
        raise BadValue("literal-secret", text)
    if scheme in WEB and _signed(written):
        text = "A key or signature follows the ? of the address. Write ${NAME} there, the name of a variable."
        raise BadValue("literal-secret", text)


def _signed(written: str) -> bool:
    query = written.partition("?")[2].partition("#")[0]
    pairs = (pair.partition("=") for pair in query.split("&"))
    keys = re.compile(r"sig|signature|token|key|secret|password|auth|credential|policy", re.IGNORECASE)
    literal = [(name, value) for name, _, value in pairs if value and not variables.only(value)]
    return any(keys.search(name) or _TOKEN.fullmatch(value) for name, value in literal)
