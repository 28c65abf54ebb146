"""What became of an import job of Klaviyo: one outcome per record.

Owns: the mapping. Must not: ask Klaviyo.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.core.model import Outcome
from connector.platforms.base import Batch, Done, RecordOutcome
from connector.platforms.klaviyo import wire


def refused(index: int, error: Mapping[str, object]) -> RecordOutcome:
    """REJECTED, with Klaviyo's own sentence and the field that it points to."""
    return RecordOutcome(
        index, Outcome.REJECTED, wire.code_of(error), wire.sentence(error), fields=wire.fields_of(error)
    )


def done(batch: Batch, bad: Mapping[int, RecordOutcome]) -> Done:
    """As in `bad`, APPLIED for the rest; noted where a field could not be cleared."""
    outcomes = []
    for index, record in enumerate(batch.records.select(["fields"]).to_pylist()):
        if index in bad:
            outcomes.append(bad[index])
        elif record["fields"] and wire.kept(record):
            detail = "Klaviyo's import cannot clear a phone number, external id, locale or image"
            outcomes.append(RecordOutcome(index, Outcome.APPLIED, "not_cleared", detail))
        else:
            outcomes.append(RecordOutcome(index, Outcome.APPLIED))
    return Done(tuple(outcomes))


def missing(about: Mapping[str, object], batch: Batch) -> bool:
    """Do the counts of a finished job leave out somebody of the batch? What it does not tell is not judged. The
    reference “Get Profile Bulk Import Job” (read 2026-11-29) does not say whether failed ones are completed, too."""
    rows, counted = batch.records.num_rows, [about.get(f"{name}_count") for name in ("total", "completed", "failed")]
    total, completed, failed = (count if isinstance(count, int) else None for count in counted)
    return (total is not None and total != rows) or (
        completed is not None and completed != rows and completed + (failed or 0) != rows
    )


def alike(
    batch: Batch, outcome: Outcome, code: str, detail: str, bad: Mapping[int, RecordOutcome] | None = None
) -> Done:
    """One outcome for every record, but those in `bad`."""
    named = bad or {}
    return Done(
        tuple(
            named.get(index) or RecordOutcome(index, outcome, code, detail) for index in range(batch.records.num_rows)
        )
    )
