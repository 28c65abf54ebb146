"""Between the journal's rows and an adapter's batch: records out, outcomes back.

Owns: the shape of a Batch, that there is exactly one outcome per record, and that a contact which is gone is SKIPPED.
Must not: send, retry, store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import ContractError
from connector.core.model import Op, Outcome, Target
from connector.core.schemas import ANSWERS, BATCH_SCHEMA
from connector.platforms.base import ERASED, LEFT_LIST, NOT_HELD, OF_THE_PERSON, Batch, Done, RecordOutcome
from connector.state.base import Step


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
    return _table(records, [_judged(step, each) for each in outcomes])


def refused(step: Step, records: pa.Table, culprits: Mapping[int, tuple[str, str]]) -> pa.Table:
    """ANSWERS: the culprits (index -> code, detail) are REJECTED, or SKIPPED when they are gone."""
    found = [RecordOutcome(index, Outcome.REJECTED, code, detail) for index, (code, detail) in culprits.items()]
    return _table(records, [_judged(step, each) for each in found])


def _judged(step: Step, outcome: RecordOutcome) -> RecordOutcome:
    """A contact that the platform does not hold was not refused, nor archived or unsubscribed: it is skipped, and the
    ledger forgets it. Nor was one that has left the list. Only a CREATE can be refused because of an erasure."""
    left = step.op in (Op.RETIRE, Op.UNSUBSCRIBE) and outcome.outcome is Outcome.UNCHANGED
    gone = (left or outcome.outcome is Outcome.REJECTED) and outcome.code in (NOT_HELD, ERASED, LEFT_LIST)
    return replace(outcome, outcome=Outcome.SKIPPED) if gone and step.op is not Op.CREATE else outcome


def refused_fields(op: Op, records: pa.Table, found: pa.Table) -> pa.Table:
    """Those of ANSWERS `found` who are sent again without their fields: a CREATE, or an UPDATE in which tags ride, that
    was refused for anything but the person."""
    if op not in (Op.CREATE, Op.UPDATE):
        return found.slice(0, 0)
    more = pc.or_(pc.is_valid(records["tags_add"]), pc.is_valid(records["tags_remove"]))
    more = pc.or_(more, op is Op.CREATE)
    both = records.filter(pc.and_(more, pc.is_valid(records["fields"])))["seq"].combine_chunks()
    person = pc.is_in(found["code"], value_set=pa.array(sorted(OF_THE_PERSON)))
    rejected = pc.and_(pc.equal(found["outcome"], str(Outcome.REJECTED)), pc.invert(person))
    return found.filter(pc.and_(rejected, pc.is_in(found["seq"], value_set=both)))


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
