"""A small world to ask segments about: segments.yaml as text, tables as Python rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.segments.evaluate import Evaluation, evaluate
from connector.sources.model import QUARANTINE_SCHEMA, Loaded

AS_OF = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)  # 13:00 in Berlin, a Saturday

PHYSICAL: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "country": pa.string(),
    "phone": pa.string(),
    "day": pa.string(),
    "integer": pa.int64(),
    "number": pa.decimal128(18, 2),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "list": pa.list_(pa.string()),
    "place": pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())]),
}

Rows = Sequence[Mapping[str, Any]]
Types = Mapping[str, ColumnType]


def at(text: str) -> datetime:
    """An instant in UTC as tables hold it."""
    return datetime.fromisoformat(text)


def day(text: str) -> date:
    return date.fromisoformat(text)


def amount(text: str) -> Decimal:
    return Decimal(text)


def config(rules: str, *, zone: str = "Europe/Berlin", sources: str = "", more: str = "") -> Config:
    """`rules` is what stands under `segments:`, `sources` beside contacts; both indented by two."""
    text = (
        f"version: 1\ntimezone: {zone}\nsources:\n  contacts: {{file: contacts.csv, email: email}}\n{sources}\n{more}\n"
    )
    return load_text(f"{text}segments:\n{rules}", Path("segments.yaml"))


ORDERS = "  orders: {file: orders.csv, join: {email: email}, at: ordered_at}\n"


def loaded(
    contacts: Rows,
    types: Types,
    related: Mapping[str, tuple[Rows, Types]] | None = None,
    connection: Any = None,
) -> Loaded:
    """A connection that is handed in forgets the tables it had."""
    connection = connection or ibis.duckdb.connect()
    tables = {"contacts": _table(contacts, {"email": "text", **types})}
    for name, (rows, kinds) in (related or {}).items():
        tables[name] = _table(rows, {"_email": "text", "_at": "timestamp", **kinds})
    for name, table in tables.items():
        connection.con.register(f"{name}_rows", table)
        connection.con.execute(f"create or replace table {name} as select * from {name}_rows")
    with warnings.catch_warnings():  # Ibis 12 asks DuckDB 2 for a schema by a name that is about to go
        warnings.simplefilter("ignore", DeprecationWarning)
        made = {name: connection.table(name) for name in tables}
    all_types = {"contacts": dict(types), **{name: dict(kinds) for name, (_, kinds) in (related or {}).items()}}
    contacts_table = made.pop("contacts")
    return Loaded(connection, contacts_table, made, all_types, QUARANTINE_SCHEMA.empty_table())


def _table(rows: Rows, types: Types) -> pa.Table:
    columns = {name: pa.array([row.get(name) for row in rows], PHYSICAL[kind]) for name, kind in types.items()}
    return pa.table(columns)


def people(evaluation: Evaluation, segment: str) -> list[str]:
    table = evaluation.table.to_pylist()
    return sorted(row["email"].split("@")[0] for row in table if row[f"in:{segment}"])


def who(rule: str, contacts: Rows, types: Types, **more: Any) -> list[str]:
    """The people of one rule, written after `when:`."""
    related = more.pop("related", None)
    as_of = more.pop("as_of", AS_OF)
    made = config(f"  s: {{when: {rule}}}\n", **more)
    return people(evaluate(made, loaded(contacts, types, related), as_of), "s")


def rows(column: str, **values: Any) -> list[dict[str, Any]]:
    """One contact per keyword: its name and its value in `column`."""
    return [{"email": f"{name}@example.com", column: value} for name, value in values.items()]
