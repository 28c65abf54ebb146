"""Frozen segments: the members were decided once and are looked up.

Owns: membership by a list of addresses. Must not: decide when a segment is frozen, or remember its members.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.segments import engine
from connector.segments.frame import Column, Frame


def member(frame: Frame, name: str, emails: pa.Array | pa.ChunkedArray) -> Any:
    """Whether a contact's address (normalised) is in the list of the segment `name`."""
    known = pc.unique(emails).cast(pa.string())
    rows = pa.table({"_key": known, "found": pa.repeat(True, len(known))})
    frame.join(engine.table(frame.connection, rows), {("kept", name): (Column("", "boolean", dt.boolean), _["found"])})
    return frame.test(("kept", name), frame.columns["kept", name].value)
