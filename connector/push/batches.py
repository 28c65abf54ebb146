"""Between the journal's rows and an adapter's batch: records out, outcomes back.

Owns: the shape of a Batch, that there is exactly one outcome per record, and that a contact which is gone is SKIPPED.
Must not: send, retry, store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import BadRecords, ContractError
from connector.core.model import Op, Outcome, Target
from connector.core.schemas import ANSWERS, BATCH_SCHEMA
from connector.platforms.base import (
    ACCOUNT_LIMIT,
    ERASED,
    LEFT_LIST,
    NOT_HELD,
    OF_THE_PERSON,
    Batch,
    Done,
    RecordOutcome,
    of_account,
)
from connector.state.base import Step

_LONGEST = 60  # signs of a refused value in a text


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


def refused(step: Step, records: pa.Table, error: BadRecords) -> pa.Table:
    """ANSWERS: the culprits are REJECTED, or SKIPPED when they are gone."""
    found = [
        RecordOutcome(index, Outcome.REJECTED, code, detail, fields=error.fields.get(index, ()))
        for index, (code, detail) in error.culprits.items()
    ]
    return _table(records, [_judged(step, each) for each in found])


def _judged(step: Step, outcome: RecordOutcome) -> RecordOutcome:
    """A contact that the platform does not hold was not refused, nor archived or unsubscribed: it is skipped, and the
    ledger forgets it. Nor was one that has left the list. Only a CREATE can be refused because of an erasure. What the
    account's plan does not allow is no fault of the person."""
    left = step.op in (Op.RETIRE, Op.UNSUBSCRIBE) and outcome.outcome is Outcome.UNCHANGED
    refused = outcome.outcome is Outcome.REJECTED and not outcome.fields and outcome.code not in OF_THE_PERSON
    if refused and of_account(outcome.code, outcome.detail):
        return replace(outcome, outcome=Outcome.FAILED, code=ACCOUNT_LIMIT)
    gone = (left or outcome.outcome is Outcome.REJECTED) and outcome.code in (NOT_HELD, ERASED, LEFT_LIST)
    return replace(outcome, outcome=Outcome.SKIPPED) if gone and step.op is not Op.CREATE else outcome


def refused_fields(op: Op, records: pa.Table, found: pa.Table) -> pa.Table:
    """Those of ANSWERS `found` who are sent again without the fields that were refused, all of them unless they are
    named: of a CREATE or UPDATE that was refused for anything but the person, and brings something else."""
    if op not in (Op.CREATE, Op.UPDATE):
        return found.slice(0, 0)
    more = pc.or_(pc.is_valid(records["tags_add"]), pc.is_valid(records["tags_remove"]))
    left = found.filter(pc.is_valid(found["rest"]))["seq"].combine_chunks()
    more = pc.or_(pc.or_(more, pc.is_in(records["seq"], value_set=left)), op is Op.CREATE)
    both = records.filter(pc.and_(more, pc.is_valid(records["fields"])))["seq"].combine_chunks()
    person = pc.is_in(found["code"], value_set=pa.array(sorted(OF_THE_PERSON)))
    rejected = pc.and_(pc.equal(found["outcome"], str(Outcome.REJECTED)), pc.invert(person))
    return found.filter(pc.and_(rejected, pc.is_in(found["seq"], value_set=both)))


def alike(rows: pa.Table, outcome: Outcome, code: str = "", detail: str = "") -> pa.Table:
    """ANSWERS: the same outcome for every row of a table with `seq`."""
    size = rows.num_rows
    columns = [rows.column("seq"), *(pa.repeat(text, size) for text in (str(outcome), code, detail))]
    return pa.table([*columns, *(pa.nulls(size, pa.string()),) * 2], schema=ANSWERS)


def _named(records: pa.Table, outcome: RecordOutcome) -> tuple[RecordOutcome, str | None]:
    """The outcome with the refused values in its detail, and the fields that are left (ANSWERS.rest). A name that is
    none of the record's counts for nothing."""
    if not outcome.fields or outcome.outcome not in (Outcome.REJECTED, Outcome.APPLIED):
        return outcome, None
    sent = json.loads(records.column("fields")[outcome.index].as_py() or "{}")
    bad = [name for name in outcome.fields if name in sent]
    rest = {name: value for name, value in sent.items() if name not in bad}
    if not bad:
        kept = outcome.outcome is Outcome.APPLIED
        return replace(outcome, code="", detail="") if kept else outcome, None
    what = "is not taken" if outcome.outcome is Outcome.REJECTED else "was sent"
    shown = "; ".join(f"{name}: “{_shown(sent[name])}” {what}" for name in bad)
    detail = f"{shown}. {outcome.detail}".rstrip()
    refused = outcome.outcome is Outcome.REJECTED and not rest
    return replace(outcome, detail=detail), None if refused else json.dumps(rest, ensure_ascii=False)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _table(records: pa.Table, outcomes: Iterable[RecordOutcome]) -> pa.Table:
    told = [_named(records, outcome) for outcome in outcomes]
    kept = [outcome for outcome, _ in told]
    seq = records.column("seq").take(pa.array([each.index for each in kept], pa.int64()))
    columns = [
        seq,
        pa.array([str(each.outcome) for each in kept], pa.string()),
        pa.array([each.code for each in kept], pa.string()),
        pa.array([each.detail for each in kept], pa.string()),
        pa.array([each.remote_id for each in kept], pa.string()),
        pa.array([rest for _, rest in told], pa.string()),
    ]
    return pa.table(columns, schema=ANSWERS)
