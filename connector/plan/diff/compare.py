"""The diff of one destination as an object.

Owns: the connection in which it is computed, and the order of its steps. Must not: hold their SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pyarrow as pa

from connector.core.model import Kind, Op
from connector.core.sql import scratch
from connector.plan import rows, unite
from connector.plan.diff import changes, hold, memberships, moves, people
from connector.plan.routes import Routing
from connector.platforms.base import Capabilities
from connector.state.base import Ledger

MEMORY = "768MB"


@dataclass(frozen=True, slots=True)
class DestinationState:
    """What is known of one destination before the diff. `observed` and `new_targets` come from observe.targets,
    `recent` from hold.recent; `forgotten` are addresses that must not come back (rows.forgotten)."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    observed: pa.Table
    new_targets: frozenset[tuple[Kind, str]]
    recent: pa.Table = field(default_factory=hold.RECENT.empty_table)
    forgotten: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))


class Diff:
    """Desired minus ledger for one destination: who is added, removed, created, changed, moved, adopted and blocked.

    `desired` is segments.Evaluation.table, with a column in:ROUTE for every route of `state`. Use it as a context
    manager: it owns a database in memory."""

    def __init__(self, desired: pa.Table, state: DestinationState) -> None:
        self._state = state
        self._connection = scratch(MEMORY)
        try:
            self._compute(desired)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def people(self) -> pa.Table:
        """Everybody for whose row something may differ, as `people.compare` says."""
        return self._connection.table("person").to_arrow_table()

    def memberships(self) -> pa.Table:
        """Every membership that differs, the blocked ones too, as `memberships.differing` says."""
        return self._connection.table("membership").to_arrow_table()

    def changes(self) -> pa.Table:
        """CHANGE_SCHEMA."""
        return changes.of(self._connection, self._state.routing)

    def blocked(self) -> pa.Table:
        """BLOCKED_SCHEMA."""
        return changes.blocked(self._connection, self._state.routing)

    def _compute(self, desired: pa.Table) -> None:
        connection, state = self._connection, self._state
        routing, can, ledger = state.routing, state.capabilities, unite.statuses(state.ledger)
        connection.register("desired", unite.desired(desired, ledger, gone_is_final=can.gone_is_final))
        offered = (Op.MOVE, None) in can.operations
        ledger = moves.follow(connection, routing, ledger, offered, gone_is_final=can.gone_is_final)
        people.compare(connection, routing, ledger, gone_is_final=can.gone_is_final)
        rows.block(connection, state.forgotten)
        memberships.differing(connection, routing, state.observed)
        hold.keep(connection, state.recent)
        changes.collect(connection, routing, state.ledger.rejects, can.tag_style)
