"""The one query that turns a raw table into a typed one, in three layers: texts, computed parts, values.

Owns: the query's text. Must not: run it.

Layers instead of one nested expression, because the engine computes a column of an inner select once, however often the
outer one names it.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.sources.columns.choose import Choice
from connector.sources.columns.layout import Layout
from connector.sources.columns.mappings import Mapped
from connector.sources.text import fold, name


class Layers:
    """Collects the three layers; used once."""

    def __init__(self, layout: Layout, choice: Choice, mapped: Mapping[str, Mapped]) -> None:
        self.layout, self.choice, self.mapped = layout, choice, mapped
        self.texts: dict[str, str] = {}
        self.parts: list[str] = []
        self.values: list[str] = []

    def query(self, raw: str, key: str, key_name: str) -> str:
        """SELECT _row, the key, the columns. `key` is SQL over `raw` as `r`, with its name."""
        for number, column in enumerate(self.layout.wish.columns):
            self._add(number, column)
        texts = "".join(f", {sql} AS {label}" for label, sql in self.texts.items())
        joins = " ".join(mapped.join for mapped in self.mapped.values())
        return (
            f"SELECT _row, {key_name}{''.join(self.values)} FROM (SELECT _row, {key_name}{''.join(self.parts)} FROM"
            f" (SELECT r.rowid AS _row, {key}{texts} FROM {raw} r) {joins})"
        )

    def _add(self, number: int, column: str) -> None:
        headers = self.layout.column(column).headers
        made = [self._value(column, header, f"p{number}_{place}") for place, header in enumerate(headers)]
        value = made[0] if len(made) == 1 else _place(*made)
        self.values.append(f", {value} AS {name(column)}")

    def _value(self, column: str, header: str, label: str) -> str:
        """Add the column's text and parts; its value in terms of them."""
        info, slot = self.layout.column(column), self.layout.slots[fold(header)]
        text = self._text(column, slot, label)
        if column in self.mapped:
            if info.type == "phone" and self.layout.country:
                self._text("country", self.layout.slot("country"), label)
            self.parts.append(f", {self.mapped[column].value} AS {label}")
            return label
        reading = self.choice.reading(info, slot)
        labels = []
        for number, sql in enumerate(reading.parts(text)):
            labels.append(f"{label}_{number}")
            self.parts.append(f", {sql} AS {labels[-1]}")
        return reading.value(labels, self.layout.zone(header))

    def _text(self, column: str, slot: int, label: str) -> str:
        sql = self.layout.text(self.layout.column(column), slot)
        if self.texts.setdefault(f"v{slot}", sql) == sql:
            return f"v{slot}"
        self.texts[f"v{slot}_{label}"] = sql  # the same header as two columns with other words for missing
        return f"v{slot}_{label}"


def _place(latitude: str, longitude: str) -> str:
    """SQL of a place; null when a coordinate is missing or off the globe."""
    there = f"{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180"
    pair = f"struct_pack(latitude := ({latitude})::DOUBLE, longitude := ({longitude})::DOUBLE)"
    return f"CASE WHEN {there} THEN {pair} END"
