"""Which lists people unsubscribed from, where a platform tells: an opt-out of one target, beside everything else.

Owns: the tables left_list and seen_target, by the platform's ids of contacts and lists, and every statement about them.
A list that somebody left counts under every name that it is known by (seen_target: also before we have written to it),
and for every contact that is the same person, also one under an address that the person's contact had before.
Must not: decide what follows for a plan (plan/gate.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Kind, Op, Outcome
from connector.core.schemas import LEFT_LISTS
from connector.state import former
from connector.state.drivers.driver import Driver

TABLES = (
    """CREATE TABLE left_list(
        destination TEXT NOT NULL, contact TEXT NOT NULL, list TEXT NOT NULL,
        PRIMARY KEY(destination, contact, list)) WITHOUT ROWID""",
    """CREATE TABLE seen_target(
        destination TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, remote_id TEXT NOT NULL,
        PRIMARY KEY(destination, kind, name)) WITHOUT ROWID""",
    "CREATE INDEX contact_by_person ON contact(destination, person) WHERE person IS NOT NULL",
)
CODE = "left_list"  # of a change that was skipped
_NAMES = f"""
    (SELECT destination, name, remote_id FROM target WHERE kind = '{Kind.LIST}' AND remote_id IS NOT NULL
     UNION SELECT destination, name, remote_id FROM seen_target WHERE kind = '{Kind.LIST}')"""
_CONTACTS = f"""
    FROM left_list l CROSS JOIN {_NAMES} t ON t.destination = l.destination AND t.remote_id = l.list
    CROSS JOIN contact k ON k.destination IS l.destination AND k.remote_id = l.contact"""
# Who left a list, and whose person it is: also of an address that the person's contact had before. Needs former.MOVED.
_WHO = f"""
    SELECT l.destination, t.name AS target, k.email, k.person {_CONTACTS}
    UNION SELECT l.destination, t.name, k.email, p.person {_CONTACTS}
    CROSS JOIN moved m ON m.former = k.email
    CROSS JOIN contact p ON p.destination = l.destination AND p.email = m.present
    WHERE k.person IS NULL AND p.person IS NOT NULL"""
# No index leads from a person to contacts: SQLite makes one of the few who left, for each contact of the destination.
_LEFT = f"""
    {former.MOVED}, who AS MATERIALIZED (SELECT * FROM ({_WHO}) w WHERE w.destination = ?)
    SELECT target, email FROM who
    UNION SELECT w.target, k.email FROM contact k CROSS JOIN who w ON w.person = k.person WHERE k.destination = ?"""
# From one address to its contact, and on to those who left.
_HAS_LEFT = f"""EXISTS (
    SELECT 1 FROM contact k WHERE k.destination = ? AND k.email = {{address}} AND (
        k.remote_id IN (SELECT l.contact FROM left_list l CROSS JOIN {_NAMES} t
                        ON t.destination = l.destination AND t.remote_id = l.list
                        WHERE l.destination = ? AND t.name = ?)
        OR k.person IN (SELECT w.person FROM ({_WHO}) w
                        WHERE w.destination = ? AND w.target = ? AND w.person IS NOT NULL)))"""

# Somebody who gets another address in this run is still known by the old one. A job that is being worked on keeps its
# records.
_WAITS = """NOT EXISTS (SELECT 1 FROM batch b WHERE b.state = 'polling'
                        AND coalesce(change.carrier, change.seq) BETWEEN b.first_seq AND b.last_seq)"""
_SKIP = f"""
    {former.MOVED}
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND {_WAITS} AND (
        {_HAS_LEFT.format(address="change.email")} OR email IN (
            SELECT m.email FROM step s JOIN change m ON m.seq BETWEEN s.first_seq AND s.last_seq
            WHERE s.run_id = ? AND s.destination = ? AND s.op = '{Op.MOVE}'
              AND {_HAS_LEFT.format(address="m.old_email")}))"""
# A CREATE that puts its contacts into lists would do so again: those who left one of them exist already.
_SKIP_CREATE = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}' WHERE outcome IS NULL AND {_WAITS} AND seq IN (
        SELECT carrier FROM change WHERE seq BETWEEN ? AND ? AND code = '{CODE}')"""
_SKIP_REST = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'not_created' WHERE outcome IS NULL AND carrier IN (
        SELECT c.seq FROM change a JOIN change c ON c.seq = a.carrier
        WHERE a.seq BETWEEN ? AND ? AND a.code = '{CODE}' AND c.code = '{CODE}')"""


def untold(rows: int) -> pa.Array:
    """The column `left` of contacts that a platform tells nothing of."""
    return pa.nulls(rows, pa.list_(pa.string()))


def observe(db: Driver, destination: str, contacts: pa.Table) -> None:
    """Keep what CONTACT_SCHEMA tells: for each contact the whole of the lists that it has left. Inside the caller's
    transaction."""
    known = {key for (key,) in db.rows("SELECT DISTINCT contact FROM left_list WHERE destination = ?", [destination])}
    told = pc.and_(pc.is_valid(contacts["left"]), pc.is_valid(contacts["remote_id"]))
    some = pc.fill_null(pc.greater(pc.list_value_length(contacts["left"]), 0), False)
    was = pc.is_in(contacts["remote_id"], value_set=pa.array(sorted(known), pa.string()))
    rows: list[dict[str, Any]] = contacts.filter(pc.and_(told, pc.or_(some, was))).to_pylist()
    for key, lists in {row["remote_id"]: row["left"] for row in rows}.items():
        db.run("DELETE FROM left_list WHERE destination = ? AND contact = ?", [destination, key])
        for each in dict.fromkeys(lists):
            db.run("INSERT INTO left_list VALUES (?, ?, ?)", [destination, key, each])


def saw(db: Driver, destination: str, ids: Mapping[tuple[Kind, str], str]) -> None:
    """What targets of these names are on the platform."""
    with db.transaction():
        for (kind, name), remote_id in ids.items():
            db.run(
                "INSERT INTO seen_target VALUES (?, ?, ?, ?) "
                "ON CONFLICT(destination, kind, name) DO UPDATE SET remote_id = excluded.remote_id",
                [destination, str(kind), name, remote_id],
            )


def seen(db: Driver, destination: str) -> dict[tuple[Kind, str], str]:
    """The lists that were seen, under our names."""
    sql = "SELECT name, remote_id FROM seen_target WHERE destination = ? AND kind = ?"
    return {(Kind.LIST, name): remote_id for name, remote_id in db.rows(sql, [destination, str(Kind.LIST)])}


def table(db: Driver, destination: str) -> pa.Table:
    """LEFT_LISTS of a destination."""
    if not _any(db, destination):
        return LEFT_LISTS.empty_table()
    sql = f"SELECT '{Kind.LIST}' AS kind, target, email FROM ({_LEFT}) gone"
    return db.table(sql, LEFT_LISTS, [destination, destination, destination])


def skip(db: Driver, run_id: str, destination: str, target: str, first: int, last: int) -> None:
    """Leave out of the ADDs to a list those who have left it. Inside the caller's transaction."""
    if not _any(db, destination):
        return
    there = [destination, destination, target, destination, target]
    db.run(_SKIP, [destination, first, last, *there, run_id, destination, *there])
    db.run(_SKIP_CREATE, [first, last])
    db.run(_SKIP_REST, [first, last])


def forget(db: Driver, email: str) -> None:
    """Nothing is kept of a contact whose address is forgotten. Inside the caller's transaction."""
    mine = "SELECT 1 FROM contact k WHERE k.destination = left_list.destination AND k.remote_id = left_list.contact"
    db.run(f"DELETE FROM left_list WHERE EXISTS ({mine} AND k.email = ?)", [email])


def _any(db: Driver, destination: str) -> bool:
    return bool(db.rows("SELECT 1 FROM left_list WHERE destination = ? LIMIT 1", [destination]))
