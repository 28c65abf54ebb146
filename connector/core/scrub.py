"""Words of others, a platform above all, fit to be printed and kept: one line, not long, nothing that steers a
terminal, no address, nothing that looks like a key.

Owns: scrub(), mask(), code(), traceback(). Must not: know a platform. A session's own key is taken out of every answer
before this (platforms/http/secrecy.py); here keys of any origin are told by their looks.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 300
_READ = 4000  # of a longer text the rest is dropped unread
_CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[@-Z\\-_]?")
_AT = r"(?:@|%40|＠|&#0*64;|&commat;|\\u0040)"
_ADDRESS = re.compile(rf"(?:[^\s\"'<>(),;:=&?/\\]|\\(?!u0040))+{_AT}[^\s\"'<>(),;:=&?/\\]+", re.IGNORECASE)
_TOKEN = r"(?:(?=[^\s\"'<>,;]*\d)[^\s\"'<>,;]{8,}|[^\s\"'<>,;]{20,})"  # digits among letters, or long
# The scheme before a token in a header: one of the usual words, also behind a vendor's name (ACME-API-Key …).
_SCHEME = r"(?:[a-z0-9]{1,30}[-_]){0,3}(?:bearer|basic|digest|token|api[-_]?key)"
_KEYS = re.compile(
    rf"""
    (?P<name>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?) [^"'\r\n,;}}]+
    | (?P<kind>\b{_SCHEME}(?:\s|%20|\+)+) {_TOKEN}
    | (?P<field>\b(?:x-)?(?:api|access|private|secret|auth)[-_ ]?(?:key|token)["']?\s*[:=]\s*["']?) {_TOKEN}
    | (?P<word>\b(?:password|passwd|secret|hapikey|apikey)["']?\s*[:=]\s*["']?) [^\s"',;]{{4,}}
    | \b[0-9a-f]{{32,}}(?:-[a-z]{{2,4}}\d{{1,3}})?\b
    | \b[ps]k_[0-9a-z_]{{10,}}
    | \bpat-[a-z0-9]{{2,4}}-[0-9a-f-]{{20,}}
    | \beyJ[\w-]{{10,}}(?:\.[\w-]+)*
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=2048)
def scrub(text: str, longest: int = LONGEST) -> str:
    """The text as one plain line. Addresses become (address), keys (key)."""
    line = _CONTROL.sub("", text[:_READ])
    line = " ".join("".join(sign if sign.isprintable() else _gap(sign) for sign in line).split())
    line = _ADDRESS.sub("(address)", _KEYS.sub(_named, line))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def mask(email: str) -> str:
    """a…@example.com: enough to recognise a known person, too little to learn one."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def code(text: str) -> str:
    """A code of a platform: one word that may stand in a table and in JSON."""
    return re.sub(r"[^\w.:-]+", "_", scrub(text, 60))


def traceback(text: str) -> str:
    """The lines of a traceback, whose last one is an exception's own words."""
    return "\n".join(line[: len(line) - len(line.lstrip(" "))] + scrub(line) for line in text.splitlines())


def _named(found: re.Match[str]) -> str:
    kept = next((part for part in found.groupdict().values() if part), "")
    return f"{kept}(key)"


def _gap(sign: str) -> str:
    """Blanks of any kind part words; other signs without a shape are left out."""
    return " " if sign.isspace() else ""
