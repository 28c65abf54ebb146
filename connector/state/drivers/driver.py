"""What the statements of this room ask of a database: SQLite (database.py) or PostgreSQL (postgres.py).

Owns: the protocol. Must not: know a driver or a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


class Driver(Protocol):
    """Thread-safe: one statement at a time, written for SQLite with `?` for parameters (see dialect.py). Raises
    StateError for whatever the database raises."""

    @property
    def path(self) -> Path | str:
        """For people: where this state is, without a secret."""

    @property
    def elsewhere(self) -> str:
        """For people: how to choose another place."""

    @property
    def read_only(self) -> bool:
        """What is written is seen by this process alone, and gone when it ends: the user may only read."""

    @property
    def narrows(self) -> bool:
        """Types of columns and indexes can be chosen for the room that they take, as PostgreSQL's can."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None: ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A few rows."""

    def table(self, sql: str, schema: pa.Schema, parameters: Sequence[Any] = (), order: str = "") -> pa.Table:
        """Many rows. `sql` yields the columns of `schema` by name, times in microseconds, lists as text joined by
        char(31). An empty text comes back as null. `order` are columns."""

    def load(self, sql: str, table: pa.Table) -> None:
        """Run `sql` once for every row, in order, the columns in order as its parameters; times as microseconds."""

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[None]:
        """Everything or nothing, one writer at a time. Not nested. `writes=False` only holds one moment still."""

    def erasing(self) -> AbstractContextManager[None]:
        """A transaction that deletes people."""

    def shrink(self) -> None:
        """Give back the room of rows that were deleted or replaced. Outside of a transaction."""

    def now(self) -> datetime:
        """The clock that everybody who uses this state shares."""

    def changed(self) -> int:
        """Rows that the last `run` changed."""

    def tables(self) -> set[str]: ...

    def prepare(self) -> None:
        """In the transaction of a migration: make what the statements expect to be there."""

    def close(self) -> None: ...
