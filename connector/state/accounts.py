"""Which account each destination of a state belongs to.

Owns: the columns `account` and `account_name` of the table `destination`. Must not: ask a platform, judge a difference
(reconcile/account.py does).
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.state.drivers.driver import Driver


@dataclass(frozen=True, slots=True)
class Known:
    """`id` never changes on the platform; `name` is for people."""

    id: str
    name: str


class Accounts:
    """Part of a store. Needs no lease: the first reading of a platform binds the destination to its account."""

    def __init__(self, db: Driver) -> None:
        self._db = db

    def known(self) -> dict[str, Known]:
        """Destination -> its account, of those that were ever read."""
        sql = "SELECT name, account, coalesce(account_name, '') FROM destination WHERE coalesce(account, '') <> ''"
        return {destination: Known(account, name) for destination, account, name in self._db.rows(sql)}

    def bind(self, destination: str, found: Known) -> Known:
        """The account of a destination: `found` if it has none yet. A new name of the same account is kept."""
        with self._db.transaction():
            known = self.known().get(destination)
            if known is None or (known.id == found.id and known.name != found.name):
                self._db.run(
                    "INSERT INTO destination(name, account, account_name) VALUES (?, ?, ?) ON CONFLICT(name) DO UPDATE "
                    "SET account = excluded.account, account_name = excluded.account_name",
                    [destination, found.id, found.name],
                )
                known = found
        return known
