"""How the texts of one column become values of its type, as SQL.

Owns: Reading and its expressions for every type. Must not: look at data (measure.py) or at files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.core.model import ColumnType
from connector.sources.columns import money, times
from connector.sources.columns.normalise import boolean_sql
from connector.sources.columns.times import Style
from connector.sources.text import BLANK_CLASS, literal, trim, trim_sql

MISSING_WORDS = ("null", "n/a", "#n/a", "-")

INTEGER = r"-?(?:0|[1-9]\d{0,17})"
# Decimal sign -> pattern. Group signs: the other one, spaces, apostrophes.
NUMBER = {
    ".": r"-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:[, \x{a0}\x{202f}'’]\d{3})+)(?:\.\d+)?",
    ",": r"-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:[. \x{a0}\x{202f}'’]\d{3})+)(?:,\d+)?",
}
_LAKH = r"\d{1,2}(?:,\d{2})+,\d{3}"  # 1,23,456 as India groups
PLAIN = {".": rf"[-+]?(?:(?:\d+(?:,\d{{3}})*|{_LAKH})(?:\.\d*)?|\.\d+)", ",": r"[-+]?(?:\d+(?:\.\d{3})*(?:,\d*)?|,\d+)"}


@dataclass(frozen=True, slots=True)
class Reading:
    """`loose` accepts what people write in a column whose type is declared; without it every text must be exact."""

    type: ColumnType
    loose: bool = False
    padded: bool = False  # some cells have outer blanks
    decimal: str = "."
    digits: int = 18  # before the decimal sign
    scale: int = 0
    grouped: bool = True  # some values have group signs
    style: Style = "iso"
    zoned: bool = False  # some values say their zone
    dated: bool = False  # some may be a workbook's own cells of dates
    format: str | None = None
    separator: str = ","
    yes: tuple[str, ...] = ("true",)
    no: tuple[str, ...] = ("false",)

    def parts(self, value: str) -> list[str]:
        """SQL of what is computed from the text `value` (a column): one expression, for times two (local, UTC)."""
        if self.type not in ("date", "timestamp"):
            return [self._sql(value)]
        value = trim_sql(value) if self.padded else value
        if self.type == "date" and not self.loose:  # a time of day would be lost
            iso = f"{times.is_day(value, 'iso')} OR " if self.dated else ""
            value = f"CASE WHEN {iso}{times.is_day(value, self.style)} THEN {value} END"
        local = times.local(value, self.style, self.format, self.dated)
        return [local, times.zoned(value, self.style, self.format)] if self.zoned else [local]

    def value(self, parts: Sequence[str], zone: str) -> str:
        """SQL of the value, null when the text does not fit. `parts` are the columns of the computed parts."""
        if self.type == "timestamp":
            here = times.to_utc(parts[0], zone)
            return here if len(parts) == 1 else f"coalesce({parts[1]}, {here})"
        if self.type == "date":
            day = f"{parts[0]}::DATE"
            return day if len(parts) == 1 else f"coalesce({day}, {times.to_local(parts[1], zone)}::DATE)"
        return parts[0]

    def _sql(self, value: str) -> str:
        if self.type in ("text", "country", "phone"):
            return value
        if self.padded:
            value = trim_sql(value)
        match self.type:
            case "integer":
                return self._integer(value)
            case "number" | "place":  # each of the two headers is a number
                return self._number(value)
            case "boolean":
                return boolean_sql(value, self.yes, self.no)
            case "list":
                return self._list(value)
            case "day":
                return times.day_of_year(value, self.style, self.format)
        raise AssertionError(f"no single-column reading for {self.type}")

    def _integer(self, value: str) -> str:
        if not self.loose:
            return f"CASE WHEN regexp_full_match({value}, {literal(INTEGER)}) THEN TRY_CAST({value} AS BIGINT) END"
        number = f"TRY_CAST({self._plain(value)} AS DECIMAL(38, 9))"
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"

    def _number(self, value: str) -> str:
        type_ = decimal_type(self.digits, self.scale)
        if self.loose:
            return f"TRY_CAST({self._plain(value)} AS {type_})"
        scale = rf"\d{{1,{self.scale}}}" if self.scale else r"\d{0}"
        pattern = NUMBER[self.decimal] if self.grouped else rf"-?(?:0|[1-9]\d*)(?:\{self.decimal}\d+)?"
        exact = literal(pattern.replace(r"\d+)?", scale + ")?"))
        return f"CASE WHEN regexp_full_match({value}, {exact}) THEN TRY_CAST({self._ungrouped(value)} AS {type_}) END"

    def _plain(self, value: str) -> str:
        """A loosely written number as one to be cast, null when it is none."""
        text = money.bare(value)
        number = f"{self._ungrouped(text)} || {money.exponent(value)}"
        return f"CASE WHEN regexp_full_match({text}, {literal(PLAIN[self.decimal])}) THEN {number} END"

    def _ungrouped(self, value: str) -> str:
        if not self.grouped:
            return value if self.decimal == "." else f"replace({value}, ',', '.')"
        if self.decimal == ".":
            return f"translate({value}, ', \u00a0\u202f''’', '')"
        return f"replace(translate({value}, '. \u00a0\u202f''’', ''), ',', '.')"

    def _list(self, value: str) -> str:
        as_json = f"TRY(from_json({value}, '[\"VARCHAR\"]'))"
        items = f"string_split({value}, {literal(self.separator)})"
        if len(self.separator) == 1:
            sign = re.escape(self.separator)
            pattern = literal('"[^"]*"|[^"' + sign + "]+")
            quoted = f"regexp_extract_all({value}, {pattern})"
            items = f"CASE WHEN contains({value}, '\"') THEN {quoted} ELSE {items} END"
        around = literal(f'^(?:{BLANK_CLASS}|")+|(?:{BLANK_CLASS}|")+$')
        bare_items = f"list_transform({items}, lambda x: regexp_replace(x, {around}, '', 'g'))"
        trimmed = f"list_filter({bare_items}, lambda x: x <> '')"
        clean = f"list_filter({as_json}, lambda x: x IS NOT NULL)"
        return f"CASE WHEN starts_with({value}, '[') THEN coalesce({clean}, {trimmed}) ELSE {trimmed} END"


def decimal_type(digits: int, scale: int) -> str:
    """The exact DECIMAL that holds so many digits; a scale that does not fit beside them is cut."""
    if digits + scale <= 18:
        return f"DECIMAL(18, {scale})"
    return f"DECIMAL(38, {max(0, min(scale, 38 - digits))})"


def present(column: str, words: tuple[str, ...], apostrophe: bool) -> str:
    """SQL: the text of a cell, null when it is blank or one of the words for a missing value.

    Values whose first sign can begin neither a blank nor such a word are let through by comparing alone."""
    words = tuple(word for word in (trim(word).lower() for word in words) if word)
    pattern = f"(?i){BLANK_CLASS}*(?:{'|'.join(map(re.escape, words))})?{BLANK_CLASS}*"
    missing = f"CASE WHEN regexp_full_match({column}, {literal(pattern)}) THEN NULL ELSE {column} END"
    text = f"CASE WHEN {_ordinary(column, words)} THEN {column} ELSE {missing} END"
    if not apostrophe:
        return text
    return f"CASE WHEN starts_with({column}, '''') THEN nullif(substr({column}, 2), '') ELSE {text} END"


def _ordinary(column: str, words: tuple[str, ...]) -> str:
    special = {sign for word in words for sign in (word[0].lower(), word[0].upper())}
    runs, start = [], None
    for code in range(0x21, 0x7F):
        if chr(code) in special:
            start = None
        elif start is None:
            start = code
            runs.append([code, code + 1])
        else:
            runs[-1][1] = code + 1
    wide = sorted(runs, key=lambda run: run[0] - run[1])[:4]  # the rest takes the slow road
    tests = [f"({column} >= {literal(chr(low))} AND {column} < {literal(chr(high))})" for low, high in wide]
    return "(" + " OR ".join(tests) + ")"
