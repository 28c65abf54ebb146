"""What keeps a state in order besides runs: rejects to be tried again, people to be forgotten, recent moves.

Owns: the statements of `rejects retry` and `hold`, and when somebody is forgotten (tombstones.py has what that is).
Must not: send, touch a run, decide what follows.

The statements are plain SQL, so that they serve any database behind a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Kind, Op, Outcome, Status
from connector.core.schemas import INSTANT
from connector.state import history, pruning, stages, tombstones
from connector.state.drivers.driver import Driver
from connector.state.lease import Lease
from connector.state.settle import raise_revision
from connector.state.times import micros

MOVES = pa.schema([("email", pa.string()), ("op", pa.string()), ("at", INSTANT)])
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

    def tell(self, destination: str, emails: pa.Array) -> None:
        """A cleanup has told of these people and does no more about them."""
        with self._db.transaction():
            self._lease.check()
            stages.tell(self._db, destination, emails, micros(self._now()))

    def addresses(self, email: str, persons: Iterable[str] = ()) -> list[str]:
        """The addresses that `forget` removes: all that are known to be one person with this one."""
        with self._db.transaction(writes=False):
            return tombstones.same_person(self._db, email, persons)[0]

    def forget(self, email: str, persons: Iterable[str] = ()) -> dict[str, str]:
        """Remove every trace of the person with a normalised address, under all their addresses, and leave salted
        hashes of these and of their CRM ids, in one transaction. `persons` are ids that are known from elsewhere.

        Returns destination -> last known status, of the platforms that hold the person as far as we know."""
        where = f"WHERE email = ? AND coalesce(status, '') <> '{Status.ABSENT}'"
        held: dict[str, str] = {}
        with self._db.erasing():
            self._lease.check()
            emails, ids = tombstones.same_person(self._db, email, persons)
            touched: set[str] = set()
            for one in reversed(emails):  # the status of the address that was named counts
                held |= dict(self._db.rows(f"SELECT destination, coalesce(status, '') FROM contact {where}", [one]))
                touched |= {name for (name,) in self._db.rows("SELECT destination FROM contact WHERE email = ?", [one])}
            tombstones.bury(self._db, emails, ids, micros(self._now()))
            for destination in sorted(touched):
                raise_revision(self._db, destination)
        return held

    def forget_also(self, emails: Sequence[str]) -> None:
        """These are addresses of people who were forgotten: an export names them under a forgotten CRM id."""
        with self._db.erasing():
            tombstones.bury(self._db, emails, (), micros(self._now()))

    def drop(self, destination: str, kind: Kind, target: str, emails: Sequence[str]) -> None:
        """Contacts that were found to be no longer in a target of ours leave it in the ledger too."""
        columns = [pa.repeat(word, len(emails)) for word in (destination, str(kind), target, destination)]
        rows = pa.table([*columns, pa.array(emails, pa.string())], names=["of", "kind", "name", "destination", "email"])
        with self._db.transaction():
            self._db.load(_DROP, rows)
            raise_revision(self._db, destination)

    def prune(self, before: datetime) -> int:
        """Delete the journal of runs that are over since before this moment; how many changes. See pruning.py."""
        return pruning.prune(self._db, self._lease, before)

    def prune_history(self, before: datetime) -> int:
        """Delete who came and went in the history before this moment; how many entries and exits. See history.py."""
        with self._db.erasing():
            self._lease.check()
            return history.prune(self._db, before)

    def is_pruned(self, run_id: str) -> bool:
        return pruning.is_pruned(self._db, run_id)

    def tombstones(self) -> tuple[str, pa.Array]:
        """The salt, and sha256(salt + value) in hexadecimal of everybody who was forgotten; a value is an address, or
        tombstones.PERSON and the CRM's id."""
        with self._db.transaction(writes=False):
            found = tombstones.read(self._db)
        return found.salt, found.hashes

    def moves(self, destination: str, kind: Kind, target: str, since: datetime) -> pa.Table:
        """MOVES: who was added to a target or removed from it by runs whose `as_of` is after `since`."""
        return self._db.table(_MOVES, MOVES, [micros(since), destination, str(kind), target])
