"""Forgotten people: the salted hashes of their addresses and CRM ids, and that nothing about them enters the state.

Owns: the tables `tombstone` and `setting` (the salt), the hash, what is one person, removing every trace of an address.
Must not: open a transaction, know a platform, decide who is forgotten.

Every way into the state passes here: what is observed, what people did, and the changes, stages and frozen members of
every run, however it was planned. Hashes are only made when somebody was forgotten.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.state import left, present, retired
from connector.state.drivers.driver import Driver

# Every table with an address in a column `email`; tests/state/test_upkeep.py holds it against the schema. present.py
# packs its people.
WITH_EMAIL = (
    "contact",
    "engagement",
    "reject",
    "failure",
    "change",
    "stage_entry",
    "stage_move",
    "frozen_member",
    "activity_mark",
    "history_move",
)
PERSON = "\x1f"  # stands before a CRM's id when it is hashed: no address begins with it
SHARED = 10  # an id beside more addresses than this is a column's mistake, and names nobody
_SALT = "forget_salt"
_HASHES = pa.schema([("hash", pa.string())])
_EMAILS = pa.schema([("email", pa.string())])

# Further addresses of a person: under the same id in the CRM, moved from or to, of the same contact of a platform.
_ALIKE = (
    "SELECT old_email FROM change WHERE email = ? AND old_email IS NOT NULL",
    "SELECT email FROM change WHERE old_email = ?",
    """SELECT o.email FROM contact k JOIN contact o ON o.destination IS k.destination AND o.remote_id = k.remote_id
       WHERE k.email = ?""",
)
_PERSONS = (
    "SELECT person FROM contact WHERE email = ? AND person IS NOT NULL",
    "SELECT person FROM frozen_member WHERE email = ? AND person IS NOT NULL",
)
_OF_PERSON = "SELECT email FROM contact WHERE person = ? UNION SELECT email FROM frozen_member WHERE person = ?"


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The salt, and the hashes of everybody who was forgotten, as of one moment."""

    salt: str
    hashes: pa.Array

    def among(self, *columns: pa.ChunkedArray) -> pa.Array:
        """Those of the addresses that were forgotten, each once."""
        if not len(self.hashes):
            return pa.array([], pa.string())
        emails = pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))
        known = emails.drop_null()
        hashed = pa.array([digest(self.salt, email) for email in known.to_pylist()], pa.string())
        return known.filter(pc.is_in(hashed, value_set=self.hashes))

    def without(self, table: pa.Table) -> pa.Table:
        """The rows of a table with a column `email` that are not about them."""
        found = self.among(table.column("email"))
        return table.filter(pc.invert(pc.is_in(table.column("email"), value_set=found))) if len(found) else table


def digest(salt: str, value: str) -> str:
    return hashlib.sha256((salt + value).encode()).hexdigest()


def read(db: Driver) -> Tombstones:
    """Read again for every use: another process may have added one."""
    hashes = db.table("SELECT hash FROM tombstone", _HASHES).column("hash").combine_chunks()
    return Tombstones(_known_salt(db) if len(hashes) else "", hashes)


def honour(
    db: Driver, changes: pa.Table, stages: pa.Table | None, frozen: pa.Table | None
) -> tuple[pa.Table, pa.Table | None, pa.Table | None, int]:
    """The parts of a run without anything about forgotten people, and how many people that leaves out."""
    stones = read(db)
    columns = [changes.column("email"), changes.column("old_email")]
    columns += [part.column("email") for part in (stages, frozen) if part is not None]
    found = stones.among(*columns)
    if not len(found):
        return changes, stages, frozen, 0
    for name in ("email", "old_email"):  # a MOVE is about both of its addresses
        changes = changes.filter(pc.invert(pc.is_in(changes.column(name), value_set=found)))
    parts = [None if part is None else stones.without(part) for part in (stages, frozen)]
    return changes, parts[0], parts[1], len(found)


def same_person(db: Driver, email: str, persons: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """All addresses that are known to be one person with this one, itself first, and the person's CRM ids. `persons`
    are ids from elsewhere. An address that belongs to another id by now is another person's."""
    ids = _own({*persons, *_persons(db, email)}, db)
    emails, todo = {email: None}, [email]
    while todo:
        here = todo.pop()
        found = [other for sql in _ALIKE for (other,) in db.rows(sql, [here])]
        found += [other for person in sorted(ids) for (other,) in db.rows(_OF_PERSON, [person, person])]
        for other in dict.fromkeys(found):
            theirs = _own(_persons(db, other), db)
            if other not in emails and not (ids and theirs and ids.isdisjoint(theirs)):
                emails[other] = None
                todo.append(other)
                ids |= theirs
    return list(emails), sorted(ids)


def _persons(db: Driver, email: str) -> set[str]:
    return {person for sql in _PERSONS for (person,) in db.rows(sql, [email])}


def _own(persons: set[str], db: Driver) -> set[str]:
    """Those ids that can be one person's."""
    return {one for one in persons if one and len(db.rows(_OF_PERSON, [one, one])) <= SHARED}


def bury(db: Driver, emails: Sequence[str], persons: Sequence[str], at: int) -> None:
    """Leave the hashes of a person, and remove every row about these addresses."""
    db.run("INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING", [_SALT, secrets.token_hex()])
    salt = _known_salt(db)
    for value in [*emails, *(PERSON + person for person in persons)]:
        db.run("INSERT INTO tombstone(hash, at) VALUES (?, ?) ON CONFLICT(hash) DO NOTHING", [digest(salt, value), at])
    for email in emails:
        left.forget(db, email)
        retired.forget(db, email)
        remove(db, email)


def remove(db: Driver, email: str) -> None:
    """Every row about an address, in the ledger, the journal, the history and beside them."""
    present.forget(db, email)
    _remove(db, email, WITH_EMAIL)


def _remove(db: Driver, email: str, tables: Iterable[str]) -> None:
    mine = "SELECT id FROM contact WHERE email = ?"
    for table in ("membership", "membership_doubt", "field_doubt"):
        db.run(f"DELETE FROM {table} WHERE contact_id IN ({mine})", [email])
    db.run("DELETE FROM change WHERE old_email = ?", [email])
    for table in tables:
        db.run(f"DELETE FROM {table} WHERE email = ?", [email])


def clean(db: Driver) -> None:
    """For a migration: earlier versions took forgotten people in again, by readings of platforms, cleanup and undo."""
    stones = read(db)
    if not len(stones.hashes):
        return
    tables = [table for table in WITH_EMAIL if table in db.tables()]  # later migrations make the others
    sources = ["SELECT old_email AS email FROM change", *(f"SELECT email FROM {table}" for table in tables)]
    for sql in sources:
        for email in stones.among(db.table(sql, _EMAILS).column("email")).to_pylist():
            _remove(db, email, tables)


def _known_salt(db: Driver) -> str:
    found = db.rows("SELECT value FROM setting WHERE name = ?", [_SALT])
    return str(found[0][0]) if found else ""
