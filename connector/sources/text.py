"""How names, cells and keys are written alike: blanks, snake_case, folding, and SQL quoting.

Owns: the blank characters, plain(), snake(), fold(), fold_sql(), the SQL literals. Must not: know a source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Outer blanks: white space, no-break spaces and zero-width signs (LANGUAGE, Meaning 2).
BLANKS = (
    "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)


def trim(text: str) -> str:
    return text.strip(BLANKS)


def fold(text: str) -> str:
    """The form in which two texts are equal without regard to case, width and outer blanks."""
    return trim(unicodedata.normalize("NFKC", text).casefold())


def plain(text: str, longest: int = 60) -> str:
    """A name of the user's in a message: one line, nothing that steers a terminal, not long."""
    shown = "".join(sign if sign.isprintable() else "·" for sign in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def snake(header: str) -> str:
    """`Lifecycle Stage` -> lifecycle_stage, `LastModifiedDate` -> last_modified_date; "" when nothing is left."""
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def name(identifier: str) -> str:
    """A quoted SQL name."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL text."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    return ", ".join(literal(text) for text in texts)


# The same as a class for RE2. (The engine's trim builds its set of signs for every row; this does not.)
BLANK_CLASS = "[" + "".join(f"\\x{{{ord(sign):x}}}" for sign in BLANKS) + "]"
_OUTER_BLANKS = f"^{BLANK_CLASS}+|{BLANK_CLASS}+$"


def trim_sql(value: str) -> str:
    """trim() in SQL."""
    return f"regexp_replace({value}, {literal(_OUTER_BLANKS)}, '', 'g')"
