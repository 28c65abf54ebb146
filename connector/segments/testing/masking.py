"""Values of real people as they may stand in a file that is shared: nothing that tells who somebody is.

Owns: what is kept, what is made up, and the words that rules name. Must not: decide who is in a starter test.

Kept are yes and no, numbers, days, times and countries; of texts only the words that a rule names. Addresses, names,
phones and all other texts are made up; a day of birth becomes the first of its month, a place loses its digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.config.language.rules import Compare
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.segments.names import EMAIL, Names, nodes, roots
from connector.sources.text import fold

PHONE = "+12025550100"  # of the block that is kept for fiction
_NAMES = re.compile(
    r"(^|_)(name|first|last|given|family|surname|vorname|nachname|street|address|phone|mobile|fax|iban|note|notes"
    r"|comment|message|subject|url|website|ip|user|login|handle)(_|$)"
)
_NUMBERS = re.compile(r"(^|_)(id|number|no|key|hash|token|ref)$|(^|_)(phone|mobile|fax|zip|plz|postal|postcode)(_|$)")
BIRTH = re.compile(r"birth|born|geburt|dob(_|$)")


class Mask:
    """Masks the values of one person. The same text is masked alike, others differently, so that counts of distinct
    values stay what they are."""

    def __init__(self, config: Config, names: Names, zone: ZoneInfo) -> None:
        self.zone = zone
        self.words: dict[tuple[str, str], list[str]] = {}
        for source, column, word in _named(config, names):
            self.words.setdefault((source, column), []).append(word)
        self.seen: dict[tuple[str, str], dict[str, str]] = {}

    def value(self, source: str, column: str, type_: ColumnType, value: Any) -> Any:
        """What may be written instead of `value`; None when nothing may."""
        if value is None:
            return None
        if column == EMAIL or type_ == "phone":
            return PHONE if type_ == "phone" else None
        if isinstance(value, str):
            return value if type_ in ("country", "day") else self._text((source, column), value)
        if type_ == "list":
            return list(dict.fromkeys(self._text((source, column), item) for item in value))
        if type_ == "place":
            return f"{value['latitude']:.1f},{value['longitude']:.1f}"
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and _NUMBERS.search(column):
            return None
        return moment(value, self.zone, coarse=bool(BIRTH.search(column)))

    def _text(self, column: tuple[str, str], text: str) -> str:
        words = [] if _NAMES.search(column[1]) else self.words.get(column, [])
        folded = fold(text)
        same = next((word for word in words if fold(word) == folded), None)
        inside = next((word for word in words if fold(word) in folded), None)
        if same or inside:
            return same or inside or ""
        known = self.seen.setdefault(column, {})
        return known.setdefault(text, f"other {len(known) + 1}")


def moment(value: Any, zone: ZoneInfo, *, coarse: bool = False) -> Any:
    """A time of a table (UTC without zone) as people write it; anything else as it is."""
    if isinstance(value, datetime):
        here = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(zone)
        return here.date().replace(day=1).isoformat() if coarse else here.isoformat()
    if isinstance(value, date):
        return (value.replace(day=1) if coarse else value).isoformat()
    return value


def _named(config: Config, names: Names) -> Iterator[tuple[str, str, str]]:
    """(source, column, word) of every text that a rule compares with; addresses are none."""
    for root in roots(config):
        for node, source in nodes(root):
            if isinstance(node, Compare):
                column = names.find(source, node.column) or node.column
                for word in node.value if isinstance(node.value, tuple) else (node.value,):
                    if isinstance(word, str) and "@" not in word:
                        yield source, column, word
