"""What keeps a state in order besides runs: rejects to be tried again, people to be forgotten, recent moves.

Owns: the statements of `rejects retry`, `forget` and `hold`. Must not: send, touch a run, decide what follows.

The statements are plain SQL, so that they serve any database behind a store.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.model import Kind, Op, Outcome, Status
from connector.state.base import INSTANT
from connector.state.driver import Driver
from connector.state.lease import Lease
from connector.state.settle import raise_revision
from connector.state.times import micros

# Every table with an address in a column `email`; tests/state/test_upkeep.py holds it against the schema.
WITH_EMAIL = ("contact", "engagement", "reject", "change", "stage_entry", "stage_move", "frozen_member")
MOVES = pa.schema([("email", pa.string()), ("op", pa.string()), ("at", INSTANT)])
_HASHES = pa.schema([("hash", pa.string())])
_SALT = "forget_salt"
_REJECT_KEY = ("destination", "email", "op", "kind", "target")

_MOVES = f"""
    SELECT c.email AS email, s.op AS op, max(r.as_of) AS at
    FROM run r JOIN step s ON s.run_id = r.id JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
    WHERE r.as_of > ? AND s.destination = ? AND s.kind = ? AND s.target = ?
      AND s.op IN ('{Op.ADD}', '{Op.REMOVE}', '{Op.ADOPT}')
      AND c.outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')
    GROUP BY c.email, s.op"""

_DROP = """
    DELETE FROM membership
    WHERE target_id = (SELECT id FROM target WHERE destination = ? AND kind = ? AND name = ?)
      AND contact_id = (SELECT id FROM contact WHERE destination = ? AND email = ?)"""


class Upkeep:
    """Part of a store. Everything that writes needs the lease."""

    def __init__(self, db: Driver, lease: Lease, now: Callable[[], datetime]) -> None:
        self._db = db
        self._lease = lease
        self._now = now

    def retry(self, rejects: pa.Table) -> None:
        """Let these rows of REJECTS be tried once more by the next push."""
        keys = [pc.fill_null(rejects.column(name), "") for name in _REJECT_KEY]
        where = " AND ".join(f"{name} = ?" for name in _REJECT_KEY)
        with self._db.transaction():
            self._lease.check()
            self._db.load(f"UPDATE reject SET row_hash = NULL WHERE {where}", pa.table(keys, names=list(_REJECT_KEY)))

    def forget(self, email: str) -> dict[str, str]:
        """Remove every trace of a normalised address and leave its salted hash, in one transaction.

        Returns destination -> last known status, of the platforms that hold the person as far as we know."""
        where = f"WHERE email = ? AND coalesce(status, '') <> '{Status.ABSENT}'"
        with self._db.erasing():
            self._lease.check()
            held = self._db.rows(f"SELECT destination, coalesce(status, '') FROM contact {where}", [email])
            known = self._db.rows("SELECT DISTINCT destination FROM contact WHERE email = ?", [email])
            digest = hashlib.sha256((self._salt() + email).encode()).hexdigest()
            self._db.run(
                "INSERT INTO tombstone(hash, at) VALUES (?, ?) ON CONFLICT(hash) DO NOTHING",
                [digest, micros(self._now())],
            )
            self._remove(email)
            for (destination,) in known:
                raise_revision(self._db, destination)
        return dict(held)

    def sweep(self, destination: str, emails: pa.Array) -> None:
        """Forgotten people whom a bulk reading of a platform has brought along leave the state again."""
        table = pa.table({"destination": pa.repeat(destination, len(emails)), "email": emails})
        with self._db.erasing():
            self._db.load("DELETE FROM contact WHERE destination = ? AND email = ?", table)
            self._db.load("DELETE FROM engagement WHERE destination = ? AND email = ?", table)

    def drop(self, destination: str, kind: Kind, target: str, emails: Sequence[str]) -> None:
        """Contacts that were found to be no longer in a target of ours leave it in the ledger too."""
        columns = [pa.repeat(word, len(emails)) for word in (destination, str(kind), target, destination)]
        rows = pa.table([*columns, pa.array(emails, pa.string())], names=["of", "kind", "name", "destination", "email"])
        with self._db.transaction():
            self._db.load(_DROP, rows)
            raise_revision(self._db, destination)

    def tombstones(self) -> tuple[str, pa.Array]:
        """The salt, and sha256(salt + address) in hexadecimal of everybody who was forgotten."""
        found = self._db.rows("SELECT value FROM setting WHERE name = ?", [_SALT])
        hashes = self._db.table("SELECT hash FROM tombstone", _HASHES).column("hash").combine_chunks()
        return (found[0][0] if found else ""), hashes

    def moves(self, destination: str, kind: Kind, target: str, since: datetime) -> pa.Table:
        """MOVES: who was added to a target or removed from it by runs whose `as_of` is after `since`."""
        return self._db.table(_MOVES, MOVES, [micros(since), destination, str(kind), target])

    def _salt(self) -> str:
        self._db.run(
            "INSERT INTO setting(name, value) VALUES (?, ?) ON CONFLICT(name) DO NOTHING", [_SALT, secrets.token_hex()]
        )
        return str(self._db.rows("SELECT value FROM setting WHERE name = ?", [_SALT])[0][0])

    def _remove(self, email: str) -> None:
        mine = "SELECT id FROM contact WHERE email = ?"
        for table in ("membership", "membership_doubt", "field_doubt"):
            self._db.run(f"DELETE FROM {table} WHERE contact_id IN ({mine})", [email])
        self._db.run("DELETE FROM change WHERE old_email = ?", [email])
        for table in WITH_EMAIL:
            self._db.run(f"DELETE FROM {table} WHERE email = ?", [email])
