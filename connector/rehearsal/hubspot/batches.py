"""HubSpot's batches of contacts, 100 at most.

Owns: which failure refuses a whole batch and which one record only. Must not: write a contact itself
(hubspot_contacts).

A create or update is all or nothing, and names only the first culprit, unless every input has its own
objectWriteTraceId; then each fails alone (207). An unknown property refuses the batch either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, World, forgotten
from connector.rehearsal.hubspot.contacts import (
    archive,
    as_object,
    create,
    definitions,
    numbers,
    properties_of,
    rows,
    update,
)
from connector.rehearsal.hubspot.wire import Trouble, batch, inputs, mapping, refuse


def batch_read(world: World, request: Request) -> Response:
    body = mapping(request.json())
    ids = [str(mapping(each).get("id", "")) for each in inputs(request)]
    archived = request.first("archived") == "true"
    found = numbers(world, ids, str(body.get("idProperty") or ""), archived=archived)
    held = rows(world, found.values(), archived=archived)
    wanted = [str(name) for name in body.get("properties") or []]
    results = [as_object(held[number], wanted) for number in dict.fromkeys(found.values())]
    missing = list(dict.fromkeys(each for each in ids if each not in found))
    return batch(world, results, [_not_found(missing)] if missing else [])


def _not_found(ids: list[str]) -> dict[str, Any]:
    return Trouble(
        404, "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
    ).standard({"ids": ids})


def _traces(found: Sequence[Any]) -> list[str] | None:
    """Every input's own objectWriteTraceId: then, and only then, may records fail one by one."""
    traces = [str(mapping(each).get("objectWriteTraceId") or "") for each in found]
    return traces if all(traces) and len(set(traces)) == len(traces) else None


def _heeded(world: World, request: Request) -> list[Any]:
    """The inputs, without those that the platform leaves out of its answer."""
    return [each for each in inputs(request) if not forgotten(world, each)]


class Batch:
    """Writes records until one refuses the batch, or notes it where records may fail one by one."""

    def __init__(self, found: Sequence[Any]) -> None:
        self.traces = _traces(found)
        self.errors: list[dict[str, Any]] = []
        self.written: list[tuple[int, dict[str, Any]]] = []  # (contact, what its answer adds)

    def failed(self, index: int, trouble: Trouble) -> None:
        if self.traces is None or trouble.whole:
            raise Refusal(trouble.response())
        self.errors.append(trouble.standard({"objectWriteTraceId": [self.traces[index]]}))

    def wrote(self, index: int, number: int, **more: Any) -> None:
        trace = {"objectWriteTraceId": self.traces[index]} if self.traces else {}
        self.written.append((number, trace | more))

    def answer(self, world: World, status: int, wanted: Sequence[str]) -> Response:
        held = rows(world, [number for number, _ in self.written])
        results = [as_object(held[number], wanted, more) for number, more in self.written]
        return batch(world, results, self.errors, status)


def batch_create(world: World, request: Request) -> Response:
    found, known = _heeded(world, request), definitions(world)
    work = Batch(found)
    for index, each in enumerate(found):
        try:
            work.wrote(index, create(world, known, properties_of(each)))
        except Trouble as trouble:
            work.failed(index, trouble)
    return work.answer(world, 201, _wanted(found))


def batch_update(world: World, request: Request) -> Response:
    """By record id only: an address is refused as idProperty."""
    found, known = _heeded(world, request), definitions(world)
    kinds = {str(mapping(each).get("idProperty") or "") for each in found}
    if "email" in kinds:
        raise refuse(400, "Unable to perform update by non-unique 0-1 property: email")
    ids = [str(each.get("id", "")) for each in found]
    if len(set(ids)) < len(ids):
        raise refuse(400, "Duplicate IDs found in batch input.")
    means = {kind: numbers(world, ids, kind) for kind in kinds}
    work, missing = Batch(found), []
    held = rows(world, {number for each in means.values() for number in each.values()})
    for index, each in enumerate(found):
        number = means[str(each.get("idProperty") or "")].get(ids[index])
        if number is None:
            missing.append(ids[index])
            continue
        try:
            update(world, known, held[number], properties_of(each))
            work.wrote(index, number)
        except Trouble as trouble:
            work.failed(index, trouble)
    work.errors += [_not_found(missing)] if missing else []
    return work.answer(world, 200, _wanted(found))


def batch_upsert(world: World, request: Request) -> Response:
    found, known = inputs(request), definitions(world)
    work = Batch(found)
    for index, each in enumerate(found):
        wanted, kind = str(mapping(each).get("id", "")), str(each.get("idProperty") or "")
        if not kind:
            raise refuse(400, "idProperty is required to upsert contacts.")
        number = numbers(world, [wanted], kind).get(wanted)
        try:
            if number is None:
                work.wrote(index, create(world, known, {kind: wanted} | properties_of(each)), new=True)
            else:
                update(world, known, rows(world, [number])[number], properties_of(each))
                work.wrote(index, number, new=False)
        except Trouble as trouble:
            work.failed(index, trouble)
    return work.answer(world, 200, _wanted(found))


def _wanted(found: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(name for each in found for name in each.get("properties", {})))


def batch_archive(world: World, request: Request) -> Response:
    archive(world, [str(mapping(each).get("id", "")) for each in inputs(request)])
    return Response(204)
