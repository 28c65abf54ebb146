"""Generates exports and segments files of any size, the same ones every time.

Owns: the data of the benchmarks. Must not: measure.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

# name -> (SQL over the row number i, type of the bare typed read, type in segments.yaml)
COLUMNS = {
    "Email": ("'user' || i || '@example.com'", "VARCHAR", None),
    "Record ID": ("i", "BIGINT", "integer"),
    "First name": ("'First' || (i % 500)", "VARCHAR", None),
    "Last name": ("'Last' || (i % 9000)", "VARCHAR", None),
    "Country": ("(['DE','US','FR','CA','GB','NO'])[1 + r(i) % 6]", "VARCHAR", None),
    "City": ("'City' || (r(i * 3) % 1000)", "VARCHAR", None),
    "Lifetime value": ("(r(i * 7) % 1000000) / 100.0", "DECIMAL(18,2)", "number"),
    "Orders": ("r(i * 11) % 40", "BIGINT", "integer"),
    "Created at": ("timestamp '2023-01-01' + to_seconds(r(i * 13) % 120000000)", "TIMESTAMP", "timestamp"),
    "Last order at": ("timestamp '2024-01-01' + to_seconds(r(i * 17) % 90000000)", "TIMESTAMP", "timestamp"),
    "Last click at": (
        "case when r(i * 19) % 3 = 0 then null else timestamp '2025-01-01' + to_seconds(r(i * 23) % 59000000) end",
        "TIMESTAMP",
        "timestamp",
    ),
    "Opt in": ("r(i * 29) % 10 > 0", "BOOLEAN", "boolean"),
    "Tags": ("(['vip;wholesale','vip','','press;vip'])[1 + r(i * 47) % 4]", "VARCHAR", None),
    "Stage": ("(['lead','customer','subscriber'])[1 + r(i * 31) % 3]", "VARCHAR", None),
    "Score": ("r(i * 37) % 100", "BIGINT", "integer"),
    "Phone": ("'+4930' || (1000000 + i)", "VARCHAR", None),
    "Source": ("'source' || (i % 7)", "VARCHAR", None),
    "Modified at": ("timestamp '2026-01-01' + to_seconds(r(i * 41) % 26000000)", "TIMESTAMP", "timestamp"),
    "Rating": ("(r(i * 43) % 1000) / 10.0", "DECIMAL(18,2)", "number"),
    "Note": ("'note ' || md5(i::varchar)", "VARCHAR", None),
}


def contacts(path: Path, rows: int) -> Path:
    """A CSV of 20 columns and `rows` people."""
    if path.exists():
        return path
    fields = ", ".join(f'{sql} as "{name}"' for name, (sql, *_) in COLUMNS.items())
    connection = duckdb.connect()
    connection.execute("create macro r(n) as (hash(n) >> 2)::BIGINT")
    connection.execute(f"copy (select {fields} from range({rows}) t(i)) to '{path}' (header)")
    connection.close()
    return path


def read_types() -> dict[str, str]:
    """The types of the bare typed read."""
    return {name: kind for name, (_, kind, _) in COLUMNS.items()}


# what is written -> SQL over the row number i of contacts, one row for each that is not null
EVENTS = """
    select 'user' || i || '@example.com' as email, happened_at, type, 'c' || (i % 4) as campaign
    from range({rows}) t(i), (
        select timestamp '2026-11-01 08:00:00' as happened_at, 'sent' as type, 1 as every
        union all select timestamp '2026-11-01 09:00:00', 'opened', 3
        union all select timestamp '2026-11-01 10:00:00', 'clicked', 7)
    where i % every = 0"""
ORDERS = """
    select 'user' || i || '@example.com' as email, 10 + i % 90 as amount,
           timestamp '2026-11-03 12:00:00' + to_seconds(i % 900000) as happened_at
    from range({rows}) t(i) where i % 5 = 0"""


def events(folder: Path, rows: int) -> None:
    """A mail to each of `rows` people, opens and clicks, and orders: 1.5 and 0.2 rows a person."""
    connection = duckdb.connect()
    for name, sql in (("events", EVENTS), ("orders", ORDERS)):
        connection.execute(f"copy ({sql.format(rows=rows)}) to '{folder / f'{name}-{rows}.csv'}' (header)")
    connection.close()


def segments(path: Path, export: Path, count: int, measured: int = 0) -> Path:
    """A segments file with `count` segments of three or four conditions each, sent to Mailchimp tags. `measured`: with
    the events of so many people."""
    sources = [
        f"  bought: {{file: orders-{measured}.csv, join: {{email: email}}, at: happened_at}}",
        f"  events: {{file: events-{measured}.csv, join: {{email: email}}, at: happened_at}}",
        "measure: {mail: {source: events, message: campaign}, revenue: bought.amount}",
    ]
    lines = [
        "version: 1",
        "timezone: Europe/Berlin",
        "sources:",
        "  contacts:",
        f"    file: {export.name}",
        "    email: Email",
        "    id: Record ID",
        "    updated_at: Modified at",
        *(sources if measured else []),
        "consent:",
        "  when: {opt_in: true}",
        "destinations:",
        "  mailchimp: {platform: mailchimp, api_key: '${MAILCHIMP_API_KEY}', audience: Newsletter}",
        "segments:",
    ]
    for number in range(count):
        lines += [
            f"  segment_{number:02}:",
            *(["    goal: {bought: {within: 7 days}}"] if measured else []),
            "    when:",
            f"      lifetime_value: {{at_least: {number * 120}}}",
            f"      last_order_at: {{within: {200 + number * 11} days}}",
            f"      country: [{['DE', 'US', 'FR', 'CA', 'GB', 'NO'][number % 6]}, {['US', 'FR', 'NO'][number % 3]}]",
            f"      not: {{stage: {['lead', 'customer', 'subscriber'][number % 3]}}}",
            f"    send_to: {{mailchimp: {{tag: Segment {number:02}}}}}",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
