"""The exports of one day: 5,000 invented people, their orders and email events.

Owns: what they hold. The same day gives the same bytes. On another day the same people did the same things, so many
days earlier or later: segments are of the same size on every day. Must not: read a clock, write a file.

The dirt is that of real exports: duplicates, mixed case, blanks, countries spelled in several ways, line breaks in
cells, rows without a usable address, a footer line.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from connector.demo.names import CITIES, COUNTRIES, FIRST, LAST, PLAIN

ZONE = "Europe/Berlin"  # of the demo's segments.yaml: its days are days there
PEOPLE = 5000
SEED = 20261120
# Everything happened at least a day before this time of the day: at no moment of the day is any of it in the future,
# also where the times are read in a zone some hours away.
MADE_AT = time(6)
CONTACTS = [
    "Record ID", "First Name", "Last Name", "Email", "Phone Number", "Country/Region", "City", "Lifecycle Stage",
    "Create Date", "Last Modified Date", "Email opt-in", "Opted in at", "Opt-in source",
]  # fmt: skip
ORDERS = ["order_id", "customer_email", "ordered_at", "amount", "category"]
EVENTS = ["email", "occurred_at", "type", "campaign"]


class Life(NamedTuple):
    """How one kind of customers behaves: least and most of each."""

    share: float
    orders: tuple[int, int]
    ordered: tuple[int, int]  # days since the last order
    clicked: tuple[int, int]  # days since the last click


# No day lies within two days of 90 and 180, where the segments draw their lines: a clock change must move nobody.
LIVES = [
    Life(0.30, (0, 0), (0, 0), (1, 40)),  # subscribers who read and have not bought
    Life(0.22, (1, 1), (5, 80), (2, 60)),  # bought once
    Life(0.20, (2, 6), (1, 85), (1, 50)),  # come again
    Life(0.05, (8, 16), (1, 60), (1, 20)),  # the best
    Life(0.11, (3, 9), (95, 175), (40, 85)),  # were good, have stopped; still read
    Life(0.12, (0, 2), (200, 700), (190, 900)),  # gone quiet
]


def exports(day: date) -> Mapping[str, bytes]:
    """File name -> content, as a CRM and a shop would have written them in the morning of `day`."""
    rng, now = random.Random(SEED), datetime.combine(day, MADE_AT)
    contacts: list[list[str]] = []
    orders: list[list[str]] = []
    events: list[list[str]] = []
    for number in range(PEOPLE):
        email = f"{rng.choice(FIRST)}.{rng.choice(LAST)}{number}@example.com".translate(PLAIN).lower()
        life = rng.choices(LIVES, [life.share for life in LIVES])[0]
        contacts += _rows(rng, now, number, email)
        orders += _orders(rng, now, email, life)
        events += _events(rng, now, email, life)
    rng.shuffle(contacts)
    numbered = [[str(number), *row] for number, row in enumerate(orders, start=10_000)]
    return {
        contacts_file(day): _csv(CONTACTS, contacts + _dirt(), "utf-8-sig"),
        "orders.csv": _csv(ORDERS, numbered),
        "email_events.csv.gz": gzip.compress(_csv(EVENTS, events), mtime=0),
    }


def contacts_file(day: date) -> str:
    return f"contacts-{day}.csv"


def _rows(rng: random.Random, now: datetime, number: int, email: str) -> list[list[str]]:
    """The person's row, and for some an older second one with other spellings."""
    country = rng.choices(list(COUNTRIES), [40, 20, 12, 12, 8, 8])[0]
    days = rng.randint(1, 29) if rng.random() < 0.12 else rng.randint(30, 1400)
    created = now - timedelta(days=days, minutes=rng.randint(0, 1400))
    opted_in = rng.random() < 0.88
    modified = now - timedelta(days=1 + rng.randint(0, 20), minutes=rng.randint(0, 1400))
    row = [
        str(700_000 + number), rng.choice(FIRST), rng.choice(LAST), _spelled(rng, email),
        f"+49 30 {5550000 + number}" if country == "DE" else "", rng.choice(COUNTRIES[country]), CITIES[country],
        rng.choice(["Lead", "Subscriber", "Customer", "Opportunity"]), _minute(created), _minute(modified),
        rng.choice(["Yes", "yes", "true"]) if opted_in else rng.choice(["No", "no", ""]),
        _minute(created) if opted_in and rng.random() < 0.97 else "",
        rng.choice(["signup form", "checkout", "trade fair"]) if opted_in else "",
    ]  # fmt: skip
    if rng.random() > 0.03:
        return [row]
    older = [*row]
    older[0], older[1], older[3] = str(900_000 + number), "", email.upper()
    older[9] = _minute(modified - timedelta(days=200))
    return [row, older]


def _spelled(rng: random.Random, email: str) -> str:
    return rng.choices([email, email.title().replace(".Com", ".com"), f" {email} "], [90, 6, 4])[0]


def _orders(rng: random.Random, now: datetime, email: str, life: Life) -> list[list[str]]:
    count = rng.randint(*life.orders)
    if not count:
        return []
    last = rng.randint(*life.ordered)
    return [
        [
            email,
            _second(now - timedelta(days=days, seconds=rng.randint(0, 60_000))),
            f"{rng.lognormvariate(4, 0.6):.2f}",
            rng.choice(["shoes", "coats", "bags", "socks"]),
        ]
        for days in [last + (rng.randint(3, 40) * earlier) for earlier in range(count)]
    ]


def _events(rng: random.Random, now: datetime, email: str, life: Life) -> list[list[str]]:
    clicked = now - timedelta(days=rng.randint(*life.clicked), seconds=rng.randint(0, 60_000))
    rows = [[email, _second(clicked), "clicked", f"news-{clicked:%Y-%m}"]]
    for month in range(rng.randint(1, 3)):
        sent = now - timedelta(days=7 + 30 * month, seconds=rng.randint(0, 60_000))
        rows.append([email, _second(sent), "received", f"news-{sent:%Y-%m}"])
    return rows


def _dirt() -> list[list[str]]:
    """What every real export has a little of."""
    empty = [""] * (len(CONTACTS) - 4)
    return [
        ["990001", "No", "Address", "", *empty],
        ["990002", "Two", "Addresses", "one@example.com; two@example.com", *empty],
        ["990003", "Broken", "Address", "broken.example.com", *empty],
        ["990004", "Line\nbreak", 'Quote "Q" Mc', "line.break@example.com", *empty],
        ["990005", "=1+1", "<b>Bold</b>", "formula@example.com", *empty],
        ["990006", "Sales", "Team", "sales@example.com", *empty],
        ["Total records: 5150"],
    ]


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
