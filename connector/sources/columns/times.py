"""How dates and times are written, and how they become UTC instants.

Owns: the styles (ISO, day first, month first, month names, a declared format, and stamps: seconds or milliseconds since
1970 and the days of a spreadsheet) and local time -> UTC in SQL. A year of two digits is 2000 to 2039, or 1940 to 1999.
Must not: choose a style (measure.py does), know names of months (months.py) or zones in cells (offsets.py).

`dated`: a workbook's cells of dates come as ISO, whatever the style of the texts among them is.

A local time in a clock gap is an hour later, a double one is the first: before each change of the clock the old offset
holds until the later of the two local readings of that instant, so one step function of local time says it all.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from connector.sources.columns import months, offsets
from connector.sources.text import literal, literals

Style = Literal["iso", "dmy", "mdy", "names", "format", "stamp"]

_ISO_DAY = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_ISO_TIME = r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_ZONE = r" ?(?:Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})"
_NOON = r"[ \x{a0}\x{202f}]?[AaPp]\.?[Mm]\.?"
_AT = r"(?:(?:at|um|à|às|as?|a las|alle|alle ore|om|o) )"  # as in `18. März 2026 um 14:05 Uhr`
_CLOCK = (
    rf"(?:(?i:,?[ \x{{a0}}\x{{202f}}T]+{_AT}?\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?"
    r"(?:[ \x{a0}\x{202f}]?(?:[ap]\.?m\.?|uhr))?))"
)
_SHORT_YEAR = r"\d{1,2}(?:/\d{1,2}/|\.\d{1,2}\.)"  # not with hyphens: 26-11-18 is anything
_NUMERIC_DAY = rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{4}}|{_SHORT_YEAR}\d{{2}})"
_SERIAL, _EPOCH = r"[2-7]\d{4}(?:\.\d+)?", r"1\d{9}(?:\.\d+)?|1\d{12}"

_YEARS = range(1900, 2100)  # in which clocks change
_NEVER = 2**40  # seconds since 1970
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
_FORMATS = [f"%Y-%m-%d{time}" for time in _TIMES]
_HALF_DAYS = ("%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p")


def is_day(value: str, style: Style) -> str:
    """SQL: whether the text is a day without a time, as the style writes it."""
    if style == "names":
        return months.is_day(value)
    return f"regexp_full_match({value}, {literal(_ISO_DAY if style == 'iso' else _NUMERIC_DAY)})"


def is_any_day(value: str) -> str:
    return f"(regexp_full_match({value}, {literal(f'{_ISO_DAY}|{_NUMERIC_DAY}')}) OR {months.is_day(value)})"


def local(value: str, style: Style, format_: str | None = None, dated: bool = False) -> str:
    """SQL: the text `value` as a TIMESTAMP without a zone; null when it is not of the style or says its zone.

    A day is its first moment."""
    if dated and style != "iso":
        return f"coalesce({local(value, 'iso')}, {local(value, style, format_)})"
    if style == "iso":
        pattern = literal(f"{_ISO_DAY}(?:{_ISO_TIME})?")
        usual = f"strlen({value}) = 19 AND substr({value}, 17, 1) = ':'"  # to the second: no room for a zone
        cast = f"TRY_CAST({value} AS TIMESTAMP)"
        noon = literal(f"{_ISO_DAY}[T ]\\d{{1,2}}:\\d{{2}}(?::\\d{{2}})?{_NOON}")
        half = f"try_strptime(replace(replace({_spaced(value)}, '/', '-'), 'T', ' '), [{literals(_HALF_DAYS)}])"
        return (
            f"CASE WHEN {usual} THEN {cast} WHEN regexp_full_match({value}, {pattern}) THEN {cast}"
            f" WHEN regexp_full_match({value}, {noon}) THEN {half} END"
        )
    if style == "stamp":
        seconds = f"to_seconds(round(TRY_CAST({value} AS DOUBLE) * 86400)::BIGINT)"
        return f"CASE WHEN regexp_full_match({value}, '{_SERIAL}') THEN TIMESTAMP '1899-12-30' + {seconds} END"
    if style == "format":
        zoned = "%z" in (format_ or "") or "%Z" in (format_ or "")
        return "NULL::TIMESTAMP" if zoned else f"try_strptime({value}, {literal(format_ or '')})::TIMESTAMP"
    return _named(value) if style == "names" else _numeric(value, style)


def zoned(value: str, style: Style, format_: str | None = None) -> str:
    """SQL: the text `value` that says its zone as a TIMESTAMP in UTC, else null."""
    if style == "stamp":
        whole = f"TRY_CAST({value} AS DOUBLE) / CASE WHEN strlen(split_part({value}, '.', 1)) = 13 THEN 1000 ELSE 1 END"
        moment = f"make_timestamp(round({whole} * 1000)::BIGINT * 1000)"
        return f"CASE WHEN regexp_full_match({value}, '{_EPOCH}') THEN {moment} END"
    if style == "format":
        if "%z" in (format_ or "") or "%Z" in (format_ or ""):
            return f"try_strptime({value}, {literal(format_ or '')})::TIMESTAMPTZ::TIMESTAMP"
        return "NULL::TIMESTAMP"
    here = f"{local(offsets.without(value), style)} - to_seconds({offsets.seconds(value)})"
    usual = ""
    if style == "iso":
        pattern = literal(_ISO_DAY + _ISO_TIME + _ZONE)
        plain = rf"regexp_replace(regexp_replace({value}, ' ?(?:Z|z|UTC|GMT)$', '+00:00'), ' ([+-]\d)', '\1')"
        usual = f"WHEN regexp_full_match({value}, {pattern}) THEN TRY_CAST({plain} AS TIMESTAMPTZ)::TIMESTAMP"
    return f"CASE {usual} WHEN {offsets.told(value)} THEN {here} END"


def day_of_year(value: str, style: Style, format_: str | None = None) -> str:
    """SQL: a day with or without a year as MM/DD, null when it is none. `style` decides what 11/12 is."""
    if style == "format":
        return f"strftime(try_strptime('2000 ' || {value}, {literal('%Y ' + (format_ or ''))}), '%m/%d')"
    order = "%d/%m" if style == "dmy" else "%m/%d"
    slashed, dotted = f"replace({value}, '-', '/')", f"rtrim(replace({value}, ' ', ''), '.')"
    tries = (
        f"try_strptime('2000' || {value}, '%Y--%m-%d')",  # of address books, always in this order
        f"try_strptime('2000 ' || {slashed}, '%Y {order}')",
        f"try_strptime('2000 ' || {dotted}, '%Y %d.%m')",
        f"try_strptime('2000-' || {months.yearless(value)}, '%Y-%m-%d')",
        f"try_strptime(left({value}, 10), '%Y-%m-%d')",
        f"try_strptime({slashed}, '{order}/%Y')",
        f"try_strptime({dotted}, '%d.%m.%Y')",
        _named(value),
    )
    return f"strftime(coalesce({', '.join(tries)}), '%m/%d')"


def to_utc(local: str, zone: str) -> str:
    """SQL: a local TIMESTAMP as the UTC TIMESTAMP. `local` must be a column: it stands in the result many times."""
    first, found = changes(zone)
    steps = [(at + max(before, after), after) for at, before, after in found]
    return _shifted(local, first, steps, sign="-")


def to_local(utc: str, zone: str) -> str:
    """SQL: a UTC TIMESTAMP as the local one; `utc` must be a column."""
    first, found = changes(zone)
    return _shifted(utc, first, [(at, after) for at, _, after in found], sign="+")


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _numeric(value: str, style: Style) -> str:
    """SQL for the styles that put the day first, or the month first."""
    spaced = _long_years(_spaced(value), value)
    order = r"\3-\2-\1" if style == "dmy" else r"\3-\1-\2"
    days = rf"regexp_replace({spaced}, '^(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{4}}),?', '{order}')"
    plain = rf"regexp_replace({days}, '(\d)[^\d:]+(\d{{1,2}}:)', '\1 \2')"
    pattern = literal(f"{_NUMERIC_DAY}{_CLOCK}?")
    return f"CASE WHEN regexp_full_match({value}, {pattern}) THEN try_strptime({plain}, [{literals(_FORMATS)}]) END"


def _named(value: str) -> str:
    """SQL for the style that writes the month as a word."""
    clock = rf"regexp_extract({_spaced(value)}, '\d{{1,2}}:.*$')"
    plain = f"rtrim({months.iso(value)} || ' ' || {clock})"
    return f"CASE WHEN {months.is_day(value, _CLOCK + '?')} THEN try_strptime({plain}, [{literals(_FORMATS)}]) END"


def _spaced(value: str) -> str:
    """SQL: in capitals, with one blank before AM and PM, and without the o'clock of German."""
    plain = rf"regexp_replace(upper({value}), '[ \x{{a0}}\x{{202f}}]*([AP])\.?M\.?$', ' \1M')"
    return rf"regexp_replace({plain}, '[ \x{{a0}}\x{{202f}}]*UHR$', '')"


def _long_years(text: str, value: str) -> str:
    """SQL: `text`, made of `value`, with four digits where its year has two."""
    late = rf"regexp_replace({text}, '^({_SHORT_YEAR})([0-3]\d)\b', '\120\2')"
    both = rf"regexp_replace({late}, '^({_SHORT_YEAR})([4-9]\d)(\D|$)', '\119\2\3')"
    return f"CASE WHEN regexp_full_match({value}, '{_SHORT_YEAR}\\d{{2}}(?:\\D.*)?') THEN {both} ELSE {text} END"


def _shifted(value: str, first: timedelta, steps: list[tuple[datetime, timedelta]], sign: str) -> str:
    offsets = [first, *(offset for _, offset in steps)]
    if not any(offsets):
        return value
    return f"({value} {sign} to_seconds({_offset_at(value, first, steps)}))"


def _offset_at(value: str, first: timedelta, steps: list[tuple[datetime, timedelta]]) -> str:
    """SQL: the offset (s) that holds at `value`. Lists by year tell where it changes and to what: a CASE over all
    changes costs five times as much to prepare, and twice to compute."""
    by_year: dict[int, list[tuple[int, int]]] = {year: [] for year in _YEARS}
    for at, offset in steps:
        year = min(max(at.year, _YEARS.start), _YEARS.stop - 1)
        by_year[year].append((int(at.replace(tzinfo=UTC).timestamp()), int(offset.total_seconds())))
    most, before, rows = max(map(len, by_year.values())), int(first.total_seconds()), []
    for found in by_year.values():
        rows.append([(None, before), *found, *[(_NEVER, 0)] * (most - len(found))])
        before = found[-1][1] if found else before
    columns = list(zip(*rows, strict=True))
    place = f"[least(greatest(year({value}), {_YEARS.start}), {_YEARS.stop - 1}) - {_YEARS.start - 1}]"
    until = [_list(at for at, _ in column) + place for column in columns[1:]]
    holds = [_list(offset for _, offset in column) + place for column in columns]
    whens = "".join(f" WHEN epoch({value}) < {at} THEN {offset}" for at, offset in zip(until, holds, strict=False))
    return f"CASE{whens} ELSE {holds[-1]} END" if whens else holds[-1]


def _list(numbers: Iterable[int | None]) -> str:
    """SQL: numbers as one literal, which is read much quicker than one each."""
    return f"('[{','.join(map(str, numbers))}]'::BIGINT[])"


@lru_cache(maxsize=16)
def changes(zone: str) -> tuple[timedelta, list[tuple[datetime, timedelta, timedelta]]]:
    """The offset of 1900, and (instant, offset before, offset after) of every change until 2100."""
    info = ZoneInfo(zone)
    at, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (_YEARS.start, _YEARS.stop))
    first = before = _offset(at, info)
    found = []
    while at < end:
        later = at + timedelta(days=7)  # in no zone does the clock change twice within a week
        after = _offset(later, info)
        if after != before:
            found.append((_second(at, later, before, info), before, after))
            before = after
        at = later
    return first, found


def _second(low: datetime, high: datetime, before: timedelta, info: ZoneInfo) -> datetime:
    """The first second of (low, high] at which the offset is no longer `before`."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if _offset(middle, info) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(at: datetime, info: ZoneInfo) -> timedelta:
    return at.astimezone(info).utcoffset() or timedelta(0)
