"""Between the journal's rows and an adapter's batch: records out, outcomes back.

Owns: the shape of a Batch, and that there is exactly one outcome per record. Must not: send, retry, store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from connector.errors import ContractError
from connector.model import Outcome, Target
from connector.platforms.base import BATCH_SCHEMA, Batch, Done, RecordOutcome
from connector.state.base import ANSWERS, Step


def target_of(step: Step) -> Target | None:
    return Target(step.destination, step.kind, step.target or "") if step.kind else None


def as_batch(step: Step, records: pa.Table, target_id: str | None, join: tuple[str, ...] = ()) -> Batch:
    """`records` are the journal's: `seq` and BATCH_SCHEMA."""
    return Batch(step.op, target_of(step), target_id, records.select(BATCH_SCHEMA.names), join)


def answers(step: Step, records: pa.Table, done: Done) -> pa.Table:
    """ANSWERS for the records that have one; the missing ones are unknown.

    Raises ContractError for an outcome of no record or two of one."""
    outcomes = [each for each in done.outcomes if each.outcome is not Outcome.UNKNOWN]
    indexes = [each.index for each in done.outcomes]
    if len(set(indexes)) != len(indexes) or not all(0 <= index < records.num_rows for index in indexes):
        raise ContractError(
            f"{step.destination}: the answer to “{step}” names records that were not in the request, or one twice. "
            "Please report this; `sync resume` finds out what was applied.",
            destination=step.destination,
            code="outcomes",
        )
    return _table(records, outcomes)


def refused(records: pa.Table, culprits: Mapping[int, tuple[str, str]]) -> pa.Table:
    """ANSWERS: the culprits (index -> code, detail) are REJECTED."""
    rejected = Outcome.REJECTED
    return _table(records, [RecordOutcome(index, rejected, code, detail) for index, (code, detail) in culprits.items()])


def alike(rows: pa.Table, outcome: Outcome, code: str = "", detail: str = "") -> pa.Table:
    """ANSWERS: the same outcome for every row of a table with `seq`."""
    size = rows.num_rows
    columns = [rows.column("seq"), *(pa.repeat(text, size) for text in (str(outcome), code, detail))]
    return pa.table([*columns, pa.nulls(size, pa.string())], schema=ANSWERS)


def _table(records: pa.Table, outcomes: Iterable[RecordOutcome]) -> pa.Table:
    kept = list(outcomes)
    seq = records.column("seq").take(pa.array([each.index for each in kept], pa.int64()))
    columns = [
        seq,
        pa.array([str(each.outcome) for each in kept], pa.string()),
        pa.array([each.code for each in kept], pa.string()),
        pa.array([each.detail for each in kept], pa.string()),
        pa.array([each.remote_id for each in kept], pa.string()),
    ]
    return pa.table(columns, schema=ANSWERS)
