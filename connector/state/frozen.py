"""Frozen segments: who was decided to be in them, kept until they are released.

Owns: the tables `frozen` and `frozen_member`. Must not: decide who is in a segment, or when one is frozen.

A segment is frozen inside the transaction that opens the run which sends it first, and never frozen over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import Stale
from connector.core.schemas import FROZEN
from connector.state.drivers.driver import Driver
from connector.state.times import instant, micros


class Frozen:
    """Part of a store; reads."""

    def __init__(self, db: Driver) -> None:
        self._db = db

    def since(self) -> dict[str, datetime]:
        """Segment -> the `as_of` by which it was decided."""
        return {name: instant(at) for name, at in self._db.rows("SELECT segment, at FROM frozen ORDER BY segment")}

    def members(self, segment: str) -> pa.Table:
        """FROZEN of one segment."""
        sql = "SELECT segment, email, person FROM frozen_member WHERE segment = ?"
        return self._db.table(sql, FROZEN, [segment])

    def by_run(self, run_id: str) -> list[str]:
        """The segments that a run has frozen and that still are."""
        found = self._db.rows("SELECT segment FROM frozen WHERE run_id = ? ORDER BY segment", [run_id])
        return [name for (name,) in found]


def freeze(db: Driver, run_id: str, at: datetime, members: pa.Table) -> None:
    """Keep FROZEN `members`. Inside the caller's transaction. Raises Stale when one of the segments is frozen already:
    the plan was made before that."""
    names = pc.unique(members.column("segment")).to_pylist()
    for name in names:
        if db.rows("SELECT segment FROM frozen WHERE segment = ?", [name]):
            raise Stale(f"The segment {name} was frozen by another run since this plan was made. Plan again.")
        db.run("INSERT INTO frozen(segment, at, run_id) VALUES (?, ?, ?)", [name, micros(at), run_id])
    db.load("INSERT INTO frozen_member(segment, email, person) VALUES (?, ?, ?)", members.select(FROZEN.names))


def release(db: Driver, segments: Sequence[str]) -> None:
    """Let the members of these segments go: their rules are asked again. Inside the caller's transaction."""
    for name in segments:
        db.run("DELETE FROM frozen_member WHERE segment = ?", [name])
        db.run("DELETE FROM frozen WHERE segment = ?", [name])


def counted(members: pa.Table) -> Mapping[str, int]:
    """How many members each segment has."""
    return {row["values"]: row["counts"] for row in pc.value_counts(members.column("segment")).to_pylist()}
