"""Exports as they really are: one truth, written in the ways of several vendors, and what they hold, said slowly.

A world is rows of people and of orders as Python values. `write` makes the files of it, with ids, addresses, numbers
and dates in odd forms; `read` says by the language's rules who the people are and whose the orders are.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from connector.core.model import ColumnType
from connector.sources.model import EVENT, LINE
from tests.oracle import worlds
from tests.oracle.meaning import folded, trimmed

TYPES: dict[str, ColumnType] = {name: type_ for name, type_ in worlds.TYPES.items() if type_ != "place"}
ADDRESSES = [*(f"p{number}@example.com" for number in range(5)), "q0@example.com", "q1@example.com"]
# the keys of one world: few, so that they meet
KEYS = (
    ("13085", "13,085", "13085.0", '="13085"', "'13085", " 13085 ", "13086", "13,086.00"),
    ("00123", '="00123"', "123", "123.00", "0", "124", "'124", "7.01234E+12"),
    ("aBc", "AbC", "abc", "xyz", "XYZ", " xyz "),
    ("abc", "ABC", "xyz", "Xyz", "Straße", "STRASSE"),
    ("0035g00000AbCdE", "0035g00000AbCdEAAV", "0035g00000aBcDe", "0035g00000aBcDeQAB", "0035G00000ABCDEAAV"),
)
IDS = ("7", "7.0", "8", '="8"', "0", "Ab9", "ab9")
MOST = 5  # addresses of one person
HEADERS = {"seen": "Seen (UTC)", "at": "Placed (UTC)"}


@dataclass(frozen=True, slots=True)
class Style:
    """How the files write what they hold."""

    number: str
    date: str
    time: str
    day: str
    yes: tuple[str, str]
    missing: str
    delimiter: str
    encoding: str
    by_key: bool
    again: bool  # the header stands once more among the rows


@dataclass(frozen=True, slots=True)
class Exports:
    people: Sequence[Mapping[str, Any]]  # values by name, and _email, _key, _id, _further, _updated
    orders: Sequence[Mapping[str, Any]]  # values by name, and _email, _key, _order
    style: Style


addresses = st.sampled_from(ADDRESSES)


def mostly(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 5).flatmap(lambda number: values if number else st.none())


def person_rows(keys: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({
        "_email": mostly(addresses),
        "_key": mostly(keys),
        "_id": st.none() | st.sampled_from(IDS),
        "_further": st.lists(addresses, max_size=2),
        "_updated": st.none() | worlds.days,
        **{name: mostly(worlds.VALUES[type_]) for name, type_ in TYPES.items()},
    })  # fmt: skip


def order_rows(keys: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({
        "_email": mostly(addresses),
        "_key": mostly(keys),
        "_order": st.none() | st.sampled_from(("A-1", "A-2", "A-3", "13", "13.0", '="13"')),
        "at": mostly(worlds.instants),
        **{name: mostly(worlds.VALUES[type_]) for name, type_ in worlds.ORDER_TYPES.items()},
    })  # fmt: skip


styles = st.builds(
    Style,
    number=st.sampled_from(("1234.50", "1.234,50", "$1,234.50", "(1234.50)", "1234.50-", "1 234.50 kr")),
    date=st.sampled_from(("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%b %d, %Y", "%d %B %Y", "%m/%d/%y", "de")),
    time=st.sampled_from(("iso", "%b %d, %Y at %I:%M %p", "%Y-%m-%d %I:%M %p", "%d.%m.%Y %H:%M", "seconds")),
    day=st.sampled_from(("%m/%d", "%d.%m.", "%d %b", "de")),
    yes=st.sampled_from((("yes", "no"), ("ja", "nein"), ("1", "0"), ("Sí", "no"), ("YES (2024-03-01)", "NO"))),
    missing=st.sampled_from(("", "N/A", "n.a.")),
    delimiter=st.sampled_from((",", ";", "\t")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    by_key=st.booleans(),
    again=st.booleans(),
)
exports = st.tuples(st.sampled_from(KEYS), styles).flatmap(
    lambda drawn: st.builds(
        lambda people, orders: settled(Exports(people, orders, drawn[1])),
        st.lists(person_rows(st.sampled_from(drawn[0])), min_size=3, max_size=8),
        st.lists(order_rows(st.sampled_from(drawn[0])), min_size=3, max_size=9),
    )
)


def settled(world: Exports) -> Exports:
    """What the files can hold: minutes where no more is written, no list of nothing, no blanks around its items."""
    fine = world.style.time == "iso"

    def one(value: Any) -> Any:
        if isinstance(value, datetime):
            return value if fine else value.replace(second=0, microsecond=0)
        return [trimmed(item) for item in value] or None if isinstance(value, list) else value

    def all_(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value if name == "_further" else one(value) for name, value in row.items()} for row in rows]

    return Exports(all_(world.people), all_(world.orders), world.style)


# the files


def write(world: Exports, folder: Path) -> dict[str, Any]:
    """Write contacts.csv and orders-1.csv, orders-2.csv; the section `sources` of segments.yaml."""
    style = world.style
    head = {"_email": "Email", "_key": "Ref", "_id": "CRM", "_further": "More", "_updated": "Changed"}
    _file(folder / "contacts.csv", style, {**head, **_headers(TYPES)}, world.people, TYPES)
    head = {"_email": "Email", "_key": "Ref", "_order": "Order"}
    half = len(world.orders) // 2
    for number, rows in enumerate((world.orders[:half], world.orders[half:]), start=1):
        types = worlds.ALL_ORDER_TYPES
        _file(folder / f"orders-{number}.csv", style, {**head, **_headers(types)}, rows, types)
    missing = {"missing": [style.missing]} if style.missing == "n.a." else {}
    whose = {"id": "CRM", "emails": "More", "updated_at": "Changed"}
    return {
        "contacts": {"file": "contacts.csv", "email": "Email", **whose, **missing, "columns": _declared(TYPES, style)},
        "orders": {
            "file": "orders-*.csv", "join": {"Ref": "Ref"} if style.by_key else {"Email": "Email"}, "at": "at",
            "id": "Order", **missing, "columns": _declared(worlds.ALL_ORDER_TYPES, style),
        },
    }  # fmt: skip


def _headers(types: Mapping[str, str]) -> dict[str, str]:
    return {name: HEADERS.get(name, name.title()) for name in types}


def _declared(types: Mapping[str, str], style: Style) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, type_ in types.items():
        made[name] = {"from": HEADERS.get(name, name.title()), "type": type_}
        if type_ == "number" and style.number == "1.234,50":
            made[name]["decimal"] = ","
        if type_ == "date" and "/" in style.date:
            made[name]["format"] = style.date
        if type_ == "list":
            made[name]["separator"] = ";"
    return made


def _file(
    path: Path, style: Style, headers: Mapping[str, str], rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]
) -> None:
    text = io.StringIO()
    out = csv.writer(text, delimiter=style.delimiter, lineterminator="\n")
    out.writerow(headers.values())
    for number, row in enumerate(rows):
        out.writerow([_cell(row[name], types.get(name, name), style, number) for name in headers])
        if style.again and number == 0:
            out.writerow(headers.values())
    path.write_bytes(text.getvalue().encode(style.encoding))


def _cell(value: Any, type_: str, style: Style, number: int) -> str:
    if value is None:
        return style.missing
    if type_ == "_email":
        return (str(value), str(value).upper(), f"Ada Byron <{value}>", f" {value} ")[number % 4]
    if type_ == "_further":
        return "; ".join(value)
    if type_ == "_updated":
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return style.yes[0 if value else 1]
    if type_ == "list":
        return ";".join(value)
    if isinstance(value, Decimal):
        return _number(value, style.number)
    if isinstance(value, datetime):
        return _time(value, style.time)
    if isinstance(value, date):
        return f"{value.day}. {GERMAN[value.month - 1]} {value.year}" if style.date == "de" else f"{value:{style.date}}"
    if type_ == "day":
        day = datetime.strptime(f"2024/{value}", "%Y/%m/%d")
        return f"{day.day}. {GERMAN[day.month - 1]}" if style.day == "de" else f"{day:{style.day}}"
    return str(value)


GERMAN = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]


def _number(value: Decimal, how: str) -> str:
    text = f"{abs(value):,.2f}"
    if how == "1.234,50":
        return ("-" if value < 0 else "") + text.translate({ord(","): ".", ord("."): ","})
    if how == "(1234.50)":
        return f"({text})" if value < 0 else text
    if how == "1234.50-":
        return f"{text}-" if value < 0 else text
    sign = "-" if value < 0 else ""
    return f"{sign}{text} kr" if how.endswith("kr") else f"{sign}{'$' if how[0] == '$' else ''}{text}"


def _time(value: datetime, how: str) -> str:
    if how == "iso":
        return value.isoformat() + "Z"
    return str(int((value - datetime(1970, 1, 1)).total_seconds())) if how == "seconds" else f"{value:{how}}"


# what they hold


def read(world: Exports) -> list[dict[str, Any]]:
    """The people with their events, as Oracle takes them."""
    rows = [{**row, "_place": place} for place, row in enumerate(world.people) if row["_email"] is not None]
    former = _homes(rows)
    _further(rows, former)
    found = {}
    for email in sorted({row["_email"] for row in rows}):
        mine = sorted((row for row in rows if row["_email"] == email), key=_age, reverse=True)
        values = {name: next((row[name] for row in mine if row[name] is not None), None) for name in TYPES}
        found[email] = {"email": email, **values, "events": {"orders": []}}
    events = _events(world.orders)
    for event in events:
        address = event["_email"]
        owner = whose(event["_key"], rows) if world.style.by_key else former.get(address, address)
        if owner in found and (event["at"] is None or event["at"] <= worlds.AS_OF):
            found[owner]["events"]["orders"].append({**event, "_at": event["at"], "source": "orders"})
    return list(found.values())


def _age(row: Mapping[str, Any]) -> tuple[date, int]:
    """What is larger is newer."""
    return row["_updated"] or date.min, row["_place"]


def _homes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """One id is one person, at the address of the newest row. Address of old -> of today."""
    by_id = defaultdict(list)
    for row in rows:
        if one_form(row["_id"]) not in (None, "0"):
            by_id[one_form(row["_id"])].append(row)
    telling = {key: group for key, group in by_id.items() if len({row["_email"] for row in group}) <= MOST}
    went = defaultdict(set)
    for group in telling.values():
        home = max(group, key=_age)["_email"]
        for row in group:
            if row["_email"] != home:
                went[row["_email"]].add(home)
            row["_email"] = home
    kept = {row["_email"] for group in telling.values() for row in group}
    former = {old: homes.pop() for old, homes in went.items() if len(homes) == 1 and old not in kept}
    for row in rows:
        row["_email"] = former.get(row["_email"], row["_email"])
    return former


def _further(rows: Sequence[Mapping[str, Any]], former: dict[str, str]) -> None:
    named = defaultdict(set)
    for row in rows:
        for one in row["_further"]:
            if one != row["_email"]:
                named[one].add(row["_email"])
    own = {row["_email"] for row in rows}
    for one, who in named.items():
        if len(who) == 1 and one not in own:
            former.setdefault(one, next(iter(who)))


def _events(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one order are one event: blank cells filled, time and person of the first that has them."""
    groups = defaultdict(list)
    for line, row in enumerate(rows):
        groups[one_form(row["_order"]) or line].append({**row, LINE: line})
    made = []
    for group in groups.values():
        first = {name: next((row[name] for row in group if row[name] is not None), None) for name in group[0]}
        for row in group:
            filled = {name: first[name] if value is None else value for name, value in row.items()}
            made.append({**filled, **{name: first[name] for name in ("at", "_email", "_key")}, EVENT: group[0][LINE]})
    return sorted(made, key=lambda row: row[LINE])


def one_form(text: str | None) -> str | None:
    """An id without what a spreadsheet makes of it; None when it is lost."""
    if text is None or text == "7.01234E+12":
        return None
    bare = trimmed(text).removeprefix('="').removesuffix('"').removeprefix("'")
    whole, _, rest = bare.partition(".")
    digits = whole.replace(",", "")
    return digits if digits.isdigit() and set(rest) <= {"0"} else bare


def whose(text: str | None, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The address of the person that has the key: the first way that finds anybody decides."""
    key = one_form(text)
    if key is None:
        return None
    known = [(row["_email"], one_form(row["_key"])) for row in rows if one_form(row["_key"]) is not None]
    spellings = defaultdict(set)
    for email, one in known:
        spellings[folded(str(one))].add((email, one))
    unique = all(len({one for _, one in few}) == 1 or len({one for one, _ in few}) == 1 for few in spellings.values())
    for same in (
        lambda one: one == key,
        lambda one: _salesforce(one, key),
        lambda one: unique and not _case_counts(one) and not _case_counts(key) and folded(one) == folded(key),
    ):
        found = {email for email, one in known if same(str(one))}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _case_counts(key: str) -> bool:
    return len(key) == 15 and key.startswith("003")


def _salesforce(one: str, other: str) -> bool:
    """One has 15 signs, and they begin the other."""
    short, long = sorted((one, other), key=len)
    return _case_counts(short) and long.startswith(short) and len(long) in (15, 18)
