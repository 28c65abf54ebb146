"""The contacts that a run has created: a platform's index may lag, and not to be shown yet is not to be gone.

Owns: who they are, and that such an answer makes nobody lost. Must not: ask a platform.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Op, Outcome
from connector.platforms.base import NOT_HELD, NOT_VISIBLE
from connector.state.base import Step, Store


def emails(store: Store, step: Step) -> pa.Array:
    """The contacts that the run of the step created in its destination."""
    done = store.run_changes(step.run_id)
    here = pc.and_(pc.equal(done["destination"], step.destination), pc.equal(done["op"], str(Op.CREATE)))
    applied = pc.is_in(done["outcome"], value_set=pa.array([str(Outcome.APPLIED), str(Outcome.UNCHANGED)]))
    return done.filter(pc.and_(here, applied))["email"].combine_chunks()


def unless_new(store: Store, step: Step, records: pa.Table, told: pa.Table) -> pa.Table:
    """ANSWERS in which no contact that the run created is called gone: the next run tries them again."""
    lost = pc.and_(pc.equal(told["code"], NOT_HELD), pc.equal(told["outcome"], str(Outcome.SKIPPED)))
    if step.op is Op.CREATE or not pc.any(lost).as_py():
        return told
    new = records.filter(pc.is_in(records["email"], value_set=emails(store, step)))["seq"].combine_chunks()
    code = pc.if_else(pc.and_(lost, pc.is_in(told["seq"], value_set=new)), NOT_VISIBLE, told["code"])
    return told.set_column(told.column_names.index("code"), told.schema.field("code"), code)
