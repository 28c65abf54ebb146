"""The mistakes, as patches of an adapter's class or of the HTTP layer that all adapters share.

Owns: one function for each mistake. Must not: know a platform.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from connector.core.errors import BadRecords, DestinationError, Gone, NotSent, Refused, Unanswered
from connector.core.model import Op, Outcome
from connector.platforms.base import Batch, Done, Job, RecordOutcome
from connector.platforms.http.client import Http, Reply
from connector.platforms.http.limits import Limiter

# Puts the mistake into the class of an adapter, or into what adapters share.
Change = Callable[[type, pytest.MonkeyPatch], None]
CHANGES: dict[str, Change] = {}
_ADDRESS = re.compile(r'"([^"@\s]+@[^"@\s]+)"')


def mutant(change: Change) -> Change:
    CHANGES[change.__name__.replace("_", " ")] = change
    return change


def _applied(size: int) -> Done:
    return Done(tuple(RecordOutcome(index, Outcome.APPLIED) for index in range(size)))


@mutant
def statuses_read_only_at_first_contact(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    read = adapter.statuses
    patch.setattr(adapter, "statuses", lambda self, since: read(self, since) if since is None else iter(()))


@mutant
def every_ADD_reported_as_applied(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    push, poll = adapter.push, adapter.poll

    def done(answer: Done | Job, batch: Batch) -> Done | Job:
        return _applied(batch.records.num_rows) if batch.op is Op.ADD and isinstance(answer, Done) else answer

    def pushed(self: object, batch: Batch) -> Done | Job:
        try:
            return done(push(self, batch), batch)
        except BadRecords:
            if batch.op is not Op.ADD:
                raise
            return _applied(batch.records.num_rows)

    patch.setattr(adapter, "push", pushed)
    patch.setattr(adapter, "poll", lambda self, job, batch: done(poll(self, job, batch), batch))


@mutant
def no_rate_limiter(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Limiter, "ask", lambda self, bucket, most=None: 0.0)
    patch.setattr(Limiter, "done", lambda self, bucket: None)


@mutant
def a_job_sent_again_after_a_broken_answer(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    send = Http.send
    patch.setattr(Http, "send", lambda self, *words, **more: send(self, *words, **(more | {"replayable": True})))


@mutant
def one_request_per_contact(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    push = adapter.push

    def pushed(self: Any, batch: Batch) -> Done | Job:
        size = batch.records.num_rows
        if size < 2:
            answer: Done | Job = push(self, batch)
            return answer
        found = []
        for at in range(size):
            one = replace(batch, records=batch.records.slice(at, 1))
            answer = push(self, one)
            while isinstance(answer, Job):
                answer = self.poll(answer.id, one)
            found += [replace(outcome, index=at) for outcome in answer.outcomes]
        return Done(tuple(found))

    patch.setattr(adapter, "push", pushed)


@mutant
def unfinished_empty(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adapter, "unfinished", lambda self: {})


@mutant
def fields_never_cleared(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    push = adapter.push

    def kept(fields: str | None) -> str | None:
        known = {name: value for name, value in json.loads(fields or "{}").items() if value is not None}
        return json.dumps(known) if fields else None

    def pushed(self: object, batch: Batch) -> Done | Job:
        rows = [row | {"fields": kept(row["fields"])} for row in batch.records.to_pylist()]
        records = batch.records.from_pylist(rows, schema=batch.records.schema)
        answer: Done | Job = push(self, replace(batch, records=records))
        return answer

    patch.setattr(adapter, "push", pushed)


@mutant
def an_address_in_a_URL_path(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    """A look at one of the contacts before a request that names some."""
    send = Http.send

    def sent(self: Http, method: str, path: str, **more: Any) -> Reply:
        if found := _ADDRESS.search(json.dumps(more.get("body"))):
            with suppress(DestinationError):
                send(self, "GET", f"{path}/{found[1]}", bucket=more.get("bucket", ""))
        return send(self, method, path, **more)

    patch.setattr(Http, "send", sent)


@mutant
def only_the_first_page_read(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    def cut(read: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *words: islice(read(self, *words), 1)

    for verb in ("lookup", "statuses", "members"):
        patch.setattr(adapter, verb, cut(getattr(adapter, verb)))


def _reclassified(patch: pytest.MonkeyPatch, change: Callable[[Reply, DestinationError], DestinationError]) -> None:
    make = Http.__init__

    def made(self: Http, name: str, url: str, headers: Any, classify: Any, *rest: Any, **more: Any) -> None:
        def classified(reply: Reply) -> DestinationError | None:
            error = classify(reply)
            return error if error is None else change(reply, error)

        make(self, name, url, headers, classified, *rest, **more)

    patch.setattr(Http, "__init__", made)


@mutant
def a_5xx_reported_as_never_applied(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    def change(reply: Reply, error: DestinationError) -> DestinationError:
        if reply.status >= 500 and isinstance(error, Unanswered):
            return NotSent(str(error), destination=error.destination, code=error.code)
        return error

    _reclassified(patch, change)


@mutant
def MOVE_that_sends_nothing(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    push = adapter.push

    def pushed(self: object, batch: Batch) -> Done | Job:
        answer: Done | Job = _applied(batch.records.num_rows) if batch.op is Op.MOVE else push(self, batch)
        return answer

    patch.setattr(adapter, "push", pushed)


@mutant
def gone_reported_as_refused(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    def change(_: Reply, error: DestinationError) -> DestinationError:
        if isinstance(error, Gone):
            return Refused(str(error), destination=error.destination, code=error.code)
        return error

    _reclassified(patch, change)


@mutant
def nobody_told_as_erased(adapter: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adapter, "erased", lambda self, remote_ids: frozenset())
