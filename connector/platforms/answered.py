"""Values that a platform holds after a request, beside those that were sent.

Owns: which differ in meaning. Must not: know a platform, or what follows from a difference.

A platform may answer 200 and keep what it had (a stage of a life cycle that only moves forward), cut a text, or drop
what it does not understand. How it writes a value is its own affair: 12.50 and 12.5, an instant in another form,
a phone number with blanks, a list in another order are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.core.model import KEPT, Outcome
from connector.platforms.base import RecordOutcome

_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
_LONGEST = 60  # signs of a value in a text


def applied(
    index: int, sent: Mapping[str, Any], told: object, remote_id: str | None = None, platform: str = ""
) -> RecordOutcome:
    """APPLIED, with the fields of `sent` of which `told` has another value. What `told` does not mention is as sent."""
    known = told if isinstance(told, Mapping) else {}
    bad = {name: known[name] for name, value in sent.items() if name in known and not same(value, known[name])}
    if not bad:
        return RecordOutcome(index, Outcome.APPLIED, remote_id=remote_id)
    held = "; ".join(
        f"{platform} has “{_shown(value)}”" if _text(value) else f"{platform} has none" for value in bad.values()
    )
    return RecordOutcome(index, Outcome.APPLIED, KEPT, f"{held}.", remote_id, tuple(bad))


def same(sent: object, told: object) -> bool:
    """Whether both mean the same, as far as one can tell; where not, they are taken for the same."""
    one, other = _text(sent), _text(told)
    if isinstance(told, Mapping) or one == other:
        return True
    numbers = _number(one), _number(other)
    if None not in numbers:
        return numbers[0] == numbers[1] or _DAY.match(one) is not None
    if _DAY.match(one):  # a day or instant, which has many forms: nothing at all is another
        return bool(other)
    return _letters(one) == _letters(other)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ";".join(map(_text, value))
    return str(value).strip()


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _letters(text: str) -> list[str]:
    """The parts of a value, without case, blanks and signs."""
    return sorted(filter(None, (re.sub(r"[\W_]+", "", part).casefold() for part in re.split(r"[;,]", text))))


def _shown(value: object) -> str:
    text = _text(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
