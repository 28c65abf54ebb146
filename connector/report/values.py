"""Single values and lines for a terminal: dates in the file's time zone, missing ones said, nothing that steers it.

Owns: shown(), as_json(), wrapped(), noted(). Must not: know what a value means.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

MISSING = "missing"
WIDTH = 80


def shown(value: Any, zone: ZoneInfo) -> str:
    """A value as people read it."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{_instant(value).astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return f"[{', '.join(shown(item, zone) for item in value)}]"
    if isinstance(value, dict):
        return ",".join(f"{part:g}" for part in value.values())
    return printable(value)


def as_json(value: Any) -> Any:
    """A value as JSON holds it: exact numbers as text, times in UTC."""
    if isinstance(value, datetime):
        return _instant(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def printable(value: object) -> str:
    """Text without control signs: a hostile name must not steer the terminal."""
    return "".join(sign if sign.isprintable() else "·" for sign in str(value))


def noted(notes: Iterable[str]) -> list[str]:
    """Notes as lines; a warning needs no other word in front."""
    return [note if note.startswith("WARNING: ") else f"note: {note}" for note in notes]


def wrapped(text: str) -> list[str]:
    """A line cut to 80 columns; what follows is indented deeper than an indented beginning."""
    if len(text) <= WIDTH:
        return [text]
    depth = len(text) - len(text.lstrip(" "))
    indent = " " * (depth + 4 if depth else 0)
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _instant(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
