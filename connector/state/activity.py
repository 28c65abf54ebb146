"""Activity in the state: opens and clicks of every platform, and who is subscribed again after an opt-out.

Owns: the table engagement, the column contact.returned_at, and what is read over all platforms. Must not: decide what
follows from activity (connector/lifecycle does), ask a platform.

`returned_at` is the platform's time of the change where it tells one, else that of the reading: UNTIMED until then.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from connector.core.model import BLOCKED, Status, quoted
from connector.core.schemas import ACTIVITY, ENGAGEMENT_SCHEMA, MARKS
from connector.state import mail, tombstones
from connector.state.drivers.driver import Driver
from connector.state.times import instant, micros

TABLES = ("ALTER TABLE contact ADD COLUMN returned_at INTEGER",)
# Up to where opens and clicks were read a second time, for those that a platform delivered late.
SWEPT = ("ALTER TABLE destination ADD COLUMN swept_until INTEGER",)
# How many mails somebody had got when they were last active: a policy without a time limit counts from there on.
MARKS_TABLES = (
    """CREATE TABLE activity_mark(
        destination TEXT NOT NULL, email TEXT NOT NULL, at INTEGER NOT NULL, sends INTEGER NOT NULL,
        PRIMARY KEY(destination, email)) WITHOUT ROWID""",
)
UNTIMED = -1
# Those who sign up in a form of the platform may have to confirm it first.
# What we lift ourselves is entered with the outcome, so that it is no change when it is read.
_LEFT = quoted([*BLOCKED, Status.PENDING])
# Not every platform tells a subscription from none.
_SAID_NO = quoted([Status.UNSUBSCRIBED, Status.COMPLAINED])
# Of the statement that observes contacts (store.py).
RETURNED = f"""CASE WHEN excluded.status = '{Status.SUBSCRIBED}' AND contact.status IN ({_LEFT})
            OR excluded.status = '{Status.NEVER_SUBSCRIBED}' AND contact.status IN ({_SAID_NO})
            THEN coalesce(excluded.status_at, {UNTIMED}) ELSE contact.returned_at END"""
_TIME = f"UPDATE contact SET returned_at = ? WHERE destination = ? AND returned_at = {UNTIMED}"
_EVERYWHERE = f"""
    SELECT e.destination, e.email, k.person, e.last_open_at, e.last_click_at
    FROM engagement e LEFT JOIN contact k ON k.destination = e.destination AND k.email = e.email
    UNION ALL
    SELECT destination, email, person, NULL, returned_at FROM contact WHERE returned_at > {UNTIMED}"""

_ENGAGED = "excluded.last_open_at IS NOT NULL OR excluded.last_click_at IS NOT NULL"
_ENGAGE = f"""
    INSERT INTO engagement(destination, email, last_open_at, last_click_at, last_send_at, sends, bounces)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(destination, email) DO UPDATE SET
        sends = CASE WHEN {{totals}} OR {_ENGAGED} THEN coalesce(excluded.sends, engagement.sends)
                ELSE coalesce(engagement.sends + excluded.sends, engagement.sends, excluded.sends) END,
        bounces = CASE WHEN {{totals}} THEN coalesce(excluded.bounces, engagement.bounces)
                  ELSE coalesce(engagement.bounces + excluded.bounces, engagement.bounces, excluded.bounces) END,
        {
    ", ".join(
        f"{name} = CASE WHEN excluded.{name} < engagement.{name} THEN engagement.{name} "
        f"ELSE coalesce(excluded.{name}, engagement.{name}) END"
        for name in ("last_open_at", "last_click_at", "last_send_at")
    )
}"""


def read(db: Driver, destination: str) -> tuple[pa.Table, datetime | None]:
    """ENGAGEMENT of a destination, and up to when it was read."""
    sql = f"SELECT {', '.join(ENGAGEMENT_SCHEMA.names)} FROM engagement WHERE destination = ?"
    with db.transaction(writes=False):
        rows = db.rows("SELECT coalesce(engaged_until, -1) FROM destination WHERE name = ?", [destination])
        until = rows[0][0] if rows else -1
        return db.table(sql, ENGAGEMENT_SCHEMA, [destination]), None if until == -1 else instant(until)


def note(
    db: Driver,
    destination: str,
    table: pa.Table,
    *,
    until: datetime,
    totals: bool,
    swept: bool,
    days: pa.Table | None = None,
) -> None:
    """Enter ENGAGEMENT_SCHEMA, read up to `until`; counts are added up unless they are `totals`. `swept`: late news of
    before `until` is in it. `days` (MAIL_DAYS) are added to what is known of days."""
    known = table.select(ENGAGEMENT_SCHEMA.names).cast(ENGAGEMENT_SCHEMA)
    columns = [pa.repeat(destination, known.num_rows), *known.columns]
    with db.transaction():
        rows = tombstones.read(db).without(pa.table(columns, names=["destination", *ENGAGEMENT_SCHEMA.names]))
        db.load(_ENGAGE.format(totals="true" if totals else "false"), rows)
        db.run(
            "INSERT INTO destination(name, engaged_until) VALUES (?, ?) "
            "ON CONFLICT(name) DO UPDATE SET engaged_until = excluded.engaged_until",
            [destination, micros(until)],
        )
        if days is not None:
            mail.add(db, destination, days)
        if swept:
            db.run("UPDATE destination SET swept_until = ? WHERE name = ?", [micros(until), destination])


def swept(db: Driver, destination: str) -> datetime | None:
    """Up to where opens and clicks were read for late news too; None: never."""
    rows = db.rows("SELECT coalesce(swept_until, -1) FROM destination WHERE name = ?", [destination])
    return None if not rows or rows[0][0] == -1 else instant(rows[0][0])


def marks(db: Driver, destination: str) -> pa.Table:
    return db.table(f"SELECT {', '.join(MARKS.names)} FROM activity_mark WHERE destination = ?", MARKS, [destination])


def mark(db: Driver, destination: str, table: pa.Table) -> None:
    """Enter MARKS."""
    known = table.select(MARKS.names).cast(MARKS)
    columns = [pa.repeat(destination, known.num_rows), *known.columns]
    with db.transaction():
        rows = tombstones.read(db).without(pa.table(columns, names=["destination", *MARKS.names]))
        db.load(
            "INSERT INTO activity_mark(destination, email, at, sends) VALUES (?, ?, ?, ?) "
            "ON CONFLICT(destination, email) DO UPDATE SET at = excluded.at, sends = excluded.sends",
            rows,
        )


def timed(db: Driver, destination: str, at: int) -> None:
    """Everybody has been read up to `at`. Inside the caller's transaction."""
    db.run(_TIME, [at, destination])


def everywhere(db: Driver) -> pa.Table:
    """ACTIVITY; those who subscribed again count as having clicked."""
    return db.table(_EVERYWHERE, ACTIVITY)


def last_moment(db: Driver) -> datetime | None:
    """The latest --as-of of any run."""
    ((latest,),) = db.rows("SELECT coalesce(max(as_of), -1) FROM run")
    return None if latest == -1 else instant(latest)
