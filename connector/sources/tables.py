"""From the files of one source to one typed table.

Owns: the raw read, the typed table, and what did not fit.
Must not: choose readings (choose.py), know people (identity.py) or joins (related.py).

A type is guessed on a sample and proved on everything: the typed table is built, its values are counted against the
texts, and only a column that lost some is counted in full and read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.core.model import ColumnType
from connector.sources import emails, engine
from connector.sources.cells import Where, cell, place
from connector.sources.columns import currencies, doubts, mappings, measure, offsets, united
from connector.sources.columns.catalog import numbered
from connector.sources.columns.choose import Choice
from connector.sources.columns.layers import Layers
from connector.sources.columns.layout import Layout, Wish
from connector.sources.columns.mappings import Cells, Mapped
from connector.sources.columns.measure import Habits
from connector.sources.files import encoding, formats
from connector.sources.files.csv import Tally
from connector.sources.files.formats import Export
from connector.sources.findings import Findings
from connector.sources.rows import Span
from connector.sources.text import fold, name, plain
from connector.sources.trouble import reading

if TYPE_CHECKING:
    import duckdb

_NEVER_LOST = ("text", "country", "phone")


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
        self.layout = Layout(wish)
        self.typed = Typed(f"raw_{wish.number}", f"typed_{wish.number}")
        self.choice = Choice(con, self.layout, self.typed.raw, findings, self._place)
        self.mapped: dict[str, Mapped] = {}
        self.given: dict[str, int] = {}  # column -> cells that are not missing, of the rows that vote
        self.silent = False  # whether some rows do not

    def build(self) -> Typed:
        self._read()
        self._unite()
        self.typed.key = self.layout.text(self.layout.column(self.wish.key), 0)
        self.choice.guess(self.typed.rows, self._neighbours)
        self._map()
        self._create()
        if wrong := [slot for column in self._losses() for slot in self._guessed(column)]:
            self.choice.settle(wrong)
            self._create()
        self._report()
        return self.typed

    def _read(self) -> None:
        formats.create_raw(self.con, self.typed.raw, len(self.layout.slots))
        for export in self.wish.info.exports:
            wanted, tally = self._read_one(export, self.layout, self.typed.raw)
            self.findings.tally(self.wish.info.name, export.file, tally)
            for header, position in zip(self.layout.slots, wanted, strict=True):
                if position is None:
                    self.findings.lacking(self.wish.info.name, header, export.file)
            self._repeated(export)
            start = self.typed.rows
            self.typed.rows = engine.number(self.con, f"SELECT count(*) FROM {self.typed.raw}")
            self.typed.spans.append(Span(export, start, self.typed.rows))
            if tally.encoding in encoding.GUESSED and not self.wish.encoding:
                self._guessed_encoding(export.file.name, tally.encoding, start)

    def _repeated(self, export: Export) -> None:
        """Columns of which the file has several under one header: the first is read."""
        times = Counter(map(fold, export.headers))
        for column in dict.fromkeys((self.wish.key, *self.wish.columns)):
            for header in self.layout.column(column).headers:
                if (count := times[fold(header)]) > 1:
                    what = f"columns of {plain(export.file.name)} are called “{plain(header)}”"
                    message = f"{what}: the first is read, and the second is “{plain(header)} (2)” in segments.yaml"
                    where = (export.file.name, 1)
                    self.findings.add("headers-collide", self.wish.info.name, column, count, message, where)

    def _guessed_encoding(self, file: str, taken: str, start: int) -> None:
        """One-byte encodings look alike: show a word, so that its owner sees whether it is one."""
        cells = ", ".join(f"h{slot}" for slot in self.layout.slots.values() if slot) or "''"
        words = doubts.words(self.con, f"SELECT unnest([{cells}]) AS cell FROM {self.typed.raw} WHERE rowid >= {start}")
        if words:
            some = f"words of it are “{'”, “'.join(words[:-1])}” and" if words[1:] else "a word of it is"
            message = (
                f"file was read as {taken}: {some} “{words[-1]}”. If that is not how it is written, say `encoding:`"
                " (mac-roman, cp1250, cp1251 …)"
            )
            self.findings.add("encoding-guessed", self.wish.info.name, "", 1, message, (file, 0))

    def _unite(self) -> None:
        """Columns of several headers: the first cell that is filled (of addresses: that holds one)."""
        for column in dict.fromkeys((self.wish.key, *self.wish.columns)):
            info = self.layout.column(column)
            if info.also:
                slots = [self.layout.slots[fold(header)] for header in (*info.headers, *info.also)]
                count = united.unite(self.con, self.typed.raw, self.layout, info, slots)
                shown = ", ".join(f"“{plain(header)}”" for header in (*info.headers, *info.also))
                rows = by_count(count, "row has", "rows have")
                message = f"{rows} different values in {shown}; {united.RULE[info.type == 'boolean']}"
                self.findings.add("headers-collide", self.wish.info.name, column, count, message)

    def _read_one(self, export: Export, layout: Layout, into: str) -> tuple[list[int | None], Tally]:
        """Append one file to a raw table; (position of each slot's header in the file, what was met)."""
        positions = {fold(header): place for place, header in enumerate(numbered(export.headers))}
        wanted = [positions.get(header) for header in layout.slots]
        with reading(self.wish.place, export.file.name):
            return wanted, formats.read(self.con, export, wanted, into, self.wish.wants_address, self.private)

    def _neighbours(self) -> Habits:
        """How all columns of the source are written: its files are read once more for it."""
        layout = Layout(replace(self.wish, columns=tuple(self.wish.info.columns)))
        raw = self.whole()
        counts = Choice(self.con, layout, raw, self.findings, self._place).sample(self.typed.rows)
        self.con.execute(f"DROP TABLE {raw}")
        return measure.habits(counts.values())

    def whole(self) -> str:
        """A raw table of all columns, which needs the files once more."""
        layout = Layout(replace(self.wish, columns=tuple(self.wish.info.columns)))
        raw = f"{self.typed.raw}_all"
        formats.create_raw(self.con, raw, len(layout.slots))
        for export in self.wish.info.exports:
            self._read_one(export, layout, raw)
        return raw

    def _place(self, row: int) -> Where:
        return place(self.con, self.typed.raw, self.typed.spans, row)

    def _map(self) -> None:
        region = None
        if self.layout.country and fold(self.layout.column("country").headers[0]) in self.layout.slots:
            slot = self.layout.slot("country")
            region = (self.layout.text(self.layout.column("country"), slot), f"v{slot}")
        for column in self.wish.columns:
            info = self.layout.column(column)
            if info.type not in ("country", "phone"):
                continue
            slot = self.layout.slot(column)
            at, into = (self.wish.info.name, column), f"map_{self.wish.number}_{slot}"
            cells = Cells(self.typed.raw, self.layout.text(info, slot), f"v{slot}", region)
            work = mappings.countries if info.type == "country" else mappings.phones
            self.mapped[column] = work(self.con, cells, into, at, self.findings, self._place)

    def _create(self) -> None:
        layers = Layers(self.layout, self.choice, self.mapped)
        key = f"{emails.quick('r.h0')} AS _email" if self.wish.by_email else f"{self.typed.key} AS _key"
        query = layers.query(self.typed.raw, key, "_email" if self.wish.by_email else "_key")
        self.con.execute(f"CREATE OR REPLACE TABLE {self.typed.table} AS {query}")
        self.typed.types = {column: self._type(column) for column in self.wish.columns}

    def _type(self, column: str) -> ColumnType:
        info = self.layout.column(column)
        if info.type == "place" or len(info.headers) == 2:
            return "place"
        return self.choice.reading(info, self.layout.slot(column)).type

    def _guessed(self, column: str) -> list[int]:
        """The column's slot when its type was not declared."""
        slot = self.layout.slot(column)
        return [] if self.choice.reading(self.layout.column(column), slot).loose else [slot]

    def _losses(self) -> dict[str, int]:
        """column -> texts that did not become a value of its type."""
        checked = [column for column in self.wish.columns if self.typed.types[column] not in _NEVER_LOST]
        if not checked:
            return {}
        if not self.given:
            self.given = self._given(checked)
        kept = ", ".join(f"count({name(column)})" for column in checked)
        others = " ANTI JOIN silent USING (_row)" if self.silent else ""
        found = engine.row(self.con, f"SELECT {kept} FROM {self.typed.table}{others}")
        now = dict(zip(checked, found, strict=True))
        return {column: self.given[column] - has for column, has in now.items() if self.given[column] > has}

    def _given(self, checked: Sequence[str]) -> dict[str, int]:
        """column -> texts on rows that vote."""
        counts = ", ".join(f"count(*) FILTER ({self.layout.given(column)})" for column in checked)
        votes = self.layout.votes()
        query = f"SELECT count(*) FILTER (NOT {votes}), {counts} FROM {self.typed.raw} r"
        silent, *given = engine.row(self.con, query)
        if silent:
            self.silent = True
            kept = f"SELECT rowid AS _row FROM {self.typed.raw} r WHERE NOT {votes}"
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE silent AS {kept}")
            _, *given = engine.row(self.con, f"{query} WHERE {votes}")
        return dict(zip(checked, given, strict=True))

    def _report(self) -> None:
        for column, count in self._losses().items():
            where, cells = self._first_lost(column)
            hint = offsets.hint(cells[0]) if cells and self.typed.types[column] == "timestamp" else ""
            what = by_count(count, "value is no {} and counts", "values are no {} and count").format(
                self.typed.types[column]
            )
            message = f"{what} as missing{'. ' if hint else ''}{hint}"
            self.findings.add("not-of-type", self.wish.info.name, column, count, message, where, cells)
        self._zones()
        self._doubts()
        if self.wish.columns:
            counts = ", ".join(f"count({name(column)})" for column in self.wish.columns)
            found = engine.row(self.con, f"SELECT {counts} FROM {self.typed.table}")
            self.typed.empty = frozenset(
                column for column, has in zip(self.wish.columns, found, strict=True) if not has
            )

    def _zones(self) -> None:
        """Times that are read in the zone of their header."""
        for column, type_ in self.typed.types.items():
            header = self.layout.column(column).headers[0]
            if type_ == "timestamp" and self.layout.zone(header) != self.wish.zone:
                count = engine.number(self.con, f"SELECT count({name(column)}) FROM {self.typed.table}")
                times = by_count(count, "time is", "times are")
                message = f"{times} read in {self.layout.zone(header)}, as the header says. Else say `timezone:`"
                self.findings.add("header-zone", self.wish.info.name, column, count, message)

    def _doubts(self) -> None:
        at = self.wish.info.name
        for column, type_ in self.typed.types.items():
            info = self.layout.column(column)
            if type_ in ("number", "integer") and info.type == type_ and len(info.headers) == 1:
                text = self.layout.text(info, self.layout.slot(column))
                currencies.two(self.con, self.typed.raw, text, (at, column), self._place, self.findings)
        code = currencies.beside(self.wish.info)
        if code is not None and code in self.wish.columns and {"number", "integer"} & set(self.typed.types.values()):
            text = self.layout.text(self.layout.column(code), self.layout.slot(code))
            currencies.two(self.con, self.typed.raw, text, (at, code), self._place, self.findings)
        written = any(export.kind in ("csv", "xlsx") for export in self.wish.info.exports)
        texts = ("text", "country", "list") if written else ("text", "country")
        words = {one: self.layout.column(one) for one, type_ in self.typed.types.items() if type_ in texts}
        cells = {one: f"r.h{self.layout.slot(one)}" for one, info in words.items() if len(info.headers) == 1}
        doubts.texts(self.con, self.typed.raw, cells, at, self._place, self.findings)
        for column, type_ in self.typed.types.items():
            if type_ == "list" and written:
                sign = self.choice.reading(self.layout.column(column), self.layout.slot(column)).separator
                doubts.lists(self.con, self.typed.table, column, sign, at, self._place, self.findings)

    def _first_lost(self, column: str) -> tuple[Where, tuple[str, ...]]:
        (row,) = engine.row(
            self.con,
            f"SELECT min(r.rowid) FROM {self.typed.raw} r JOIN {self.typed.table} t ON t._row = r.rowid"
            f" WHERE t.{name(column)} IS NULL AND ({self.layout.given(column)}) AND {self.layout.votes()}",
        )
        return cell(self.con, self.typed.raw, self.typed.spans, self.layout, column, row)
