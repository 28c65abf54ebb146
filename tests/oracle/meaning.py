"""The meaning of the language over plain Python values, one person after the other.

A second, slow and separate reading of the language's rules: it shares only the syntax tree with the connector.
A person is a dict of typed values (None is missing); events are lists of such dicts, under the source's name in
`person["events"]`, with their time in `_at`.
"""

from __future__ import annotations

import calendar
import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import accumulate
from math import acos, ceil, cos, radians, sin
from typing import Any
from zoneinfo import ZoneInfo

from connector.config.language import rules as r
from connector.config.sections.models import Config
from connector.sources.model import EVENT
from tests.oracle.expressions import EXPRESSIONS

Person = Mapping[str, Any]
INVISIBLE = "\u180e\u200b\u200c\u200d\u2060\ufeff"
MONTHS = [calendar.month_name[number].lower() for number in range(1, 13)]
WEEKDAYS = [name.lower() for name in calendar.day_name]


def trimmed(text: str) -> str:
    begin, end = 0, len(text)
    while begin < end and _blank(text[begin]):
        begin += 1
    while end > begin and _blank(text[end - 1]):
        end -= 1
    return text[begin:end]


def _blank(sign: str) -> bool:
    return sign.isspace() or sign in INVISIBLE


def folded(text: str) -> str:
    return trimmed(unicodedata.normalize("NFKC", text).casefold())


def moved(day: date, duration: r.Duration, sign: int) -> date:
    """The calendar day so many units away; a missing day of a month is its last."""
    number = duration.number * sign
    if duration.unit == "day":
        return day + timedelta(days=number)
    if duration.unit == "week":
        return day + timedelta(days=7 * number)
    months = day.year * 12 + (day.month - 1) + number * (12 if duration.unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@dataclass
class Oracle:
    config: Config
    types: Mapping[str, Mapping[str, str]]
    people: Sequence[Person]
    as_of: datetime  # naive UTC

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.config.timezone)
        self.today = self.local(self.as_of)

    # time

    def local(self, instant: datetime) -> date:
        return instant.replace(tzinfo=UTC).astimezone(self.zone).date()

    def instant(self, local: datetime) -> datetime:
        aware = local if local.tzinfo else local.replace(tzinfo=self.zone)
        return aware.astimezone(UTC).replace(tzinfo=None)

    def local_day(self, value: date) -> date:
        """The day of a date or of an instant."""
        return self.local(value) if isinstance(value, datetime) else value

    # rules

    def members(self, segment: str) -> set[str]:
        rule = self.config.segments[segment].when
        return {person["email"] for person in self.people if self.holds(rule, person, segment)}

    def sent(self, segment: str) -> set[str]:
        """After priorities."""
        found = self.members(segment)
        for group in self.config.priorities:
            if segment in group:
                for earlier in group[: group.index(segment)]:
                    found -= self.members(earlier)
        return found

    def holds(self, rule: Any, person: Person, segment: str = "") -> bool:
        match rule:
            case r.All(parts):
                return all(self.holds(part, person, segment) for part in parts)
            case r.AnyOf(parts):
                return any(self.holds(part, person, segment) for part in parts)
            case r.Not(part):
                return not self.holds(part, person, segment)
            case r.InSegment(names):
                return any(self.holds(self.config.segments[name].when, person, name) for name in names)
            case r.Compare():
                return self.compare(rule, self.value(person, rule.column), self.type(person, rule.column))
            case r.Events():
                return self.events(rule, person)
            case r.Sample():
                return share(rule.name or segment, person) < rule.percent / 100
            case r.Split():
                bounds = list(accumulate(part for _, part in rule.of))
                place = [name for name, _ in rule.of].index(rule.part)
                low = bounds[place - 1] if place else 0
                return Fraction(low, 100) <= share(rule.name, person) < Fraction(bounds[place], 100)
            case r.Rank():
                return person["email"] in self.ranked(rule)
            case r.Near():
                return self.near(rule, self.value(person, rule.column))
            case r.Sequence():
                return self.follows(rule.steps, person, None)
            case r.Sql():
                return EXPRESSIONS[rule.text](lambda name: self.value(person, name)) is True
        raise AssertionError(rule)

    def type(self, person: Person, column: str) -> str:
        if column == "email":
            return "text"
        if "_at" in person:
            return self.types[person["source"]][column]
        if column in self.types["contacts"]:
            return self.types["contacts"][column]
        if column.startswith(("rfm.", "rfmw.")):
            return "text" if column.endswith("segment") else "integer"
        trait = self.config.traits[column]
        if isinstance(trait, r.Pick):
            kinds = {self.type(person, name) for name in trait.columns}
            return max(kinds, key=["integer", "number", "date", "timestamp"].index)
        taken = "integer" if trait.column is None else self.types[trait.source][trait.column]
        return {"count": "integer", "count_distinct": "integer", "average": "number"}.get(trait.measure, taken)

    # people among people

    def ranked(self, rule: r.Rank) -> set[str]:
        groups: dict[Any, list[Person]] = {}
        for person in self.people:
            if self.value(person, rule.column) is not None:
                by = None if rule.by is None else self.value(person, rule.by)
                if rule.by is None or by is not None:
                    groups.setdefault(folded(by) if isinstance(by, str) else by, []).append(person)
        found: set[str] = set()
        for group in groups.values():
            group.sort(key=lambda person: person["email"])
            group.sort(key=lambda person: self.value(person, rule.column), reverse=rule.side == "top")
            number = rule.count if rule.percent is None else ceil(len(group) * Fraction(rule.percent) / 100)
            found |= {person["email"] for person in group[:number]}
        return found

    def fifth(self, trait: r.Rfm, part: str, person: Person) -> int | None:
        """1 + floor(5 x people strictly below / people with an event)."""
        values = {item["email"]: self._rfm(trait, part, item) for item in self.people}
        mine = values[person["email"]]
        if mine is None:
            return None
        known = [value for value in values.values() if value is not None]
        return 1 + 5 * sum(value < mine for value in known) // len(known)

    def _rfm(self, trait: r.Rfm, part: str, person: Person) -> Any:
        source = {"recency": trait.recency[0], "frequency": trait.frequency, "monetary": trait.monetary[0]}[part]
        rows = [row for row in person["events"][source] if trait.where is None or self.holds(trait.where, row)]
        if part == "recency":
            return self.measured("latest", rows, trait.recency[1])
        if not rows:
            return None
        measure, column = ("count", None) if part == "frequency" else ("sum", trait.monetary[1])
        return self.measured(measure, rows, column)

    def near(self, rule: r.Near, place: Mapping[str, float] | None) -> bool:
        if place is None or place["latitude"] is None or place["longitude"] is None:
            return False
        a, b = radians(place["latitude"]), radians(rule.latitude)
        turn = radians(place["longitude"] - rule.longitude)
        cosine = sin(a) * sin(b) + cos(a) * cos(b) * cos(turn)
        return acos(min(1.0, max(-1.0, cosine))) * 6371.0088 <= rule.kilometres

    def follows(self, steps: Sequence[r.Step], person: Person, after: datetime | None) -> bool:
        if not steps:
            return True
        step, rest = steps[0], steps[1:]
        rows = [row for row in person["events"][step.source] if step.where is None or self.holds(step.where, row)]
        times = [row["_at"] for row in rows if row["_at"] is not None and (after is None or row["_at"] > after)]
        if after is not None and step.within is not None:
            times = [time for time in times if self.inside(step.within, after, time)]
        if not step.negated:
            return any(self.follows(rest, person, time) for time in times)
        assert after is not None and step.within is not None
        return self.over(step.within, after) and not times and self.follows(rest, person, after)

    def inside(self, window: r.Duration, begin: datetime, time: datetime) -> bool:
        if window.unit == "hour":
            return time <= begin + timedelta(hours=window.number)
        return self.local(time) <= moved(self.local(begin), window, 1)

    def over(self, window: r.Duration, begin: datetime) -> bool:
        """The window's last moment is not after as_of."""
        if window.unit == "hour":
            return begin + timedelta(hours=window.number) <= self.as_of
        following = moved(self.local(begin), window, 1) + timedelta(days=1)
        last = self.instant(datetime(following.year, following.month, following.day)) - timedelta(microseconds=1)
        return last <= self.as_of

    # values

    def value(self, person: Person, column: str) -> Any:
        name, _, part = column.partition(".")
        trait = None if "_at" in person else self.config.traits.get(name)
        if isinstance(trait, r.Rfm):
            if part != "segment":
                return self.fifth(trait, part, person)
            return rfm_name(self.fifth(trait, "recency", person), self.fifth(trait, "frequency", person))
        if trait is None:
            return person.get(column)
        if isinstance(trait, r.Aggregate):
            return self.measured(trait.measure, self.rows(trait, person), trait.column)
        values = [self.value(person, name) for name in trait.columns]
        kinds = {self.type(person, name) for name in trait.columns}
        if kinds == {"date", "timestamp"}:
            values = [self._begin(value) for value in values]
        known = [value for value in values if value is not None]
        return (max if trait.side == "greatest" else min)(known) if known else None

    def _begin(self, value: date | None) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return self.instant(datetime(value.year, value.month, value.day))

    def rows(self, ask: Any, person: Person) -> list[Person]:
        found = [row for row in person["events"].get(ask.source, []) if ask.where is None or self.holds(ask.where, row)]
        if ask.within is not None:
            found = [row for row in found if row["_at"] is not None and self.lately(ask.within, row["_at"])]
        return found

    def measured(self, measure: str, rows: Sequence[Person], column: str | None) -> Any:
        if measure == "count_distinct":
            given = [row[str(column)] for row in rows if row[str(column)] is not None]
            return len({folded(value) if isinstance(value, str) else value for value in given})
        values = self.of_events(rows, column)
        if measure == "count":
            return len(values)
        if measure == "sum":
            return sum(values)
        if not values:
            return None
        if measure == "average":
            return (Decimal(sum(values)) / len(values)).quantize(Decimal("0.000001"), ROUND_HALF_UP)
        return max(values) if measure in ("max", "latest") else min(values)

    def of_events(self, rows: Sequence[Person], column: str | None) -> list[Any]:
        """Of each event the first value of its lines that is not missing; without a column one thing per event."""
        found: dict[Any, Any] = {}
        for row in rows:
            value = row if column is None else row[column]
            if value is not None:
                found.setdefault(row.get(EVENT, id(row)), value)
        return list(found.values())

    def events(self, rule: r.Events, person: Person) -> bool:
        if rule.measure in ("first_within", "last_within"):
            whole = r.Events(rule.source, "exists", None, (), None, rule.where, ())
            times = self.of_events(self.rows(whole, person), "_at")
            if not times:
                return False
            return self.window("within", rule.within, min(times) if rule.measure == "first_within" else max(times))
        rows = self.rows(rule, person)
        if rule.measure == "exists":
            return bool(rows)
        if rule.measure == "never":
            return not rows
        value = self.measured(rule.measure, rows, rule.column)
        return all(self.compare(test, value, "number") for test in rule.tests)

    # tests

    def compare(self, test: r.Compare, value: Any, kind: str) -> bool:
        if value is None:
            return False
        if test.test == "exists":
            return True
        if kind in ("text", "country", "phone"):
            return self.text(test, value)
        if kind in ("integer", "number"):
            return number(test.test, Decimal(value), test.value)
        if kind == "boolean":
            return value in (test.value if isinstance(test.value, tuple) else (test.value,))
        if kind == "list":
            return self.list(test, value)
        if kind == "day":  # MM/DD, as of a leap year long ago
            month, day = map(int, value.split("/"))
            return (
                test.value == f"{month:02}-{day:02}" if test.test == "on" else self.date(test, date(2000, month, day))
            )
        return self.date(test, value)

    def text(self, test: r.Compare, value: str) -> bool:
        if test.test == "longer_than":
            return len(trimmed(value)) > test.value
        if test.test == "shorter_than":
            return len(trimmed(value)) < test.value
        if test.test == "matches":
            shown = value if test.exact else trimmed(unicodedata.normalize("NFKC", value))
            return re.search(test.value, shown, 0 if test.exact else re.IGNORECASE) is not None
        shape = str if test.exact else folded
        wanted = test.value if isinstance(test.value, tuple) else (test.value,)
        return any(_text(test.test, shape(value), shape(str(item))) for item in wanted)

    def list(self, test: r.Compare, value: Sequence[str]) -> bool:
        if test.test == "size":
            return all(number(part.test, Decimal(len(value)), part.value) for part in test.value)
        shape = str if test.exact else folded
        held = {shape(item) for item in value}
        wanted = {shape(str(item)) for item in (test.value if isinstance(test.value, tuple) else (test.value,))}
        return wanted <= held if test.test == "has_all" else bool(wanted & held)

    def date(self, test: r.Compare, value: date) -> bool:
        if test.test in ("within", "more_than_ago", "within_next"):
            return self.window(test.test, test.value, value)
        if test.test == "during":
            return self.during(test.value, value)
        if test.test in ("is", "on"):
            return self.on(test.value, value) == 0
        if test.test == "in":
            return any(self.on(item, value) == 0 for item in test.value)
        if test.test == "before":
            return self.on(test.value, value) < 0
        if test.test == "after":
            return self.on(test.value, value) > 0
        if test.test == "between":
            return self.on(test.value[0], value) >= 0 and self.on(test.value[1], value) <= 0
        day = self.local_day(value)
        if test.test == "month":
            return MONTHS[day.month - 1] in test.value
        if test.test == "weekday":
            return WEEKDAYS[day.weekday()] in test.value
        return self.anniversary(test.value, day)

    def on(self, written: str, value: date) -> int:
        """-1, 0 or 1: `value` is before, on or after what is written."""
        if len(written) == 10:
            mine: Any = self.local_day(value)
            its: Any = date.fromisoformat(written)
        else:
            mine, its = value, self.instant(datetime.fromisoformat(written))
        return (mine > its) - (mine < its)

    def lately(self, window: r.Window, value: date) -> bool:
        return self.during(window, value) if isinstance(window, r.Period) else self.window("within", window, value)

    def during(self, period: r.Period, value: date) -> bool:
        """Counts the units between two days; none of them are computed."""
        if period.step == 0 and (value > self.as_of if isinstance(value, datetime) else value > self.today):
            return False
        return ordinal(self.local_day(value), period.unit) - ordinal(self.today, period.unit) == period.step

    def window(self, name: str, window: r.Duration, value: date) -> bool:
        if window.unit == "hour":
            span = timedelta(hours=window.number)
            if name == "within":
                return self.as_of - span <= value <= self.as_of
            return value < self.as_of - span if name == "more_than_ago" else self.as_of <= value <= self.as_of + span
        day = self.local_day(value)
        past = value <= self.as_of if isinstance(value, datetime) else day <= self.today
        if name == "within":
            return past and day >= moved(self.today, window, -1)
        if name == "more_than_ago":
            return day < moved(self.today, window, -1)
        future = value >= self.as_of if isinstance(value, datetime) else day >= self.today
        return future and day <= moved(self.today, window, 1)

    def anniversary(self, window: r.Duration, day: date) -> bool:
        last = moved(self.today, window, 1)
        for year in range(max(self.today.year, day.year + 1), last.year + 1):
            try:
                kept = day.replace(year=year)
            except ValueError:
                kept = date(year, 3, 1)
            if self.today <= kept <= last:
                return True
        return False


def ordinal(day: date, unit: str) -> int:
    """Which day, week (from Monday on), month, quarter or year of all it lies in."""
    if unit in ("day", "week"):
        return day.toordinal() if unit == "day" else (day.toordinal() - 1) // 7  # 1 January of the year 1 is a Monday
    return day.year if unit == "year" else (day.year * 12 + day.month - 1) // (3 if unit == "quarter" else 1)


def share(name: str, person: Person) -> Fraction:
    """Where this person stands between 0 and 1."""
    digest = hashlib.md5(f"{name}|{person['email']}".encode()).hexdigest()
    return Fraction(int(digest, 16), 16**32)


def rfm_name(recency: int | None, frequency: int | None) -> str | None:
    if recency is None or frequency is None:
        return None
    table = [
        "hibernating,hibernating,at risk,at risk,cannot lose",
        "hibernating,hibernating,at risk,at risk,cannot lose",
        "about to sleep,about to sleep,needs attention,loyal,loyal",
        "promising,potential loyalist,potential loyalist,loyal,loyal",
        "new,potential loyalist,potential loyalist,champions,champions",
    ]
    return table[recency - 1].split(",")[frequency - 1]


def number(test: str, value: Decimal, wanted: Any) -> bool:
    if test == "in":
        return any(value == Decimal(item) for item in wanted)
    if test == "between":
        return Decimal(wanted[0]) <= value <= Decimal(wanted[1])
    other = Decimal(wanted)
    return {
        "is": value == other,
        "at_least": value >= other,
        "at_most": value <= other,
        "more_than": value > other,
        "less_than": value < other,
    }[test]


def _text(test: str, value: str, wanted: str) -> bool:
    if test == "contains":
        return wanted in value
    if test == "starts_with":
        return value.startswith(wanted)
    return value.endswith(wanted) if test == "ends_with" else value == wanted
