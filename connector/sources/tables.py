"""From the files of one source to one typed table.

Owns: the raw read, the choice of readings, the typed table, and what did not fit.
Must not: know people (identity.py) or joins (related.py).

A type is guessed on a sample and proved on everything: the typed table is built, its values are counted against the
texts, and only a column that lost some is counted in full and read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.config.models import ColumnType, Source
from connector.problem import Place
from connector.sources import emails, formats, mappings, measure
from connector.sources.catalog import numbered
from connector.sources.findings import Findings
from connector.sources.mappings import Cells, Mapped
from connector.sources.measure import Habits, Text
from connector.sources.model import ColumnInfo, SourceInfo
from connector.sources.readings import MISSING_WORDS, Reading, present
from connector.sources.rows import Span, locate
from connector.sources.text import fold, name
from connector.sources.trouble import reading

if TYPE_CHECKING:
    import duckdb

_SAMPLE = 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a source. `key` finds the person, by email or by another column; `clocks` are times."""

    source: Source
    info: SourceInfo
    number: int
    key: str
    by_email: bool
    columns: Sequence[str]
    clocks: frozenset[str]
    zone: str
    wants_address: bool
    place: Place


@dataclass(slots=True)
class Typed:
    """`table` has `_row` (the rowid in `raw`), the wanted columns, and `_email` (null unless plain) or `_key` (a text).

    `key` is SQL over `raw` as `r`: the key's text."""

    raw: str
    table: str
    key: str = ""
    spans: list[Span] = field(default_factory=list)
    rows: int = 0
    types: dict[str, ColumnType] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()


class Builder:
    """Builds the typed table of one wish; used once."""

    def __init__(self, con: duckdb.DuckDBPyConnection, wish: Wish, private: Path, findings: Findings) -> None:
        self.con, self.wish, self.private, self.findings = con, wish, private, findings
        self.typed = Typed(f"raw_{wish.number}", f"typed_{wish.number}")
        self.slots: dict[str, int] = {}  # folded header -> position in the raw table
        self.readings: dict[int, Reading] = {}
        self.mapped: dict[str, Mapped] = {}
        self.habits = Habits()
        self.given: dict[str, int] = {}  # column -> cells that are not missing

    def build(self) -> Typed:
        self._assign_slots()
        self._read()
        self.typed.key = self._value(self._column(self.wish.key), 0)
        self._guess()
        self._map()
        self._create()
        if lost := self._lost():
            self._decide(lost, self.typed.raw)
            self._create()
        self._report()
        return self.typed

    # -- reading ------------------------------------------------------------------------------------------------

    def _assign_slots(self) -> None:
        wanted = [self.wish.key, *self.wish.columns]
        if any(self._column(column).type == "phone" for column in self.wish.columns) and self._has("country"):
            wanted.append("country")  # the region of numbers written without one
        for column in wanted:
            for header in self._column(column).headers:
                self.slots.setdefault(fold(header), len(self.slots))

    def _read(self) -> None:
        formats.create_raw(self.con, self.typed.raw, len(self.slots))
        for export in self.wish.info.exports:
            positions = {fold(header): place for place, header in enumerate(numbered(export.headers))}
            wanted = [positions.get(header) for header in self.slots]
            with reading(self.wish.place, export.file.name):
                tally = formats.read(self.con, export, wanted, self.typed.raw, self.wish.wants_address, self.private)
            self.findings.tally(self.wish.info.name, export.file, tally)
            self._note_missing(export.file, wanted)
            start = self.typed.rows
            self.typed.rows = self._number(f"SELECT count(*) FROM {self.typed.raw}")
            self.typed.spans.append(Span(export, start, self.typed.rows))

    def _note_missing(self, file: Path, wanted: Iterable[int | None]) -> None:
        for header, position in zip(self.slots, wanted, strict=True):
            if position is None:
                message = f"{file.name} lacks the column “{header}” that other files of the source have"
                self.findings.add("column-not-in-file", self.wish.info.name, header, 1, message, (file.name, 1))

    # -- readings -----------------------------------------------------------------------------------------------

    def _texts(self) -> dict[int, Text]:
        """Every slot whose type must be found or measured."""
        found = {}
        for column in self.wish.columns:
            info = self._column(column)
            if info.type in ("text", "country", "phone", "boolean"):
                continue
            for header in info.headers:
                slot = self.slots[fold(header)]
                asked = replace(info, type=info.type or self._native(header))
                found[slot] = Text(slot, self._value(info, slot), asked)
        return found

    def _native(self, header: str) -> ColumnType | None:
        """The type the files themselves give the column (Parquet), when they agree."""
        types = set()
        for export in self.wish.info.exports:
            here = {fold(one): type_ for one, type_ in zip(numbered(export.headers), export.types, strict=True)}
            if fold(header) in here:
                types.add(here[fold(header)])
        return types.pop() if len(types) == 1 else None

    def _guess(self) -> None:
        texts = self._texts()
        step = max(1, self.typed.rows // _SAMPLE)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE sampled AS SELECT * FROM {self.typed.raw} WHERE rowid < {_SAMPLE} OR rowid % {step} = 0"
        )  # kept apart: a filter that leaves a few rows of every vector makes each expression dear
        counts = measure.count(self.con, "sampled", texts.values())
        self.habits = measure.habits(counts.values())
        whole: list[int] = []
        for slot, text in texts.items():
            reading_ = measure.decide(text.info, counts[slot], self.habits, self.wish.zone)
            self.readings[slot] = reading_
            declared_number = reading_.type == "number" and reading_.loose
            no_clock = reading_.type == "text" and text.info.name in self.wish.clocks
            if not counts[slot]["all"] or declared_number or no_clock or measure.ambiguous(reading_, counts[slot]):
                whole.append(slot)
        self._decide(whole, self.typed.raw)

    def _decide(self, slots: Sequence[int], relation: str) -> None:
        """Choose the readings of these columns from all their values, and report what can be read two ways."""
        texts = self._texts()
        counts = measure.count(self.con, relation, [texts[slot] for slot in slots])
        for slot in slots:
            info = texts[slot].info
            found = measure.decide(info, counts[slot], self.habits, self.wish.zone)
            if found.type == "text" and info.name in self.wish.clocks and counts[slot]["all"]:
                info = replace(info, type="timestamp")
                found = measure.decide(info, counts[slot], self.habits, self.wish.zone)
            self.readings[slot] = found
            if measure.ambiguous(found, counts[slot]):
                self._ambiguous(info, found, counts[slot]["all"])

    def _ambiguous(self, info: ColumnInfo, found: Reading, count: int) -> None:
        if found.type == "number" and not info.decimal:
            message = f"can be read two ways; “{found.decimal}” was taken for the decimal sign. Say `decimal:`."
            self.findings.add("ambiguous-number", self.wish.info.name, info.name, count, "values " + message)
        elif found.type != "number":
            order = "day before month" if found.style == "dmy" else "month before day"
            message = f"values can be read two ways; {order} was taken. Say `format:`."
            self.findings.add("ambiguous-date", self.wish.info.name, info.name, count, message)

    def _map(self) -> None:
        region = None
        if self._has("country") and (slot := self._slot("country")) is not None:
            region = (self._value(self._column("country"), slot), f"v{slot}")
        for column in self.wish.columns:
            info, slot = self._column(column), self._slot(column)
            if info.type not in ("country", "phone") or slot is None:
                continue
            at, into = (self.wish.info.name, column), f"map_{self.wish.number}_{slot}"
            cells = Cells(self.typed.raw, self._value(info, slot), f"v{slot}", region)
            work = mappings.countries if info.type == "country" else mappings.phones
            self.mapped[column] = work(self.con, cells, into, at, self.findings)

    # -- the typed table ----------------------------------------------------------------------------------------

    def _create(self) -> None:
        """One pass in three layers: the cells' texts, what is computed from them, the values."""
        texts, parts, values = self._layers()
        key = f"{emails.quick('r.h0')} AS _email" if self.wish.by_email else f"{self.typed.key} AS _key"
        kept = "_row, _email" if self.wish.by_email else "_row, _key"
        joins = " ".join(mapped.join for mapped in self.mapped.values())
        self.con.execute(
            f"CREATE OR REPLACE TABLE {self.typed.table} AS SELECT {kept}{values} FROM (SELECT {kept}{parts} FROM"
            f" (SELECT r.rowid AS _row, {key}{texts} FROM {self.typed.raw} r) {joins})"
        )
        self.typed.types = {column: self._type(column) for column in self.wish.columns}

    def _layers(self) -> tuple[str, str, str]:
        texts: dict[str, str] = {}
        parts: list[str] = []
        values: list[str] = []
        for number, column in enumerate(self.wish.columns):
            info = self._column(column)
            made: list[str] = []
            for header in info.headers:
                slot = self.slots[fold(header)]
                made.append(self._parts(column, slot, f"p{number}_{len(made)}", texts, parts))
            value = made[0] if len(made) == 1 else _place(*made)
            values.append(f", {value} AS {name(column)}")
        return "".join(f", {sql} AS {label}" for label, sql in texts.items()), "".join(parts), "".join(values)

    def _parts(self, column: str, slot: int, label: str, texts: dict[str, str], parts: list[str]) -> str:
        """Add the column's text and computed parts to the layers; return its value."""
        info = self._column(column)
        text = f"v{slot}"
        if texts.setdefault(text, self._value(info, slot)) != self._value(info, slot):
            text = f"v{slot}_{label}"  # the same header under another name with other words for missing
            texts[text] = self._value(info, slot)
        if column in self.mapped:
            if self._has("country") and (country := self._slot("country")) is not None:
                texts.setdefault(f"v{country}", self._value(self._column("country"), country))
            parts.append(f", {self.mapped[column].value} AS {label}")
            return label
        reading_ = self._reading(info, slot)
        made = []
        for number, sql in enumerate(reading_.parts(text)):
            parts.append(f", {sql} AS {label}_{number}")
            made.append(f"{label}_{number}")
        return reading_.value(made, self.wish.zone)

    def _reading(self, info: ColumnInfo, slot: int) -> Reading:
        if slot in self.readings:
            return self.readings[slot]
        return measure.fixed(info)

    def _type(self, column: str) -> ColumnType:
        info = self._column(column)
        if info.type == "place" or len(info.headers) == 2:
            return "place"
        return self._reading(info, self.slots[fold(info.headers[0])]).type

    # -- what was lost ------------------------------------------------------------------------------------------

    def _losses(self) -> dict[str, int]:
        """column -> texts that did not become a value of its type."""
        checked = [
            column for column in self.wish.columns if self.typed.types[column] not in ("text", "country", "phone")
        ]
        if not checked:
            return {}
        if not self.given:
            counts = ", ".join(f"count(*) FILTER ({self._given(column)})" for column in checked)
            row = self.con.execute(f"SELECT {counts} FROM {self.typed.raw} r").fetchone() or ()
            self.given = dict(zip(checked, row, strict=True))
        kept = ", ".join(f"count({name(column)})" for column in checked)
        row = self.con.execute(f"SELECT {kept} FROM {self.typed.table}").fetchone() or ()
        return {
            column: self.given[column] - has
            for column, has in zip(checked, row, strict=True)
            if self.given[column] > has
        }

    def _lost(self) -> list[int]:
        """The undeclared columns that lost a value: their guess was wrong."""
        return [
            slot
            for column in self._losses()
            if (slot := self._slot(column)) is not None and not self._reading(self._column(column), slot).loose
        ]

    def _report(self) -> None:
        for column, count in self._losses().items():
            message = f"values are no {self.typed.types[column]} and count as missing"
            self.findings.add("not-of-type", self.wish.info.name, column, count, message, self._first_lost(column))
        columns = list(self.wish.columns)
        counts = ", ".join(f"count({name(column)})" for column in columns) or "1"
        row = self.con.execute(f"SELECT {counts} FROM {self.typed.table}").fetchone() or ()
        self.typed.empty = frozenset(column for column, has in zip(columns, row, strict=False) if not has)

    def _first_lost(self, column: str) -> tuple[str, int]:
        row = self.con.execute(
            f"SELECT r.rowid, r._line FROM {self.typed.raw} r JOIN {self.typed.table} t ON t._row = r.rowid"
            f" WHERE t.{name(column)} IS NULL AND ({self._given(column)}) ORDER BY r.rowid LIMIT 1"
        ).fetchone()
        return locate(self.typed.spans, {row[0]: row[1]})[row[0]] if row else ("", 0)

    def _given(self, column: str) -> str:
        info = self._column(column)
        return " OR ".join(f"({self._value(info, self.slots[fold(header)])}) IS NOT NULL" for header in info.headers)

    # -- small things -------------------------------------------------------------------------------------------

    def _value(self, info: ColumnInfo, slot: int) -> str:
        words = info.missing
        if words is None:
            told = any(export.kind in ("csv", "xlsx") for export in self.wish.info.exports)
            words = MISSING_WORDS if told else ()
        return present(f"r.h{slot}", words, info.apostrophe)

    def _column(self, column: str) -> ColumnInfo:
        return self.wish.info.columns[column]

    def _slot(self, column: str) -> int | None:
        return self.slots.get(fold(self._column(column).headers[0]))

    def _has(self, column: str) -> bool:
        return column in self.wish.info.columns

    def _number(self, query: str) -> int:
        row = self.con.execute(query).fetchone()
        return int(row[0]) if row else 0


def _place(latitude: str, longitude: str) -> str:
    """SQL of a place; null when a coordinate is missing or off the globe."""
    there = f"{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180"
    pair = f"struct_pack(latitude := ({latitude})::DOUBLE, longitude := ({longitude})::DOUBLE)"
    return f"CASE WHEN {there} THEN {pair} END"
