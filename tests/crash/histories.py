"""Random histories of one small destination: exports change, others work on the platform, pushes die, runs are undone.

Owns: the state machine, its model of who owns what, the invariants. `python -m tests.crash.histories` runs 10,000.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connector.config.models import Destination, Secret
from connector.events import silent
from connector.model import Kind, NewContacts, Op, Outcome, Status, SyncMode, Target
from connector.plan import observe, undo
from connector.plan.build import Side, build
from connector.plan.model import Plan
from connector.plan.routes import Route, Routing
from connector.platforms.base import CONTACT_SCHEMA, MEMBER_SCHEMA, Batch, RecordOutcome, TagStyle
from connector.push.run import apply, resume
from connector.state import database
from connector.state.base import RunState
from connector.state.store import SqlStore
from tests.plan.world import desired
from tests.push.fake import MOMENT, FakeClock, FakePlatform, capabilities

PEOPLE = [f"p{number}@example.com" for number in range(5)]
TARGETS = {"a": (Kind.TAG, "vip"), "b": (Kind.LIST, "in")}
BY_ID = {"addressed_by": "id", "max_batch": 2}
PROFILES = [
    capabilities(concurrency=1),
    capabilities(TagStyle.PROPERTY, specs={Op.CREATE: {"asynchronous": True}, Op.ADD: BY_ID}, concurrency=1),
    capabilities(specs={Op.CREATE: {"replayable": False, "max_batch": 2}, Op.ADD: {"max_batch": 2}}, concurrency=1),
]
people = st.sets(st.sampled_from(PEOPLE))


class Killed(BaseException):
    """Nothing of this process is written any more."""


@dataclass
class Platform(FakePlatform):
    """The fake with statuses. Worse than the real ones: creating somebody subscribes them, whatever they said."""

    status: dict[str, str] = field(default_factory=dict)
    given: set[tuple[Kind, str, str]] = field(default_factory=set)  # memberships it ever took, from anybody
    removed: set[tuple[Kind, str, str]] = field(default_factory=set)  # that we asked to remove

    def hold(self, *emails: str) -> None:
        super().hold(*emails)
        self.status.update(dict.fromkeys(emails, str(Status.SUBSCRIBED)))

    def rows(self, emails: list[str]) -> pa.Table:
        found = [
            {
                "email": email,
                "remote_id": self.contacts[email]["id"],
                "status": self.status[email],
                "tags": sorted(self.contacts[email]["tags"]),
            }
            for email in emails
            if email in self.contacts
        ]
        return pa.Table.from_pylist(found, schema=CONTACT_SCHEMA)

    def lookup(self, emails: Any) -> Any:
        yield self.rows(list(emails))

    def statuses(self, since: datetime | None) -> Any:
        yield self.rows(list(self.contacts))

    def members(self, kind: Kind, remote_id: str) -> Any:
        emails = sorted(self.groups[kind, remote_id.partition(":")[2]])
        yield pa.Table.from_pylist([{"email": email, "remote_id": None} for email in emails], schema=MEMBER_SCHEMA)

    def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
        outcome = super()._take(batch, index, row)
        email = row["email"]
        if outcome.outcome is Outcome.APPLIED:
            added = [(Kind.TAG, tag) for tag in row["tags_add"] or ()]
            gone = [(Kind.TAG, tag) for tag in row["tags_remove"] or ()]
            if batch.target is not None:
                (added if batch.op is Op.ADD else gone).append((batch.target.kind, batch.target.name))
            self.given |= {(*target, email) for target in added}
            self.removed |= {(*target, email) for target in gone}
        return outcome

    def join(self, kind: Kind, name: str, email: str) -> None:
        """Somebody else adds a contact."""
        if kind is Kind.TAG and self.capabilities.tag_style is TagStyle.PROPERTY:
            self.contacts[email]["tags"].add(name)
        else:
            self.groups.setdefault((kind, name), set()).add(email)
        self.given.add((kind, name, email))

    def all_members(self) -> dict[str, set[str]]:
        return {segment: set(self.members_of(*target)) for segment, target in TARGETS.items()}


class Histories(RuleBasedStateMachine):
    @initialize(profile=st.sampled_from(PROFILES))
    def begin(self, profile: Any) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.path = Path(self.folder.name) / "state.db"
        self.moment = MOMENT
        self.store = self._open()
        self.platform = Platform(profile)
        self.wanted: dict[str, set[str]] = {"a": set(), "b": set()}
        self.name, self.consent = "Ann", set(PEOPLE)
        self.said_no: set[str] = set()
        self.cut_off = False

    def _open(self) -> SqlStore:
        return SqlStore(self.path, now=lambda: self.moment)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    # -- what happens ---------------------------------------------------------------------------------------------

    @rule(a=people, b=people, name=st.sampled_from(["Ann", "Bo"]), consent=people)
    def export(self, a: set[str], b: set[str], name: str, consent: set[str]) -> None:
        self.wanted, self.name, self.consent = {"a": a, "b": b}, name, consent | set(PEOPLE[:3])

    @rule(email=st.sampled_from(PEOPLE))
    def others_create(self, email: str) -> None:
        if email not in self.platform.contacts:
            self.platform.hold(email)

    @rule(email=st.sampled_from(PEOPLE), segment=st.sampled_from(list(TARGETS)))
    def others_add(self, email: str, segment: str) -> None:
        if email in self.platform.contacts:
            self.platform.join(*TARGETS[segment], email)

    @rule(email=st.sampled_from(PEOPLE))
    def person_says_no(self, email: str) -> None:
        if email in self.platform.contacts:
            self.platform.status[email] = str(Status.UNSUBSCRIBED)
            self.said_no.add(email)

    @precondition(lambda self: not self.cut_off)
    @rule(dies=st.one_of(st.none(), st.integers(1, 40)), after=st.booleans())
    def push(self, dies: int | None, after: bool) -> None:
        plan = self._plan()
        if not plan.changes.num_rows:
            return
        if self._send(plan, dies, after):
            self._check_pushed()

    @precondition(lambda self: self.cut_off)
    @rule(dies=st.one_of(st.none(), st.integers(1, 30)), after=st.booleans())
    def resume(self, dies: int | None, after: bool) -> None:
        with self._dying(dies, after), self.store.lease("resume"):
            result = resume(self.store, {"dest": self.platform}, silent, threading.Event(), FakeClock())
            self.cut_off = False
            assert result is not None and result.state is RunState.DONE, result

    @precondition(lambda self: not self.cut_off)
    @rule()
    def push_and_undo(self) -> None:
        self.push(None, False)
        before = self.platform.all_members()
        plan = self._plan()
        if not plan.changes.num_rows:
            return
        assert self._send(plan, None, False)
        back = self._undo()
        if back.changes.num_rows:
            assert self._send(back, None, False)
        held_back = {(row["target"], row["email"]) for row in back.blocked.to_pylist()}
        for segment, members in self.platform.all_members().items():
            assert members <= before[segment], "undo left somebody whom the push added"
            missing = {(TARGETS[segment][1], email) for email in before[segment] - members}
            assert missing <= held_back, "undo did not bring somebody back"

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def a_no_is_for_ever(self) -> None:
        for email in getattr(self, "said_no", ()):
            assert self.platform.status[email] == Status.UNSUBSCRIBED

    @invariant()
    def the_ledger_claims_only_what_was_accepted(self) -> None:
        if hasattr(self, "store"):
            assert self._owned() <= self.platform.given

    def _check_pushed(self) -> None:
        """The platform holds the desired people and those that others added; a second push has nothing to do."""
        allowed = {email for email in self.consent if email not in self.said_no}
        for segment, members in self.platform.all_members().items():
            want = self.wanted[segment]
            assert want & allowed <= members, "somebody is missing"
            assert {email for email in members - want if (*TARGETS[segment], email) in self._owned()} == set()
        again = self._plan().changes
        assert not again.num_rows, again.to_pylist()

    # -- as the application does ----------------------------------------------------------------------------------

    def _plan(self) -> Plan:
        self.moment += timedelta(hours=1)
        observe.changes(self.store, self.platform, "dest", False, self.moment, silent)
        table = self._desired()
        routing = self._routing()
        chosen = table.column("email").combine_chunks().filter(observe.wanted(table, routing).combine_chunks())
        observe.contacts(self.store, self.platform, "dest", chosen, self.moment, silent)
        ledger = self.store.ledger("dest")
        seen, new = observe.targets(self.store, self.platform, routing, ledger)
        side = Side(routing, ledger, self.platform.capabilities, seen, new)
        return build(table, [side], as_of=self.moment, made_at=self.moment)

    def _undo(self) -> Plan:
        self.moment += timedelta(hours=1)
        run = self.store.runs(1)[0]
        observe.changes(self.store, self.platform, "dest", False, self.moment, silent)
        side = undo.Side(self._routing(), self.store.ledger("dest"), self.platform.capabilities)
        done = self.store.run_changes(run.id)
        return undo.build(run, done, self._desired(), [side], as_of=self.moment, made_at=self.moment)

    def _send(self, plan: Plan, dies: int | None, after: bool) -> bool:
        """Whether the run came to its end."""
        owned = self._owned() | {
            (Kind(row["kind"]), row["target"], row["email"])
            for row in plan.changes.filter(pc.equal(plan.changes.column("op"), "adopt")).to_pylist()
        }
        self.platform.removed.clear()
        done = False
        with self._dying(dies, after), self.store.lease("push"):
            run = self.store.open_run(
                plan_id=plan.id,
                as_of=plan.as_of,
                made_at=plan.made_at,
                changes=plan.changes,
                revisions=plan.revisions,
                contacts=plan.contacts,
            )
            result = apply(self.store, run, {"dest": self.platform}, silent, threading.Event(), FakeClock())
            assert result.state is RunState.DONE, (result, result.errors)
            done = True
        assert self.platform.removed <= owned, "something was removed that is not ours"
        return done

    def _dying(self, at: int | None, after: bool) -> Any:
        return Dying(self, at, after)

    def _desired(self) -> pa.Table:
        everybody = {
            email: {
                "in": [segment for segment in TARGETS if email in self.wanted[segment]],
                "consent": email in self.consent,
                "at": MOMENT,
                "name": self.name,
            }
            for email in PEOPLE
        }
        return desired(everybody, list(TARGETS))

    def _routing(self) -> Routing:
        destination = Destination(
            name="dest",
            platform="mailchimp",
            secret=Secret(variable="KEY"),
            fields={"NAME": "name"},
            new_contacts=NewContacts.SUBSCRIBED,
        )
        routes = [
            Route(segment, Target("dest", kind, name), SyncMode.MIRROR) for segment, (kind, name) in TARGETS.items()
        ]
        return Routing(destination, tuple(routes), (), ())

    def _owned(self) -> set[tuple[Kind, str, str]]:
        ledger = self.store.ledger("dest")
        emails = dict(zip(*(ledger.contacts[name].to_pylist() for name in ("id", "email")), strict=True))
        targets = {row["id"]: (Kind(row["kind"]), row["name"]) for row in ledger.targets.to_pylist()}
        return {(*targets[row["target"]], emails[row["contact"]]) for row in ledger.memberships.to_pylist()}


class Dying:
    """Dies at one of the commits and requests, counted together; afterwards the state is opened anew."""

    def __init__(self, history: Histories, at: int | None, after: bool) -> None:
        self.history, self.at, self.after, self.seen = history, at, after, 0
        self.commit = database.Database._commit

    def __enter__(self) -> None:
        dying = self

        def commit(driver: database.Database) -> None:
            dying.count(lambda: dying.commit(driver))

        database.Database._commit = commit  # type: ignore[method-assign]
        self.history.platform.trouble = lambda call, batch: self.event(False)
        self.history.platform.lost = lambda call, batch: self.event(True)

    def count(self, act: Any) -> None:
        self.seen += 1
        if self.at is not None and self.seen >= self.at:
            if self.seen == self.at and self.after:
                act()
            raise Killed
        act()

    def event(self, applied: bool) -> BaseException | None:
        self.seen += not applied
        dead = self.at is not None and (self.seen > self.at or (self.seen == self.at and self.after == applied))
        return Killed() if dead else None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        database.Database._commit = self.commit  # type: ignore[method-assign]
        if kind is not Killed:
            return False
        self.history.store.close()
        self.history.store = self.history._open()
        self.history.cut_off = self.history.store.unfinished() is not None
        return True


@contextmanager
def _quick() -> Iterator[None]:
    """No waiting for the disk, and one engine for all plans (each has a connection of its own)."""
    engine = duckdb.connect(config={"threads": 1})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "SYNCHRONOUS", "OFF")
        patched.setattr(duckdb, "connect", lambda *_, **__: engine.cursor())
        yield
    engine.close()


def run(examples: int, seed: int = 0, steps: int = 8, shrink: bool = False) -> None:
    """Raises the first history it finds that breaks an invariant; `shrink` looks for a short one, which takes long."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] + [Phase.shrink] * shrink,
    )
    with _quick():
        run_state_machine_as_test(hypothesis.seed(seed)(Histories), settings=chosen)


def main(examples: int = 10_000, workers: int = 2) -> None:
    parts = max(workers, examples // 250)
    with ProcessPoolExecutor(workers) as pool:
        started = time.monotonic()
        for number, _ in enumerate(pool.map(run, [-(-examples // parts)] * parts, range(parts)), start=1):
            done = number * -(-examples // parts)
            sys.stdout.write(f"{done} histories, {time.monotonic() - started:.0f} s, every invariant held\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
