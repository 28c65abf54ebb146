"""An attempt: one command that is to change something, from its beginning to its end, however it ends.

Owns: what an attempt knows of its plan and its run, and how it ended. Must not: write, tell (recording.py does).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.app.workspace import Workspace
from connector.core.counts import count_of
from connector.core.errors import ConnectorError, DestinationError, SourceError, Unsafe
from connector.core.model import Outcome
from connector.core.scrub import scrub
from connector.state.attempts import SERVED, Attempt, Side

if TYPE_CHECKING:
    from connector.core.plan import Plan
    from connector.notify.tally import Tally
    from connector.push.run import RunResult
    from connector.state.base import Store

NOTHING, DECLINED, REFUSED, FAILED, INTERRUPTED, NOT_PLANNED = (
    *("nothing", "declined", "refused", "failed", "interrupted", "not planned"),
)
STALE = "stale"
_LEFT = ("unsent", str(Outcome.UNKNOWN))


@dataclass(slots=True)
class Attempting:
    """One command on its way; the command tells what it knows, as soon as it does."""

    workspace: Workspace
    store: Store
    command: str
    tally: Tally | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    plan: Plan | None = None
    whole: Plan | None = None  # before destinations were held back
    result: RunResult | None = None
    declined: bool = False
    looked: bool = False  # nothing was to be changed: no record
    metrics: Path | None = None
    run_id: str = ""  # of a run that was open before, or opened by this command
    before: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    closed: bool = False
    began: float = field(default_factory=time.monotonic)

    def attempt(self, error: BaseException | None) -> Attempt:
        """How it ended. `error` is what ended it, None: nothing did."""
        ended, code, why = _end(self, error)
        sides = dict(_sides(self, error))
        return Attempt(
            id=f"{self.started_at:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            command=self.command,
            started_at=self.started_at,
            finished_at=datetime.now(UTC),
            ended=ended,
            exit_code=_exit_code(self, error),
            code=code,
            why=scrub(why, 1000),
            run_id=self.run_id,
            sides=sides,
            facts=self._facts(),
        )

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.tally.facts() if self.tally is not None else {}
        facts["seconds"] = round(time.monotonic() - self.began, 3)
        if self.plan is not None:
            facts |= {"contacts": self.plan.export.contacts, "consenting": self.plan.export.consenting}
            facts |= {"blocked": _blocked(self.plan)}
            if known := set(self.plan.moment.segments["segment"].to_pylist()):
                facts["left_out"] = [name for name in self.workspace.config.segments if name not in known]
            if self.plan.skipped:
                facts["skipped"] = {name: scrub(why, 500) for name, why in self.plan.skipped.items()}
        if self.run_id:
            facts["changes"] = self.store.attempts.done(self.run_id)
        return facts


def members(workspace: Workspace, store: Store) -> dict[str, dict[str, int]]:
    """Destination -> “tag VIP” -> members, as the ledger has them."""
    found = {name: store.counts(name).members for name in workspace.config.destinations}
    return {name: {f"{kind} “{target}”": n for (kind, target), n in sizes.items()} for name, sizes in found.items()}


def _exit_code(one: Attempting, error: BaseException | None) -> int:
    if isinstance(error, ConnectorError):
        return error.exit_code
    if error is not None:
        return 130 if isinstance(error, KeyboardInterrupt) else 4
    if one.result is not None:
        return one.result.exit_code
    return code_of(one.plan) if one.plan is not None else 0


def code_of(plan: Plan) -> int:
    """The exit code of a plan that is not pushed: 4 when a destination could not be planned, 3 when a guard keeps one
    out, 1 when a segment is left out."""
    from connector.core.errors import PlanError

    if plan.unread:
        return DestinationError.exit_code
    return PlanError.exit_code if plan.held_back else 1 if plan.skipped else 0


def _end(one: Attempting, error: BaseException | None) -> tuple[str, str, str]:
    """How the attempt as a whole ended: one word, what stopped it, and why."""
    if isinstance(error, SourceError):
        stale = any(problem.code == STALE for problem in error.problems)
        return FAILED, STALE if stale else error.kind, "\n".join(f"{problem}" for problem in error.problems)
    if isinstance(error, ConnectorError):
        word = INTERRUPTED if error.exit_code == 130 else REFUSED if error.exit_code == 3 else FAILED
        return word, error.kind, f"{error}"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, INTERRUPTED, "Interrupted."
    if error is not None:
        return FAILED, "bug", f"A bug in the connector ({type(error).__name__})."
    code = _exit_code(one, None)
    word = {3: REFUSED, 4: FAILED, 130: INTERRUPTED}.get(code, "")
    if not word:
        word = DECLINED if one.declined else SERVED if one.result is not None else NOTHING
    return word, "", ""


def _sides(one: Attempting, error: BaseException | None) -> Iterator[tuple[str, Side]]:
    plan, result = one.plan, one.result
    if isinstance(error, DestinationError):
        every = {error.destination: error, **error.also} if error.destination else error.also
        for name, trouble in every.items():
            yield name, Side(FAILED, trouble.kind, scrub(f"{trouble}", 500))
    if plan is not None:
        for name, why in plan.unread.items():
            yield name, Side(NOT_PLANNED, plan.kinds.get(name, DestinationError.kind), scrub(why, 500))
        for name, why in plan.held_back.items():
            yield name, Side(REFUSED, _guards(one, name), why)
    if isinstance(error, Unsafe) and plan is not None:
        for name in dict.fromkeys(hit.destination for hit in _hits(one)):
            why = " ".join(hit.message for hit in _hits(one) if hit.destination == name)
            yield name, Side(REFUSED, _guards(one, name), why)
        for name in _untouched(plan):
            yield name, Side(SERVED)
    if error is not None or one.declined:
        return
    if result is not None:
        yield from _of_result(result)
    elif plan is not None:
        for name in plan.revisions:
            yield name, Side(SERVED)


def _untouched(plan: Plan) -> list[str]:
    """Destinations that need nothing and that no guard is about."""
    hit = {hit.destination for hit in plan.guards}
    changed = {*plan.changes["destination"].unique().to_pylist(), *plan.stages["destination"].unique().to_pylist()}
    return [name for name in plan.revisions if name not in hit | changed]


def _left(number: int) -> str:
    return count_of(number, "change is", "changes are")


def _of_result(result: RunResult) -> Iterator[tuple[str, Side]]:
    for name in result.destinations:
        trouble = result.errors.get(name)
        left = sum(counts.get(word, 0) for counts in result.counts.get(name, {}).values() for word in _LEFT)
        if trouble is not None:
            yield name, Side(FAILED, trouble.kind, scrub(f"{trouble}", 500))
        elif left:
            yield name, Side(INTERRUPTED, INTERRUPTED, f"{name}: {_left(left)} not sent or unknown: sync resume")
        else:
            yield name, Side(SERVED)


def _hits(one: Attempting) -> Sequence[Any]:
    from connector.app.pushing import standing

    return standing(one.workspace, one.plan) if one.plan is not None else ()


def _guards(one: Attempting, name: str) -> str:
    """guard:adds,removes"""
    from connector.notify.causes import GUARD

    source = one.whole if one.whole is not None else one.plan
    hits = [] if source is None else [hit.name for hit in source.guards if hit.destination == name]
    allowed = one.workspace.options.allow
    return GUARD + ",".join(sorted({hit for hit in hits if hit not in allowed}))


def _blocked(plan: Plan) -> dict[str, dict[str, int]]:
    """Destination -> reason -> memberships."""
    groups = plan.blocked.group_by(["destination", "reason"], use_threads=False).aggregate([("email", "count")])
    found: dict[str, dict[str, int]] = {}
    for row in groups.to_pylist():
        found.setdefault(row["destination"], {})[row["reason"]] = row["email_count"]
    return found


def environment(workspace: Workspace) -> Mapping[str, str]:
    """Where the secrets of `notify` are read: rehearsals have keys of their own for platforms only."""
    return os.environ
