"""Which headers of a source are read, and where each of its columns' texts is in the raw table.

Owns: Wish, Layout. Must not: touch data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.core.model import ColumnType
from connector.core.problem import Place
from connector.sources.columns.catalog import numbered
from connector.sources.columns.measure import TIMES, Text
from connector.sources.columns.model import ColumnInfo, SourceInfo
from connector.sources.columns.readings import MISSING_WORDS, present
from connector.sources.columns.zones import zone_of
from connector.sources.text import fold, literal

# Columns of codes: a few odd ones among digits are values, and no reason to read the others as numbers.
CODES = re.compile(r"(^|_)(id|ids|zip|postal|postcode|plz|phone|mobile|fax|tel|sku|code|number|no|nr|ref|key)(_|$)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a source. `key` finds the person, by email or by another column; `clocks` are times."""

    info: SourceInfo
    number: int  # of the source, for the names of its tables
    key: str
    by_email: bool
    columns: Sequence[str]
    clocks: frozenset[str]
    zone: str
    wants_address: bool
    place: Place
    encoding: str | None = None  # as declared
    people: bool = False  # every row must be a person
    zone_told: bool = False  # `zone` is the source's own, and stronger than what a header tells
    whole: frozenset[str] = frozenset()  # keys: their type must fit every value


class Layout:
    """The raw table of a wish: its slots h0, h1, … and the SQL of a column's text in it."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.slots: dict[str, int] = {}  # folded header -> slot; the key's is 0
        wanted = [wish.key, *wish.columns]
        if self.country is not None and any(self.column(column).type == "phone" for column in wish.columns):
            wanted.append(self.country)
        for column in wanted:
            for header in (*self.column(column).headers, *self.column(column).also):
                self.slots.setdefault(fold(header), len(self.slots))

    @property
    def country(self) -> str | None:
        """The column that tells the region of a phone number written without one."""
        return "country" if "country" in self.wish.info.columns else None

    def column(self, column: str) -> ColumnInfo:
        """The column as its role wants it: a clock is a time, whatever a type or a preset says."""
        info = self.wish.info.columns[column]
        told_else = column in self.wish.clocks and info.type not in (None, *TIMES)
        return replace(info, type="timestamp") if told_else else info

    def slot(self, column: str) -> int:
        return self.slots[fold(self.column(column).headers[0])]

    def zone(self, header: str) -> str:
        """The zone of the column's times that say none."""
        return self.wish.zone if self.wish.zone_told else zone_of(header) or self.wish.zone

    def text(self, info: ColumnInfo, slot: int) -> str:
        """SQL over the raw table `r`: the cell's text, null when it is missing."""
        words = info.missing
        if words is None:  # JSON and Parquet have a null of their own
            told = any(export.kind in ("csv", "xlsx") for export in self.wish.info.exports)
            words = MISSING_WORDS if told else ()
        return present(f"r.h{slot}", words, info.apostrophe)

    def votes(self) -> str:
        """SQL over the raw table `r`: whether a row says how its columns are written. One that is unusable, or that
        repeats the headers, does not."""
        header = literal(self.column(self.wish.key).headers[0].strip().lower())
        data = "contains(r.h0, '@')" if self.wish.people else f"lower(trim(coalesce(r.h0, ''))) <> {header}"
        return f"(r._reason IS NULL AND coalesce({data}, false))"

    def given(self, column: str) -> str:
        """SQL over the raw table `r`: whether the column has a text."""
        info = self.column(column)
        return " OR ".join(f"({self.text(info, self.slots[fold(header)])}) IS NOT NULL" for header in info.headers)

    def measured(self) -> dict[int, Text]:
        """Every slot whose reading depends on its values."""
        found = {}
        dated = any(export.kind == "xlsx" for export in self.wish.info.exports)
        for column in self.wish.columns:
            info = self.column(column)
            if info.type in ("text", "country", "phone", "boolean"):
                continue
            for header in info.headers:
                slot = self.slots[fold(header)]
                type_ = info.type or self._native(header)
                if column in self.wish.clocks and type_ not in (None, *TIMES):
                    type_ = "timestamp"
                whole = column in self.wish.whole or CODES.search(column) is not None
                found[slot] = Text(slot, self.text(info, slot), replace(info, type=type_), whole, dated)
        return found

    def _native(self, header: str) -> ColumnType | None:
        """The type that the files themselves give the column (Parquet), when they agree."""
        types = set()
        for export in self.wish.info.exports:
            here = zip(numbered(export.headers), export.types, strict=True)
            types |= {type_ for one, type_ in here if fold(one) == fold(header)}
        return types.pop() if len(types) == 1 else None
