"""Mail by day, as platforms told it: sums of segments, without people.

Owns: the table mail_day and its statements. Must not: count (connector/measure does), open a transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from connector.core.schemas import MAIL_DAYS
from connector.state.drivers.driver import Driver
from connector.state.times import micros

_TABLE = """CREATE TABLE mail_day(
    destination TEXT NOT NULL, day INTEGER NOT NULL, number INTEGER NOT NULL, sends INTEGER NOT NULL,
    opens INTEGER NOT NULL, clicks INTEGER NOT NULL, bounces INTEGER NOT NULL,
    PRIMARY KEY(destination, day, number)) WITHOUT ROWID"""
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_COUNTS = ("sends", "opens", "clicks", "bounces")
_ADD = f"""
    INSERT INTO mail_day(destination, {", ".join(MAIL_DAYS.names)}) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(destination, day, number) DO UPDATE SET
    {", ".join(f"{name} = mail_day.{name} + excluded.{name}" for name in _COUNTS)}"""


def create(db: Driver) -> None:
    """For a migration. Who may only read has it for this connection alone."""
    db.run(_TABLE.replace("CREATE TABLE", "CREATE TEMP TABLE") if db.read_only and db.narrows else _TABLE)


def add(db: Driver, destination: str, days: pa.Table) -> None:
    """Add MAIL_DAYS to what is known. Inside the caller's transaction."""
    columns = [pa.repeat(destination, days.num_rows), *days.select(MAIL_DAYS.names).columns]
    db.load(_ADD, pa.table(columns, names=["destination", *MAIL_DAYS.names]))


def days(db: Driver, destination: str) -> pa.Table:
    """MAIL_DAYS of a destination."""
    sql = f"SELECT {', '.join(MAIL_DAYS.names)} FROM mail_day WHERE destination = ?"
    return db.table(sql, MAIL_DAYS, [destination], order="day, number")


def prune(db: Driver, before: datetime) -> None:
    """Inside the caller's transaction."""
    db.run("DELETE FROM mail_day WHERE day < ?", [micros(before) // _DAY])
