"""The readings of a source's columns: guessed on a sample, settled on everything where the sample is not enough.

Owns: when to look at all values, and the report of what can be read two ways. Must not: count or decide (measure.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.cells import quoted
from connector.sources.columns import measure
from connector.sources.columns.layout import Layout
from connector.sources.columns.measure import Counts, Habits, Text
from connector.sources.columns.model import ColumnInfo
from connector.sources.columns.readings import Reading
from connector.sources.findings import Findings
from connector.sources.text import trim_sql

if TYPE_CHECKING:
    import duckdb

_SAMPLE = 1024


class Choice:
    """slot -> Reading, for the columns that need one; the others are read as their type says."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        layout: Layout,
        raw: str,
        findings: Findings,
        place: Callable[[int], tuple[str, int]],
    ) -> None:
        """`place` tells the file and row number of a raw row."""
        self.con, self.layout, self.raw, self.findings, self.place = con, layout, raw, findings, place
        self.texts = layout.measured()
        self.habits = Habits()
        self.readings: dict[int, Reading] = {}

    def reading(self, info: ColumnInfo, slot: int) -> Reading:
        return self.readings[slot] if slot in self.readings else measure.fixed(info)

    def guess(self, rows: int, neighbours: Callable[[], Habits]) -> None:
        """Read a sample; settle at once what a sample cannot tell.

        `neighbours` finds the habits of all columns of the source, so that an ambiguous column is read alike whichever
        others are needed. It is dear, and only asked when there is such a column."""
        counts = self.sample(rows)
        unsettled, ambiguous = [], False
        for slot, text in self.texts.items():
            found = measure.decide(text, counts[slot], self.habits, self.layout.wish.zone)
            self.readings[slot] = found
            told_number = found.type == "number" and found.loose  # its scale must be that of all values
            no_clock = found.type not in measure.TIMES and text.info.name in self.layout.wish.clocks
            two_ways = measure.ambiguous(found, counts[slot])
            ambiguous = ambiguous or two_ways
            more = not text.whole and measure.unsettled(found, counts[slot])
            is_list = found.type == "list" and found.loose and not text.info.separator  # any cell may have the sign
            if not counts[slot]["all"] or is_list or told_number or no_clock or two_ways or more:
                unsettled.append(slot)
        if ambiguous:
            self.habits = neighbours()
        self.settle(unsettled)

    def sample(self, rows: int) -> dict[int, Counts]:
        """The counts over some of the `rows` rows: the first ones, and some from all over the files."""
        step = max(1, rows // _SAMPLE)
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE sampled AS WITH chosen AS MATERIALIZED ("
            f"SELECT * FROM {self.raw} WHERE rowid < {_SAMPLE} OR rowid % {step} = 0"
            f") SELECT * FROM chosen r WHERE {self.layout.votes()}"
        )  # each step apart: a filter that leaves a few rows of every vector makes every expression beside it dear
        return measure.count(self.con, "sampled", self.texts.values())

    def settle(self, slots: Sequence[int]) -> None:
        """Choose the readings of these columns from all their values."""
        voters = f"(FROM {self.raw} r WHERE {self.layout.votes()})"
        counts = measure.count(self.con, voters, [self.texts[slot] for slot in slots])
        for slot in slots:
            text = self.texts[slot]
            info = text.info
            found = measure.decide(text, counts[slot], self.habits, self.layout.wish.zone)
            if found.type not in measure.TIMES and info.name in self.layout.wish.clocks:
                info = replace(info, type="timestamp")
                found = measure.decide(replace(text, info=info), counts[slot], self.habits, self.layout.wish.zone)
            self.readings[slot] = found
            if found.type == "text" and info.type is None and not text.whole:
                self._nearly(text, counts[slot])
            if found.type == "list" and not info.separator and (odd := counts[slot].get(f"not{found.separator}")):
                self._mixed(text, found.separator, odd)
            if measure.ambiguous(found, counts[slot]):
                self._ambiguous(text, found, counts[slot]["all"])

    def _nearly(self, text: Text, counts: Counts) -> None:
        """A column of texts most of which are no text: rules that ask it like a number or a date fail, and say why."""
        value = trim_sql(text.value)
        found = measure.odd(counts, value, text.dated) if counts["all"] else None
        if found is None:
            return
        fit, kind, other = found
        query = f"SELECT min(r.rowid), arg_min({text.value}, r.rowid) FROM {self.raw} r"
        row, cell = engine.row(self.con, f"{query} WHERE {value} IS NOT NULL AND {other} AND {self.layout.votes()}")
        if row is None:
            return
        others = counts["all"] - fit
        message = (
            f"{by_count(others, 'value is', 'values are')} none of the {kind} that {fit:,} of {counts['all']:,} are, so"
            f" the column is one of texts, as"
            f" “{quoted(cell)}”. Declare `type`, or `missing: [{quoted(cell)}]`"
        )
        source = self.layout.wish.info.name
        self.findings.add("nearly-typed", source, text.info.name, others, message, self.place(row))

    def _mixed(self, text: Text, sign: str, count: int) -> None:
        odd = measure.otherwise(text.value, sign)
        query = f"SELECT arg_min({text.value}, r.rowid), min(r.rowid) FROM {self.raw} r WHERE {odd}"
        cell, row = engine.row(self.con, query)
        cells = by_count(count, "cell has", "cells have")
        message = f"{cells} no “{sign}”, at which the others are split, as “{quoted(cell)}”. Say `separator:`."
        where = self.place(row)
        self.findings.add("mixed-separators", self.layout.wish.info.name, text.info.name, count, message, where)

    def _ambiguous(self, text: Text, found: Reading, count: int) -> None:
        source, info = self.layout.wish.info.name, text.info
        query = f"SELECT min(r.rowid), arg_min({text.value}, r.rowid) FROM {self.raw} r"
        shows = "regexp_matches({}, '[.,]')" if found.type == "number" else "{} IS NOT NULL"
        row, cell = engine.row(self.con, f"{query} WHERE {shows.format(text.value)} AND {self.layout.votes()}")
        what = by_count(count, "value", "values")
        where, as_ = (("", 0), "") if row is None else (self.place(row), f", as “{quoted(cell)}”")
        if found.type != "number":
            order = "day before month" if found.style == "dmy" else "month before day"
            message = f"{what} can be read two ways{as_}; {order} was taken. Say `format:`."
            self.findings.add("ambiguous-date", source, info.name, count, message, where)
        elif not info.decimal:
            message = (
                f"{what} can be read two ways{as_}; “{found.decimal}” was taken for the decimal sign. Say `decimal:`."
            )
            self.findings.add("ambiguous-number", source, info.name, count, message, where)
