"""Writes the sample exports of this folder: 5,000 invented people, their orders and email events.

Deterministic: the same files every time. The dirt is that of real exports: duplicates, mixed case, blanks, countries
spelled in several ways, line breaks in cells, rows without a usable address, a footer line. Run it from anywhere:

    python exports/make_sample.py
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
TODAY = datetime(2026, 11, 20, 6, 0)
FIRST = [
    "Anna",
    "Ben",
    "Çelik",
    "Dana",
    "Émile",
    "Fatima",
    "Georg",
    "Hana",
    "Igor",
    "Jürgen",
    "Kim",
    "Luca",
    "Mia",
    "Noah",
    "Olga",
    "Paul",
    "Quinn",
    "Rosa",
    "Søren",
    "Tara",
]
LAST = [
    "Adler",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ito",
    "Jansen",
    "Keller",
    "López",
    "Müller",
    "Novák",
    "O'Neill",
    "Peters",
    "Rossi",
    "Şahin",
    "Tanaka",
    "Weiß",
]
COUNTRIES = {
    "DE": ["Germany", "germany", "DE", " Germany ", "DEU"],
    "US": ["United States", "USA", "US", "united states"],
    "FR": ["France", "FR"],
    "GB": ["United Kingdom", "GB"],
    "NO": ["Norway", "NO"],
    "CA": ["Canada", "CA"],
}
CITIES = {"DE": "Berlin", "US": "Boston", "FR": "Lyon", "GB": "Leeds", "NO": "Oslo", "CA": "Toronto"}
HEADER = [
    "Record ID", "First Name", "Last Name", "Email", "Phone Number", "Country/Region", "City", "Lifecycle Stage",
    "Create Date", "Last Modified Date", "Email opt-in", "Opted in at", "Opt-in source",
]  # fmt: skip

# share of people, orders at least and at most, days since the last order, days since the last click
LIVES = [
    (0.30, (0, 0), (0, 0), (1, 40)),  # subscribers who read and have not bought
    (0.22, (1, 1), (5, 80), (2, 60)),  # bought once
    (0.20, (2, 6), (1, 85), (1, 50)),  # come again
    (0.05, (8, 16), (1, 60), (1, 20)),  # the best
    (0.11, (3, 9), (95, 175), (60, 170)),  # were good, have stopped
    (0.12, (0, 2), (200, 700), (190, 900)),  # gone quiet
]


def main() -> None:
    """Write contacts, orders and email events."""
    rng = random.Random(20261120)
    contacts: list[list[str]] = []
    orders: list[list[object]] = []
    events: list[list[object]] = []
    for number in range(5000):
        email = f"{rng.choice(FIRST)}.{rng.choice(LAST)}{number}@example.com"
        email = email.translate(str.maketrans("ÇÉüøóñáíŞßö'", "CEuoonaiSso-")).lower()
        life = rng.choices(LIVES, [share for share, *_ in LIVES])[0]
        contacts += _rows(rng, number, email)
        orders += _orders(rng, email, life)
        events += _events(rng, email, life)
    rng.shuffle(contacts)
    _write_contacts(contacts + _dirt())
    _write(
        HERE / "orders.csv",
        ["order_id", "customer_email", "ordered_at", "amount", "category"],
        [[10_000 + i, *row] for i, row in enumerate(orders)],
    )
    _write(HERE / "email_events.csv.gz", ["email", "occurred_at", "type", "campaign"], events)


def _rows(rng: random.Random, number: int, email: str) -> list[list[str]]:
    """The person's row, and for some an older second one with other spellings."""
    country = rng.choices(list(COUNTRIES), [40, 20, 12, 12, 8, 8])[0]
    days = rng.randint(1, 29) if rng.random() < 0.12 else rng.randint(30, 1400)
    created = TODAY - timedelta(days=days, minutes=rng.randint(0, 1400))
    opted_in = rng.random() < 0.88
    modified = TODAY - timedelta(days=rng.randint(0, 20), minutes=rng.randint(0, 1400))
    row = [
        str(700_000 + number), rng.choice(FIRST), rng.choice(LAST), _spelled(rng, email),
        f"+49 30 {5550000 + number}" if country == "DE" else "", rng.choice(COUNTRIES[country]), CITIES[country],
        rng.choice(["Lead", "Subscriber", "Customer", "Opportunity"]), _minute(created), _minute(modified),
        rng.choice(["Yes", "yes", "true"]) if opted_in else rng.choice(["No", "no", ""]),
        _minute(created) if opted_in and rng.random() < 0.97 else "",
        rng.choice(["signup form", "checkout", "fair 2025"]) if opted_in else "",
    ]  # fmt: skip
    if rng.random() > 0.03:
        return [row]
    older = [*row]
    older[0], older[1], older[3] = str(900_000 + number), "", email.upper()
    older[9] = _minute(modified - timedelta(days=200))
    return [row, older]


def _spelled(rng: random.Random, email: str) -> str:
    return rng.choices([email, email.title().replace(".Com", ".com"), f" {email} "], [90, 6, 4])[0]


def _orders(rng: random.Random, email: str, life: tuple) -> list[list[object]]:
    _, (least, most), (near, far), _ = life
    count = rng.randint(least, most)
    if not count:
        return []
    days = rng.randint(near, far)
    moments = [days + (rng.randint(3, 40) * i) for i in range(count)]
    return [
        [
            email,
            _second(TODAY - timedelta(days=day, seconds=rng.randint(0, 60_000))),
            f"{rng.lognormvariate(4, 0.6):.2f}",
            rng.choice(["shoes", "coats", "bags", "socks"]),
        ]
        for day in moments
    ]


def _events(rng: random.Random, email: str, life: tuple) -> list[list[object]]:
    *_, (near, far) = life
    clicked = TODAY - timedelta(days=rng.randint(near, far), seconds=rng.randint(0, 60_000))
    rows: list[list[object]] = [[email, _second(clicked), "clicked", f"news-{clicked:%Y-%m}"]]
    for month in range(rng.randint(1, 3)):
        sent = TODAY - timedelta(days=7 + 30 * month, seconds=rng.randint(0, 60_000))
        rows.append([email, _second(sent), "received", f"news-{sent:%Y-%m}"])
    return rows


def _dirt() -> list[list[str]]:
    """What every real export has a little of."""
    empty = [""] * (len(HEADER) - 4)
    return [
        ["990001", "No", "Address", "", *empty],
        ["990002", "Two", "Addresses", "one@example.com; two@example.com", *empty],
        ["990003", "Broken", "Address", "broken.example.com", *empty],
        ["990004", "Line\nbreak", 'Quote "Q" Mc', "line.break@example.com", *empty],
        ["990005", "=1+1", "<b>Bold</b>", "formula@example.com", *empty],
        ["990006", "Sales", "Team", "sales@example.com", *empty],
        ["Total records: 5150"],
    ]


def _write_contacts(rows: list[list[str]]) -> None:
    _write(HERE / "contacts-2026-11-20.csv", HEADER, rows)


def _write(path: Path, header: list[str], rows: list) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    data = text.getvalue().encode("utf-8-sig" if path.name.startswith("contacts") else "utf-8")
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data, mtime=0))
    else:
        path.write_bytes(data)


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _second(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main()
