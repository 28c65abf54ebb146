"""Segments whose members were decided before: frozen ones, and those that a file lists. They are looked up.

Owns: which segments are looked up, membership by address or by the CRM's id, and what a reader must know of it.
Must not: decide when a segment is frozen, or remember its members (the state does).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import ibis.expr.datatypes as dt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.sections.models import Config
from connector.config.sections.remote import shown
from connector.core.counts import count_of
from connector.segments.compile import engine
from connector.segments.compile.frame import Column, Frame
from connector.sources.model import Loaded

PEOPLE = pa.schema([("email", pa.string()), ("person", pa.string())])


def of(config: Config, loaded: Loaded) -> dict[str, pa.Table]:
    """Segment -> PEOPLE, of every segment that is decided already."""
    found: dict[str, pa.Table] = {}
    for name, segment in config.segments.items():
        if segment.members_from is not None:
            emails = loaded.members[name]
            found[name] = pa.table([emails, pa.nulls(len(emails), pa.string())], schema=PEOPLE)
        elif segment.frozen and name in loaded.frozen:
            found[name] = loaded.frozen[name].people.select(PEOPLE.names)
    return found


def member(frame: Frame, name: str, people: pa.Table, person: Column | None) -> Any:
    """Whether a contact is one of `people`: by the address, or by the id in `person`, which outlives an address."""
    found = _found(frame, (name, "email"), people.column("email"), None)
    if person is not None and people.column("person").null_count < people.num_rows:
        return found | _found(frame, (name, "person"), people.column("person"), person)
    return found


def _found(frame: Frame, name: tuple[str, str], keys: pa.ChunkedArray, on: Column | None) -> Any:
    known = pc.unique(keys.drop_null()).cast(pa.string())
    rows = pa.table({"_key": known, "found": pa.repeat(True, len(known))})
    made: dict[Hashable, tuple[Column, Any]] = {("kept", *name): (Column("", "boolean", dt.boolean), _["found"])}
    frame.join(engine.table(frame.connection, rows), made, on)
    return frame.test(("kept", *name), frame.columns[("kept", *name)].value)


def reason(config: Config, loaded: Loaded, name: str) -> str | None:
    """Why the segment's rule is not asked; None when it is."""
    segment = config.segments[name]
    if segment.members_from is not None:
        return f"decided by the list {shown(segment.members_from)}"
    if segment.frozen and name in loaded.frozen:
        return f"decided when it was frozen, {loaded.frozen[name].at.astimezone(config.zone):%Y-%m-%d}"
    return None


def notes(config: Config, loaded: Loaded) -> Iterator[str]:
    """A sentence for every frozen segment: since when it is decided, or that it is not yet."""
    for name, segment in config.segments.items():
        if not segment.frozen or segment.members_from is not None:
            continue
        held = loaded.frozen.get(name)
        if held is not None:
            day = f"{held.at.astimezone(config.zone):%Y-%m-%d}"
            size = count_of(held.people.num_rows, "member")
            yield f"{name} is frozen since {day} with {size}; its rule is not asked any more."
        else:
            yield waiting(name)


def waiting(name: str) -> str:
    """What is said of a frozen segment that is not decided yet."""
    return f"{name} is not frozen yet: the first push that sends it keeps those who match then."
