"""An adapter before its rehearsal platform, and the batches that the tests send through it.

Owns: connect, batches for every operation, their outcomes. Must not: know a platform beyond its Kit, judge.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connector.config.sections.models import Destination, Secret
from connector.core.events import Listener, silent
from connector.core.model import Kind, Op, Outcome, Target
from connector.core.schemas import BATCH_SCHEMA, CONTACT_SCHEMA
from connector.platforms.base import Adapter, Batch, Done, Job
from connector.platforms.http.limits import Clock
from connector.platforms.registry import create
from connector.rehearsal.core.world import KEYS
from connector.rehearse import address
from tests.conformance.kits import KITS, Kit
from tests.platforms.clock import TurnedClock

PEOPLE = tuple(f"p{n}@example.com" for n in range(3))
MOMENT = datetime(2026, 1, 5, tzinfo=UTC)
DONE = {Outcome.APPLIED, Outcome.UNCHANGED}


def connect(kit: Kit, listener: Listener = silent, clock: Clock | None = None) -> Adapter:
    """A new adapter: nothing is remembered from earlier calls. Its waiting takes no time."""
    named = {"name": kit.name, "platform": kit.name, "secret": Secret(variable="KEY"), **kit.extra}
    destination = Destination(base_url=address(kit.running.url, kit.name), **named)  # type: ignore[arg-type]
    return create(destination, KEYS[kit.name], clock or TurnedClock(), listener)


def targets(kit: Kit) -> list[Target]:
    return [Target(kit.name, Kind(kind), "vip") for kind in kit.kinds]


def known(adapter: Adapter, emails: Sequence[str]) -> dict[str, Any]:
    """Address -> row of CONTACT_SCHEMA."""
    tables = [CONTACT_SCHEMA.empty_table(), *adapter.lookup(emails)]
    return {row["email"]: row for row in pa.concat_tables(tables).to_pylist() if row["email"] in emails}


def batch(adapter: Adapter, op: Op, target: Target | None, emails: Sequence[str], tags: bool = False) -> Batch:
    held = known(adapter, emails) if op is not Op.CREATE else {}
    kit = KITS[adapter.capabilities.platform]
    rows = [
        dict.fromkeys(BATCH_SCHEMA.names)
        | {"email": email, "remote_id": held.get(email, {}).get("remote_id")}
        | ({"new_status": kit.creates, "consent_at": MOMENT, "consent_source": "form"} if op is Op.CREATE else {})
        | ({"fields": json.dumps({kit.field: "Name"})} if op is Op.UPDATE else {})
        | ({"tags_add": ["vip"]} if tags else {})
        for email in emails
    ]
    wanted = adapter.ensure_targets([target])[target] if target else None
    return Batch(op, target, wanted, pa.Table.from_pylist(rows, schema=BATCH_SCHEMA))


def rewritten(made: Batch, **columns: Sequence[Any]) -> Batch:
    """The batch with other values in these columns."""
    rows = made.records.to_pylist()
    rows = [row | {name: values[at] for name, values in columns.items()} for at, row in enumerate(rows)]
    return replace(made, records=pa.Table.from_pylist(rows, schema=BATCH_SCHEMA))


def finish(adapter: Adapter, made: Batch) -> Done:
    """The outcomes of all, sent as many at a time as the operation takes."""
    spec = adapter.capabilities.operations.get((made.op, made.target.kind if made.target else None))
    size, most = made.records.num_rows, spec.max_batch if spec else made.records.num_rows
    if size <= most:
        return _finish(adapter, made)
    parts = [(at, _finish(adapter, replace(made, records=made.records.slice(at, most)))) for at in range(0, size, most)]
    return Done(tuple(replace(one, index=at + one.index) for at, done in parts for one in done.outcomes))


def _finish(adapter: Adapter, made: Batch) -> Done:
    answer = adapter.push(made)
    for _ in range(20):
        if isinstance(answer, Done):
            return answer
        assert isinstance(answer, Job) and answer.wait >= 0
        answer = adapter.poll(answer.id, made)
    raise AssertionError("the job does not end")


def outcomes(done: Done, size: int) -> list[Outcome]:
    """By index; there must be exactly one each, and no address in a text."""
    assert sorted(one.index for one in done.outcomes) == list(range(size))
    assert not [one for one in done.outcomes if "@" in one.code + one.detail]
    return [one.outcome for one in sorted(done.outcomes, key=lambda one: one.index)]


def operations(adapter: Adapter, kit: Kit) -> list[tuple[Op, Target | None]]:
    """Everything that the platform offers, in an order that makes sense."""
    by_kind = {target.kind: target for target in targets(kit)}
    offered = sorted(adapter.capabilities.operations, key=lambda key: list(Op).index(key[0]))
    return [(op, by_kind[kind] if kind else None) for op, kind in offered]


def state(kit: Kit) -> object:
    held = {(kind, "vip"): kit.members(kind, "vip") for kind in kit.kinds}
    return held, kit.values(), kit.subscribed(), kit.said_no()


def everything(adapter: Adapter, kit: Kit, ids: Mapping[Target, str]) -> Iterator[Callable[[], object]]:
    """Every reading verb of the contract, as a call."""
    yield lambda: adapter.check({kit.field: "name"})
    yield lambda: adapter.targets(frozenset(Kind))
    yield lambda: adapter.ensure_targets(targets(kit))
    yield lambda: list(adapter.lookup(PEOPLE))
    yield lambda: list(adapter.statuses(None))
    yield lambda: list(adapter.statuses(MOMENT))
    for target, key in ids.items():
        yield lambda target=target, key=key: list(adapter.members(target.kind, key))


def prepared(adapter: Adapter, kit: Kit) -> list[Batch]:
    """A batch for every operation, made while answers are still right."""
    finish(adapter, batch(adapter, Op.CREATE, None, PEOPLE))
    new = ["new@example.com"]
    return [batch(adapter, op, to, new if op is Op.CREATE else PEOPLE) for op, to in operations(adapter, kit)]
