"""A plan's changes as the rows of a run: sorted into steps, numbered, loaded in bulk.

Owns: the order of changes in the journal. Must not: look at single changes.

Changes of one operation on one target stand together, in the plan's order, so that batches are ranges.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.state.drivers.driver import Driver

_GROUP = ("destination", "op", "kind", "target")
_DATA = ("email", "fields", "new_status", "consent_at", "consent_source", "row_hash", "old_email", "seen")


def load_changes(db: Driver, run_id: str, changes: pa.Table) -> None:
    """Write the steps and the changes of a run. Inside the caller's transaction."""
    if not changes.num_rows:
        return
    group = _group(changes)
    order = pc.sort_indices(group)
    changes, group = changes.take(order), group.take(order)
    first = int(db.rows("SELECT coalesce(max(seq), 0) + 1 FROM change")[0][0])
    step = int(db.rows("SELECT coalesce(max(id), 0) + 1 FROM step")[0][0])
    steps, start = [], first
    for number, count in enumerate(pc.value_counts(group).field("counts").to_pylist(), start=step):
        named = changes.slice(start - first, 1).select(_GROUP).to_pylist()[0]
        db.run(
            "INSERT INTO step(id, run_id, destination, op, kind, target, first_seq, last_seq) VALUES (?,?,?,?,?,?,?,?)",
            [number, run_id, *(named[name] for name in _GROUP), start, start + count - 1],
        )
        steps.append(pa.repeat(number, count))
        start += count
    columns = [
        pa.array(range(first, start), pa.int64()),
        pa.chunked_array(steps, pa.int64()),
        *(changes.column(name) for name in _DATA),
    ]
    table = pa.table(columns, names=["seq", "step", *_DATA])
    places = ", ".join("?" * table.num_columns)
    db.load(f"INSERT INTO change(seq, step, {', '.join(_DATA)}) VALUES ({places})", table)


def _group(changes: pa.Table) -> pa.Array:
    """A number per change, the same for changes of one operation on one target."""
    number = pa.repeat(pa.scalar(0, pa.int64()), changes.num_rows)
    for name in _GROUP:
        column = changes.column(name).cast(pa.string()).combine_chunks()
        words = pc.fill_null(column, "").dictionary_encode()
        number = pc.add(pc.multiply(number, len(words.dictionary)), words.indices.cast(pa.int64()))
    return number
