"""Which type and style a column's texts have: counted first, then decided.

Owns: the counts, the choice, the ambiguities. Must not: build tables.

A type is inferred when every value fits it, or nearly every one: at least 95 % of them, and 20 or more; the rest are
missing, and named. Codes (layout.CODES) and numbers with zeros in front stay texts. Where day and month, or the decimal
sign, can be read two ways, the column follows the other columns of its source that can be read in one way only; failing
that, days come before months unless the time zone is one of the United States, and the point is the decimal sign. The
choice is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.core.model import ColumnType
from connector.sources import engine
from connector.sources.columns import money, months, offsets, times
from connector.sources.columns.model import ColumnInfo
from connector.sources.columns.normalise import NO, YES
from connector.sources.columns.readings import INTEGER, NUMBER, PLAIN, Reading
from connector.sources.columns.times import Style
from connector.sources.text import literal, trim_sql

if TYPE_CHECKING:
    import duckdb

Counts = Mapping[str, int]
TIMES: tuple[ColumnType, ...] = ("date", "timestamp")
_MONTH_FIRST = ("US/", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
                "America/Phoenix", "America/Anchorage", "America/Detroit", "America/Boise", "America/Indiana/",
                "America/Kentucky/", "America/North_Dakota/", "Pacific/Honolulu")  # fmt: skip
LISTS = (";", "|", ",", "\n")  # signs of a list: the first that any cell has divides the column
OTHERS = {sign: LISTS[place + 1 :] for place, sign in enumerate(LISTS[:-1])}  # those that came into question after it
ENOUGH = 20  # values that a type must fit before it holds against a few others
_STYLES: tuple[Style, ...] = ("iso", "dmy", "mdy", "names")
_WHOLE = (("integer", INTEGER), ("zeros", r"0\d+"))


@dataclass(frozen=True, slots=True)
class Text:
    """One text column to decide about: where it is in the raw table and how a cell of it is read."""

    slot: int
    value: str  # SQL: the cell's text, null when missing
    info: ColumnInfo
    whole: bool = False  # its type must fit every value
    dated: bool = False  # some cells may be a workbook's own dates


# What every number is made of.
# What every date has in it: two digits at a sign, or a name of a month before a digit; and three digits before the
# first colon, where no sign of an address is.
_NUMERAL = r"-?\d[\d., \x{a0}\x{202f}'’]*"
_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}:\d{2})?"  # how most exports write them, and to be read in one way only
_DAY, _DIGITS = r"(?s:\d[-./\\ ]\d|[A-Za-z].*\d)", r"^[^@:]*\d[^@:]*\d[^@:]*\d[^@:]*(?::|$)"


@dataclass(frozen=True, slots=True)
class _Like:
    """Whether any value of a column may be a number, a date, a date whose month is a word, or is no ISO date."""

    number: bool = True
    date: bool = True
    named: bool = True
    other: bool = True


@dataclass(frozen=True, slots=True)
class Habits:
    """How the source's unambiguous columns are written."""

    decimal: str | None = None
    style: Style | None = None


def count(con: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[Text]) -> dict[int, Counts]:
    """slot -> how many values fit each candidate. Two passes over `relation`: the second does not ask a column whether
    it holds numbers or dates when no value is anything like one, or all are ISO dates. That is what takes most of the
    time, of a few values as of many: to plan the counts of all kinds takes 30 ms a column."""
    columns = list(columns)
    if not columns:
        return {}
    inner = ", ".join(
        f"{trim_sql(column.value)} AS t{column.slot}, {column.value} AS v{column.slot}" for column in columns
    )
    texts = f"(SELECT {inner} FROM {relation} r)"
    like = _like(con, texts, [column for column in columns if column.info.type in (None, *TIMES)])
    asked = [(column, like.get(column.slot, _Like())) for column in columns]
    wanted = [(column.slot, label, sql) for column, may in asked for label, sql in _counters(column, may)]
    timed = [column.slot for column, may in asked if may.date and may.other and column.info.type in (None, *TIMES)]
    bare = "".join(f", {offsets.bare(f't{slot}')} AS b{slot}" for slot in timed)
    row = engine.row(con, f"SELECT {', '.join(sql for *_, sql in wanted)} FROM (SELECT *{bare} FROM {texts})")
    found: dict[int, dict[str, int]] = {column.slot: {} for column in columns}
    for (slot, label, _), number in zip(wanted, row, strict=True):
        found[slot][label] = int(number or 0)
    return {**found}


def _like(con: duckdb.DuckDBPyConnection, texts: str, columns: Iterable[Text]) -> dict[int, _Like]:
    columns = list(columns)
    tests = (_is_numeral, _has_a_day, months.has_word, _is_no_iso)
    asked = [f"bool_or({test(f't{column.slot}')})" for column in columns for test in tests]
    found = iter(engine.row(con, f"SELECT {', '.join(asked)} FROM {texts}") if asked else ())
    like = {column.slot: _Like(*(bool(next(found)) for _ in tests)) for column in columns}
    for column in columns:
        if column.dated or (column.info.type is not None and like[column.slot].other):
            like[column.slot] = _Like()  # a workbook's own dates are numbers; what is declared is counted in every way
    return like


def _is_numeral(value: str) -> str:
    return f"regexp_full_match({value}, {literal(_NUMERAL)})"


def _has_a_day(value: str) -> str:
    return f"(regexp_matches({value}, {literal(_DAY)}) AND regexp_matches({value}, {literal(_DIGITS)}))"


def _is_no_iso(value: str) -> str:
    return f"NOT regexp_full_match({value}, {literal(_ISO)})"


def _counters(column: Text, like: _Like) -> list[tuple[str, str]]:
    t, v, declared = f"t{column.slot}", f"v{column.slot}", column.info.type
    counters = [("all", f"count({t})"), ("padded", f"count(*) FILTER ({t} <> {v})")]
    if declared is None:
        counters.append(("boolean", f"count(*) FILTER (lower({t}) IN ('true', 'false'))"))
        counters.append(("array", f"count(*) FILTER (starts_with({t}, '[') AND json_valid({t}))"))
        some = [(label, f"count(*) FILTER (regexp_full_match({t}, {literal(sign)}))") for label, sign in _WHOLE]
        counters += some if like.number else [(label, "0") for label, _ in some]
    if declared in (None, "number", "integer", "place"):
        some = _number_counters(t if declared is None else money.bare(t), NUMBER if declared is None else PLAIN)
        counters += some if like.number else [(label, "0") for label, _ in some]
    if declared in (None, "date", "timestamp"):
        some = _time_counters(t, f"b{column.slot}", column.dated, like.named) if like.other else _iso_counters(t)
        counters += some if like.date else [(label, "0") for label, _ in some]
        stamps = f"count(coalesce({times.local(t, 'stamp', None, column.dated)}, {times.zoned(t, 'stamp')}))"
        counters.append(("stamp", stamps if like.number or (column.dated and like.date) else "0"))
    if declared == "day":
        for style, order in (("mdy", "%m/%d"), ("dmy", "%d/%m")):
            counters.append((style, f"count(try_strptime('2000 ' || replace({t}, '-', '/'), '%Y {order}'))"))
    if declared == "list":
        counters += [(sign, f"count(*) FILTER (contains({t}, {literal(sign)}))") for sign in LISTS]
        counters += [(f"not{sign}", f"count(*) FILTER ({otherwise(t, sign)})") for sign in OTHERS]
    return counters


def _time_counters(value: str, bare: str, dated: bool, named: bool) -> list[tuple[str, str]]:
    """`bare` is the value without its zone."""
    counters = [("day", f"count(*) FILTER ({times.is_any_day(value)})")]
    for style in _STYLES:
        some = named or dated or style != "names"  # which takes the most
        counters.append((style, f"count({times.local(bare, style, None, dated)})" if some else "0"))
    return [*counters, ("zoned", f"count(*) FILTER ({value} <> {bare})")]


def _iso_counters(value: str) -> list[tuple[str, str]]:
    """As `_time_counters`, of values that are ISO dates, if they are any."""
    iso = f"count(TRY_CAST({value} AS TIMESTAMP))"
    others = [(style, "0") for style in _STYLES if style != "iso"]
    return [("day", f"count(*) FILTER ({times.is_any_day(value)})"), ("iso", iso), *others, ("zoned", "0")]


def _number_counters(value: str, patterns: Mapping[str, str]) -> list[tuple[str, str]]:
    counters = []
    for sign, pattern in patterns.items():
        fits = f"FILTER (regexp_full_match({value}, {literal(pattern)}))"
        whole = f"regexp_replace(split_part({value}, '{sign}', 1), '\\D', '', 'g')"
        grouped = f"regexp_matches({value}, '[^0-9{sign}-]')"
        counters.append((f"number{sign}", f"count(*) {fits}"))
        counters.append((f"grouped{sign}", f"count(*) {fits[:-1]} AND {grouped})"))
        counters.append((f"scale{sign}", f"max(length(split_part({value}, '{sign}', 2))) {fits}"))
        counters.append((f"digits{sign}", f"max(length({whole})) {fits}"))
    return counters


def otherwise(value: str, sign: str) -> str:
    """SQL: the list in `value` has another sign than the column's `sign`, so that it is not split."""
    quoted = f"contains({value}, '\"')"
    others = " OR ".join(f"contains({value}, {literal(other)})" for other in OTHERS[sign])
    return f"NOT contains({value}, {literal(sign)}) AND ({others}) AND NOT {quoted}"


def habits(counted: Iterable[Counts]) -> Habits:
    """What the columns that can be read in one way only tell about the others."""
    decimal: str | None = None
    style: Style | None = None
    for counts in counted:
        if counts["all"]:
            dot, comma = counts.get("number.", 0), counts.get("number,", 0)
            if max(dot, comma) == counts["all"] and dot != comma:
                decimal = "." if dot > comma else ","
            dmy, mdy = counts.get("dmy", 0), counts.get("mdy", 0)
            if max(dmy, mdy) == counts["all"] and dmy != mdy:
                style = "dmy" if dmy > mdy else "mdy"
    return Habits(decimal, style)


def ambiguous(reading: Reading, counts: Counts) -> bool:
    """Whether the column can be read another way and nothing in itself says which."""
    if reading.type == "number":
        signs = counts["scale."] or counts["scale,"]  # whole numbers are the same either way
        return counts["number."] == counts["number,"] > 0 and signs > 0
    if reading.type in ("date", "timestamp", "day"):
        return reading.style in ("dmy", "mdy") and counts["dmy"] == counts["mdy"] > 0
    return False


def decide(text: Text, counts: Counts, habits: Habits, zone: str) -> Reading:
    """The reading of a column, from its counts. Without any value an undeclared column is text."""
    found = _decide(text, counts, habits, zone)
    return replace(found, dated=True) if text.dated else found


def _decide(text: Text, counts: Counts, habits: Habits, zone: str) -> Reading:
    info, whole = text.info, text.whole
    padded = counts["padded"] > 0
    if info.type is not None:
        return _declared(info, info.type, counts, habits, zone, padded)
    total = counts["all"]
    if not total:
        return Reading("text")
    if counts["boolean"] == total:
        return Reading("boolean", padded=padded)
    if counts["array"] == total:
        return Reading("list", padded=padded)
    if counts["integer"] == total:
        return Reading("integer", padded=padded)
    if max(counts["number."], counts["number,"]) == total:
        return _number("number", counts, habits, padded, loose=False)
    style = _style(counts, habits, zone)
    if counts[style] == total:
        return _moment(counts, style, padded, total)
    return Reading("text") if whole else _nearly(counts, habits, style, padded)


def _nearly(counts: Counts, habits: Habits, style: Style, padded: bool) -> Reading:
    """The type that all but a few values fit, else text."""
    enough = max(ENOUGH, -(-counts["all"] * 95 // 100))
    number = 0 if counts["zeros"] else max(counts["number."], counts["number,"])
    fits = {"boolean": counts["boolean"], "number": number, "time": counts[style]}
    kind = max(fits, key=lambda one: fits[one])
    if fits[kind] < enough:
        return Reading("text")
    if kind == "boolean":
        return Reading("boolean", padded=padded)
    if kind == "time":
        return _moment(counts, style, padded, counts[style])
    if counts["integer"] == number:
        return Reading("integer", padded=padded)
    return _number("number", counts, habits, padded, loose=False)


def _moment(counts: Counts, style: Style, padded: bool, total: int) -> Reading:
    type_: ColumnType = "date" if counts["day"] >= total else "timestamp"
    return Reading(type_, padded=padded, style=style, zoned=counts["zoned"] > 0)


def unsettled(reading: Reading, counts: Counts) -> bool:
    """Whether a sample said text, and all values may say otherwise."""
    most = max(counts.get(one, 0) for one in ("boolean", "number.", "number,", *_STYLES))
    return reading.type == "text" and not reading.loose and 2 * most > counts["all"]


def odd(counts: Counts, value: str, dated: bool) -> tuple[int, str, str] | None:
    """(how many, of which kind, SQL: whether the text `value` is none), where most texts of a column are of a kind."""
    style = max(_STYLES, key=lambda one: counts[one])
    sign = max(NUMBER, key=lambda one: counts[f"number{one}"])
    number = (counts[f"number{sign}"], "numbers", f"NOT regexp_full_match({value}, {literal(NUMBER[sign])})")
    moment = f"{times.local(offsets.bare(value), style, None, dated)} IS NULL"
    found = max(number, (counts[style], "dates", moment))
    return found if 2 * found[0] > counts["all"] else None


def fixed(info: ColumnInfo) -> Reading:
    """The reading of a column whose type needs no look at its values: text, country, phone, boolean."""
    if info.type == "boolean":
        return Reading("boolean", True, True, yes=(*YES, *info.yes), no=(*NO, *info.no))
    return Reading(info.type or "text", True)


def _declared(info: ColumnInfo, type_: ColumnType, counts: Counts, habits: Habits, zone: str, padded: bool) -> Reading:
    if type_ in ("number", "integer", "place"):
        return _number(type_, counts, Habits(info.decimal or habits.decimal), padded, True, info.decimal)
    if type_ in ("date", "timestamp"):
        stamps = counts.get("stamp", 0) > max(counts[one] for one in _STYLES)
        style: Style = "format" if info.format else "stamp" if stamps else _style(counts, habits, zone)
        return Reading(type_, True, padded, style=style, zoned=True, format=info.format)
    if type_ == "day":
        two_ways = counts["mdy"] == counts["dmy"]
        order: Style = (habits.style or "mdy") if two_ways else "mdy" if counts["mdy"] > counts["dmy"] else "dmy"
        return Reading(type_, True, padded, style="format" if info.format else order, format=info.format)
    if type_ == "list":
        sign = next((sign for sign in LISTS if counts.get(sign)), ",")
        return Reading(type_, True, padded, separator=info.separator or sign)
    return fixed(info)


def _number(
    type_: ColumnType, counts: Counts, habits: Habits, padded: bool, loose: bool, told: str | None = None
) -> Reading:
    dot, comma = counts["number."], counts["number,"]
    sign = told or (habits.decimal or "." if dot == comma else "." if dot > comma else ",")
    digits, scale = counts[f"digits{sign}"], counts[f"scale{sign}"]
    return Reading(
        type_, loose, padded, decimal=sign, digits=max(digits, 1), scale=min(scale, 18),
        grouped=loose or counts[f"grouped{sign}"] > 0,
    )  # fmt: skip


def _style(counts: Counts, habits: Habits, zone: str) -> Style:
    best = max(counts[style] for style in _STYLES)
    tied = [style for style in _STYLES if counts[style] == best]
    if best and tied == ["dmy", "mdy"]:
        return habits.style or ("mdy" if zone.startswith(_MONTH_FIRST) else "dmy")
    return tied[0]
