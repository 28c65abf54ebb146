"""Random histories of one small destination: exports change, others work on the platform, pushes die, runs are undone.

Owns: the state machine, its model of who owns what, the invariants. `python -m tests.crash.histories` runs 10,000.
"""

from __future__ import annotations

import dataclasses
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

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

from connector.cli.process import COLLECT_AFTER
from connector.config.language.rules import Duration
from connector.config.sections.models import Destination, Secret
from connector.core.events import silent
from connector.core.model import BLOCKED, Kind, NewContacts, Op, Outcome, Status, SyncMode, Target
from connector.core.plan import Export as Counted
from connector.core.plan import Plan
from connector.plan import rows, undo
from connector.plan.assemble import assemble
from connector.plan.desired import part
from connector.plan.diff import hold
from connector.plan.diff.compare import DestinationState
from connector.plan.part import Part
from connector.plan.routes import Route, Routing
from connector.platforms.base import TagStyle
from connector.push import delivery
from connector.push.run import RunResult, apply, resume
from connector.reconcile import account, erased, observe
from connector.state.base import RunState
from connector.state.drivers import sqlite
from connector.state.store import SqlStore
from tests.crash.circumstances import (
    ADDRESSES,
    DIES,
    EXPORTS,
    HOLD,
    MEANWHILE,
    PERSON,
    PROFILES,
    TARGETS,
    Export,
    Meanwhile,
    people,
    person,
)
from tests.crash.dying import Dying
from tests.crash.platform import KeepsDeleted, Platform
from tests.plan.world import desired
from tests.push.fake import MOMENT, FakeClock

PART = 25


class Histories(RuleBasedStateMachine):
    @initialize(profile=st.sampled_from(PROFILES), hold=st.booleans())
    def begin(self, profile: Any, hold: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.path = Path(self.folder.name) / "state.db"
        self.moment = MOMENT
        self.store = self._open()
        self.platform = (Platform if profile.gone_is_final else KeepsDeleted)(profile, names_culprits=False)
        account.verify(self.store, "dest", self.platform)
        self.hold = hold  # on segment a
        self.wanted: dict[str, set[int]] = {"a": set(), "b": set()}
        self.name, self.consent = "Ann", set(range(len(ADDRESSES)))
        self.second: set[int] = set()  # who has the second address in the export
        self.said_no: set[str] = set()
        self.odd: set[int] = set()  # people whose contact others have erased or changed: what they hold may differ
        self.together: list[set[int]] = []  # people whose contacts are one
        self.forgotten: set[int] = set()
        self.exported = self.platform.exported  # addresses that a plan has seen, of contacts it knew
        self.turned: dict[tuple[str, str], tuple[str, datetime]] = {}  # segment, address -> the last change, its as_of
        self.cut_off = False

    def _open(self) -> SqlStore:
        return SqlStore(self.path, now=lambda: self.moment)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def _export(self, new: Export | None) -> None:
        if new is not None:
            self.wanted, self.name, self.consent = {"a": new.a, "b": new.b}, new.name, new.consent | {0, 1, 2}
            self.second = new.second & {1, 3}

    def _address(self, person: int) -> str:
        return ADDRESSES[person][person in self.second]

    def _addresses(self, persons: set[int]) -> set[str]:
        return {self._address(person) for person in persons}

    # -- what happens ---------------------------------------------------------------------------------------------

    def _meanwhile(self, others: Meanwhile) -> None:
        held = self.platform.contacts
        self.platform.hold(*sorted(others.create - set(held)))
        for email, segment in sorted(others.add):
            if email in held:
                self.platform.join(*TARGETS[segment], email)
        self._identities(others)
        for emails, status in ((others.no, Status.UNSUBSCRIBED), (others.suppress, Status.SUPPRESSED)):
            for email in sorted(emails & set(held)):
                self.platform.status[email] = str(status)
                self.said_no.add(email)
        for email in sorted(others.leave & set(held)):
            self.platform.leave(email)
            self.odd.add(PERSON[email])
        if others.refuse is not None:
            self.platform.bad = frozenset(email for email in PERSON if PERSON[email] in others.refuse & {2, 3})
        if others.late:
            self.platform.work(*list(self.platform.queue))
        if others.retry and not self.cut_off:
            with self.store.lease("retry"):
                self.store.upkeep.retry(self.store.rejects())

    def _identities(self, others: Meanwhile) -> None:
        """Contacts get another address there, or are erased."""
        contacts = self.store.ledger("dest").contacts
        known = set(contacts.filter(pc.is_valid(contacts["remote_id"]))["email"].to_pylist())
        for one in sorted(others.readdress):
            old, new = ADDRESSES[one]
            old, new = (old, new) if old in self.platform.contacts else (new, old)
            if old in self.platform.contacts and new not in self.platform.contacts:
                self.platform.readdress(old, new, known=old in known)
                self.odd.add(one)
                if old in self.said_no:
                    self.said_no = self.said_no - {old} | {new}
        for one, other in sorted(others.merge):
            self._merge(one, other, known)
        for email in sorted(others.erase & set(self.platform.contacts)):
            self.platform.erase(email, known=email in known, restorable=others.restorable)
            if self.platform.capabilities.gone_is_final:
                self.said_no.discard(email)  # went with the contact; the address may be another one's from now on
            self.odd.add(PERSON[email])

    def _merge(self, one: int, other: int, known: set[str]) -> None:
        """Two contacts become one, with all that either had."""
        held, can = self.platform.contacts, self.platform.capabilities
        two = [next((email for email in ADDRESSES[who] if email in held), "") for who in (one, other)]
        if one == other or not all(two) or (Op.MOVE, None) not in can.operations:  # Mailchimp and its like do not
            return
        kept, gone = two
        self.platform.merge(kept, gone, known=gone in known)
        self.odd |= {one, other}
        if gone in self.said_no:
            self.said_no.add(kept)
            if can.gone_is_final:
                self.said_no.discard(gone)  # the opt-out is the kept contact's; others may give the address to somebody
        if not can.gone_is_final:
            met = [group for group in self.together if group & {one, other}]
            self.together = [group for group in self.together if group not in met] + [{one, other}.union(*met)]

    def _united(self, wanted: set[int]) -> set[int]:
        """Those of whose contact anybody is wanted."""
        return wanted.union(*(group for group in self.together if group & wanted))

    @precondition(lambda self: not self.cut_off)
    @rule(others=MEANWHILE, export=st.one_of(st.none(), EXPORTS), dies=DIES, after=st.booleans())
    def push(self, others: Meanwhile, export: Export | None, dies: int | None, after: bool) -> None:
        self._meanwhile(others)
        self._push(export, dies, after)

    def _push(self, export: Export | None, dies: int | None, after: bool) -> None:
        self._export(export)
        plan = self._plan()
        self._check_plan(plan)
        if plan.changes.num_rows and self._send(plan, dies, after):
            self._check_hold(self.store.runs(1)[0].id, plan.as_of)
            self._check_pushed(plan)

    @precondition(lambda self: not self.cut_off)
    @rule(others=MEANWHILE, export=EXPORTS, about=people, taken=st.booleans(), dies=DIES)
    def push_without_answers(
        self, others: Meanwhile, export: Export, about: set[int], taken: bool, dies: int | None
    ) -> None:
        """Whatever the platform is sent about some people is not answered, time and again."""
        self._meanwhile(others)
        self.platform.mute(frozenset(email for email in PERSON if PERSON[email] in about), taken)
        self._push(export, dies, False)
        self.platform.mute(frozenset(), taken)

    @precondition(lambda self: self.cut_off)
    @rule(others=MEANWHILE, dies=DIES, after=st.booleans())
    def resume(self, others: Meanwhile, dies: int | None, after: bool) -> None:
        self._meanwhile(others)
        before = self._given_up()
        with self._dying(dies, after), self.store.lease("resume"):
            result = resume(self.store, {"dest": self.platform}, silent, threading.Event(), FakeClock())
            self.cut_off = False
            assert result is not None and result.state is RunState.DONE, result
            assert self._given_up() <= before, "doubt was given up, though the platform could be asked"

    @precondition(lambda self: not self.cut_off)
    @rule(others=MEANWHILE, export=EXPORTS)
    def push_and_undo(self, others: Meanwhile, export: Export) -> None:
        self._meanwhile(others)
        self._push(None, None, False)
        before = self._persons()
        self._export(export)
        plan = self._plan()
        if not plan.changes.num_rows:
            return
        assert self._send(plan, None, False)
        back = self._undo()
        if back.changes.num_rows:
            assert self._send(back, None, False)
        spared = {(row["target"], PERSON[row["email"]]) for row in [*back.blocked.to_pylist(), *self._rejects()]}
        if self.platform.capabilities.tag_style is TagStyle.PROPERTY:  # it does not tell who had a tag before
            spared |= {(name, PERSON[email]) for kind, name, email in self.platform.theirs if kind is Kind.TAG}
        spared = {(target, who) for target, one in spared for who in self._united({one})}
        for segment, members in self._persons().items():
            target = TARGETS[segment][1]
            left = {person for person in members - before[segment] if (target, person) not in spared}
            assert not left, "undo left somebody that the push added"
            missing = {person for person in before[segment] - members if (target, person) not in spared}
            assert not missing, "undo did not bring somebody back"

    def _members(self) -> dict[str, set[str]]:
        return {segment: set(self.platform.members_of(*target)) for segment, target in TARGETS.items()}

    def _persons(self) -> dict[str, set[int]]:
        """Who is in the targets, under whichever address: an undo does not give an old address back."""
        return {
            segment: self._united({PERSON[email] for email in emails}) for segment, emails in self._members().items()
        }

    @precondition(lambda self: not self.cut_off)
    @rule(before=MEANWHILE, export=EXPORTS, after=MEANWHILE)
    def saved_plan_applied_late(self, before: Meanwhile, export: Export, after: Meanwhile) -> None:
        self._meanwhile(before)
        self._export(export)
        plan = self._plan()
        self._check_plan(plan)
        self.moment += timedelta(hours=5)
        self._meanwhile(dataclasses.replace(after, retry=False))
        if plan.changes.num_rows:
            assert self._send(plan, None, False)
        self._push(None, None, False)

    @precondition(lambda self: not self.cut_off)
    @rule(before=MEANWHILE, export=EXPORTS, after=MEANWHILE)
    def undo_late(self, before: Meanwhile, export: Export, after: Meanwhile) -> None:
        self._meanwhile(before)
        self._export(export)
        plan = self._plan()
        if not plan.changes.num_rows:
            return
        assert self._send(plan, None, False)
        self.moment += timedelta(hours=5)
        self._meanwhile(after)
        back = self._undo()
        if back.changes.num_rows:
            assert self._send(back, None, False)
        self._push(None, None, False)

    @precondition(lambda self: not self.cut_off)
    @rule(export=EXPORTS)
    def another_account(self, export: Export) -> None:
        """The key opens another account when the run is sent, and the right one again when it is resumed."""
        self._export(export)
        plan = self._plan()
        if plan.changes.num_rows:
            sent, self.platform.account = len(self.platform.sent), "2"
            with self.store.lease("push"):
                result = self._apply(plan)
            assert result.state is RunState.FAILED and len(self.platform.sent) == sent
            self.platform.account, self.cut_off = "1", True

    @rule(person=person)
    def forget(self, person: int) -> None:
        emails = {self._address(person)}
        with self.store.lease("forget"):
            self.store.upkeep.forget(self._address(person), [str(person)])
        self.platform.forgotten |= emails
        self.forgotten.add(person)
        self.odd.add(person)

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def a_no_is_for_ever(self) -> None:
        for email in getattr(self, "said_no", ()):
            assert email not in self.platform.contacts or self.platform.status[email] in BLOCKED
        assert not hasattr(self, "platform") or not self.platform.pestered, "somebody who opted out is added"

    @invariant()
    def the_ledger_claims_only_what_was_accepted(self) -> None:
        if hasattr(self, "store"):
            assert self._owned() <= self.platform.given

    @invariant()
    def nobody_erased_or_forgotten_comes_back(self) -> None:
        if hasattr(self, "platform"):
            assert not self.platform.reappeared, "somebody erased or forgotten was sent"
            kept = set(self.store.ledger("dest").contacts["email"].to_pylist())
            assert not kept & self.platform.forgotten, "somebody forgotten is in the ledger"

    def _check_plan(self, plan: Plan) -> None:
        """An opt-out under the former address holds for the present one."""
        for row in plan.changes.to_pylist():
            other = next(email for email in ADDRESSES[PERSON[row["email"]]] if email != row["email"])
            if row["op"] == Op.CREATE and other in self.exported:
                assert other not in self.said_no, "somebody who opted out gets a new contact"
            if row["op"] == Op.MOVE:
                assert row["old_email"] not in self.said_no, "somebody who opted out is moved"

    def _check_pushed(self, plan: Plan) -> None:
        """The platform holds the desired people and those that others added, but for what was refused or held back; a
        second push has nothing to do."""
        spared = {(row["target"], row["email"]) for row in plan.blocked.to_pylist() if row["reason"] == "hold"}
        spared |= {(target, row["email"]) for row in self._rejects() for target in _targets(row)}
        doubtful = self._given_up() | self._given_up("not_created")
        both = {address for email in doubtful for address in ADDRESSES[PERSON[email]]}  # a move may be what failed
        spared |= {(target, email) for email in both for _, target in TARGETS.values()}
        refused = set(spared)
        spared |= {
            (target, email) for person in self.odd for email in ADDRESSES[person] for _, target in TARGETS.values()
        }
        never = {person for person in PERSON.values() if any(one in self.said_no for one in ADDRESSES[person])}
        for segment, members in self._members().items():
            target = TARGETS[segment]
            want, must = (self._addresses(some) for some in (self.wanted[segment], self.consent - never))
            missing = {email for email in want & must - members if (target[1], email) not in spared}
            assert not missing, "somebody is missing"
            unwanted = {
                email for email in members if PERSON[email] not in self._united(self.wanted[segment]) | self.forgotten
            }
            unwanted = {email for email in unwanted if (target[1], email) not in refused}
            assert {email for email in unwanted if (*target, email) in self._owned()} == set(), "left behind"
            extra = {email for email in members - want if (target[1], email) not in spared}
            assert {email for email in extra if (*target, email) not in self.platform.theirs} == set(), "left behind"
            assert {email for email in extra if (*target, email) in self._owned()} == set()
            stale = {email for email in want & must & members if not self._has_name(email)}
            assert {email for email in stale if (target[1], email) not in spared} == set(), "a field is not right"
        again = self._plan()
        # What others had taken away was noticed when it was written to; of rows that were one contact, one at a time.
        for _ in range(max(map(len, self.together), default=1)):
            if self.odd and again.changes.num_rows:
                self._check_plan(again)
                assert self._send(again, None, False)
                plan, again = again, self._plan()
        doubtful |= self._given_up()
        # Who was created without an answer has the fields sent again.
        found = self.platform.unheard and self.store.ledger("dest").doubtful_fields.num_rows
        if not (self.hold or doubtful or found or again.blocked.num_rows < plan.blocked.num_rows):
            assert not again.changes.num_rows, again.changes.to_pylist()

    def _check_hold(self, run: str, as_of: datetime) -> None:
        """Who came or went three hours ago or less stays so, unless they opted out, lost consent or left."""
        free = {email for email in PERSON if email in self.said_no} | (set(PERSON) - self._addresses(self.consent))
        for group in self.together:  # one contact: an opt-out or a lost consent of one row is the others'
            addresses = {email for one in group for email in ADDRESSES[one]}
            free |= addresses if addresses & self.said_no or group - self.consent else set()
        done = [
            row
            for row in self.store.run_changes(run).to_pylist()
            if row["op"] in ("add", "remove", "adopt") and row["outcome"] in ("applied", "unchanged")
        ]
        removed = {(row["target"], row["email"]) for row in done if row["op"] == "remove"}
        for row in done:
            if row["op"] == "adopt" and (row["target"], row["email"]) in removed:
                continue  # of two rows that are one contact now, this one takes over what is removed
            segment = next(name for name, target in TARGETS.items() if target[1] == row["target"])
            came = "remove" if row["op"] == "remove" else "add"
            before = self.turned.get((segment, row["email"]))
            if self.hold and segment == "a" and before and before[0] != came and row["email"] not in free:
                assert as_of - before[1] >= HOLD, "somebody bounced"
            self.turned[segment, row["email"]] = (came, as_of)

    def _has_name(self, email: str) -> bool:
        return self.name in self.platform.contacts[email]["fields"]

    def _given_up(self, code: str = "") -> set[str]:
        """Those with requests of the last run that were never answered; with a code, those skipped because of it."""
        rows = self.store.run_changes(self.store.runs(1)[0].id).to_pylist()
        return {row["email"] for row in rows if (row["code"] == code if code else row["outcome"] == Outcome.FAILED)}

    def _rejects(self) -> list[dict[str, Any]]:
        return self.store.rejects("dest").to_pylist()

    # -- as the application does ----------------------------------------------------------------------------------

    def _plan(self) -> Plan:
        self.moment += timedelta(hours=1)
        complete = observe.changes(self.store, self.platform, "dest", False, self.moment, silent)
        table = self._desired()
        routing = self._routing()
        forgotten = self._forgotten(table)
        chosen = table.column("email").combine_chunks().filter(observe.wanted(table, routing).combine_chunks())
        chosen = chosen.filter(pc.invert(pc.is_in(chosen, value_set=forgotten)))
        ledger = self.store.ledger("dest")
        if observe.contacts(self.store, ledger, self.platform, chosen, silent, complete):
            ledger = self.store.ledger("dest")
        if observe.opted_out(self.store, ledger, self.platform, table, routing, forgotten, silent):
            ledger = self.store.ledger("dest")
        observe.people(self.store, ledger, table)
        ledger = erased.before_plan(self.store, ledger, self.platform, table, routing, silent)
        self.exported |= set(table.column("email").to_pylist()) & set(ledger.contacts.column("email").to_pylist())
        seen, new = observe.targets(self.store, self.platform, routing, ledger)
        ledger = dataclasses.replace(self.store.ledger("dest"), left=self.store.left_lists("dest"))
        recent = hold.recent(self.store, routing, lambda _: self.moment - HOLD)
        return self._assembled(
            part(table, DestinationState(routing, ledger, self.platform.capabilities, seen, new, recent, forgotten))
        )

    def _forgotten(self, table: pa.Table) -> pa.Array:
        """As the evaluation does: another address under a forgotten CRM id is forgotten, too."""
        salt, hashes = self.store.upkeep.tombstones()
        under = rows.under_forgotten_ids(table, salt, hashes)
        if len(under):
            self.store.upkeep.forget_also(under.to_pylist())
            self.platform.forgotten |= set(under.to_pylist())
            salt, hashes = self.store.upkeep.tombstones()
        return rows.forgotten(table.column("email").combine_chunks(), salt, hashes)

    def _undo(self) -> Plan:
        self.moment += timedelta(hours=1)
        run = self.store.runs(1)[0]
        observe.changes(self.store, self.platform, "dest", False, self.moment, silent)
        side = undo.Undone(self._routing(), self.store.ledger("dest"), self.platform.capabilities)
        return self._assembled(undo.part(self.store.run_changes(run.id), self._desired(), side, self.moment))

    def _assembled(self, asked: Part) -> Plan:
        return assemble([asked], as_of=self.moment, made_at=self.moment, export=Counted(self._desired().num_rows))

    def _send(self, plan: Plan, dies: int | None, after: bool) -> bool:
        """Whether the run came to its end."""
        owned = self._owned(possibly=True) | {
            (Kind(row["kind"]), row["target"], row["email"])
            for row in plan.changes.filter(pc.equal(plan.changes.column("op"), "adopt")).to_pylist()
        }
        moved = dict(zip(*(plan.changes.column(name).to_pylist() for name in ("old_email", "email")), strict=True))
        owned |= {(kind, name, moved[email]) for kind, name, email in owned if email in moved}
        contacts = self._same_contact()
        owned |= {(kind, name, other) for kind, name, email in owned for other in contacts.get(email, ())}
        self.platform.removed.clear()
        done = False
        with self._dying(dies, after), self.store.lease("push"):
            result = self._apply(plan)
            assert result.state is RunState.DONE, (result, result.errors)
            done = True
        for old, new in self.platform.renamed:
            owned |= {(kind, name, new) for kind, name, email in owned if email == old}
        owned |= {(kind, name, self.platform.aliases.get(email, email)) for kind, name, email in owned}
        assert self.platform.removed <= owned, "something was removed that is not ours"
        return done

    def _same_contact(self) -> dict[str, set[str]]:
        """Address -> all of its contact, by the ledger; somebody else may get one of them right before a request that
        names it."""
        rows = [row for row in self.store.ledger("dest").contacts.to_pylist() if row["status"] != Status.ABSENT]
        addresses: dict[str | None, set[str]] = {}
        for row in rows:
            addresses.setdefault(row["remote_id"], set()).add(row["email"])
        return {row["email"]: addresses[row["remote_id"]] for row in rows if row["remote_id"]}

    def _apply(self, plan: Plan) -> RunResult:
        run = self.store.open_run(
            plan_id=plan.id,
            as_of=plan.as_of,
            made_at=plan.made_at,
            changes=plan.changes,
            revisions=plan.revisions,
            export=plan.export,
        )
        return apply(self.store, run, {"dest": self.platform}, silent, threading.Event(), FakeClock())

    def _dying(self, at: int | None, after: bool) -> Any:
        return Dying(self, at, after)

    def _desired(self) -> pa.Table:
        everybody = {
            self._address(person): {
                "in": [segment for segment in TARGETS if person in self.wanted[segment]],
                "consent": person in self.consent,
                "at": MOMENT,
                "name": self.name,
            }
            for person in range(len(ADDRESSES))
        }
        ids = pa.array([str(PERSON[email]) for email in everybody], pa.string())
        return desired(everybody, list(TARGETS)).append_column("person", ids)

    def _routing(self) -> Routing:
        destination = Destination(
            name="dest",
            platform="mailchimp",
            secret=Secret(variable="KEY"),
            fields={"NAME": "name"},
            new_contacts=NewContacts.SUBSCRIBED,
        )
        routes = [
            Route(
                segment,
                Target("dest", kind, name),
                SyncMode.MIRROR,
                hold=Duration(3, "hours") if self.hold and segment == "a" else None,
            )
            for segment, (kind, name) in TARGETS.items()
        ]
        return Routing(destination, tuple(routes), (), ())

    def _owned(self, possibly: bool = False) -> set[tuple[Kind, str, str]]:
        ledger = self.store.ledger("dest")
        members = ledger.possible() if possibly else ledger.memberships
        emails = dict(zip(*(ledger.contacts[name].to_pylist() for name in ("id", "email")), strict=True))
        targets = {row["id"]: (Kind(row["kind"]), row["name"]) for row in ledger.targets.to_pylist()}
        return {(*targets[row["target"]], emails[row["contact"]]) for row in members.to_pylist()}


def _targets(reject: dict[str, Any]) -> list[str]:
    """The targets that a reject keeps a person out of, or in: with a contact's own refusal it is all of them."""
    return [reject["target"]] if reject["kind"] else [name for _, name in TARGETS.values()]


@contextmanager
def _quick() -> Iterator[None]:
    """No waiting for the disk; and two people of five who are refused stop no destination."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite, "SYNCHRONOUS", "OFF")
        patched.setattr(delivery, "REFUSED_ALONE", 50)
        yield


def run(examples: int, seed: int = 0, steps: int = 5, shrink: bool = False) -> None:
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


def main(examples: int = 10_000, workers: int = 2, first_seed: int = 0) -> None:
    """In parts of 25: a run keeps what it has drawn, and gets slower with it."""
    parts = -(-examples // PART)
    with ProcessPoolExecutor(workers, initializer=gc.set_threshold, initargs=(COLLECT_AFTER,)) as pool:
        started = time.monotonic()
        seeds = range(first_seed, first_seed + parts)
        for number, _ in enumerate(pool.map(run, [PART] * parts, seeds), start=1):
            if number % 10 == 0 or number == parts:
                told = f"{number * PART} histories, {time.monotonic() - started:.0f} s, every invariant held\n"
                sys.stdout.write(told)
                sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
