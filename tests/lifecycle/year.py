"""A simulated year: people whose behaviour is generated, a push every day, a cleanup every week, and what must hold.

Owns: the behaviour, an account of everybody's signals and stages that is kept beside the connector's, the checks.
The platforms are read with plain HTTP, not through the connector.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from connector.app import cleaning, pushing
from connector.app import lifecycle as verbs
from connector.app.workspace import open_state
from tests.lifecycle.world import Person, World, again
from tests.path import platforms

AFTER = {True: 20, False: 30}  # of the two policies, in days; True is that of people who try
ORDERS = {True: ("try_again", "goodbye"), False: ("win_back", "last_call", "sunset")}
STAGES = {stage for order in ORDERS.values() for stage in order}
GAPS = {"last_call": 10, "sunset": 5, "goodbye": 8}
MAILS = 2  # before somebody who tries is inactive
TAGS = {stage: stage.replace("_", "-") for stage in STAGES} | {"returned": "won-back"}
POLICY = """
lifecycle:
  - for: {when: {plan: trial}}
    signals: [last_click_at, last_order_at]
    inactive: {after: 20 days, sends: 2}
    stages:
      - {name: try_again, tag: try-again}
      - {name: goodbye, after: 8 days, tag: goodbye, action: default}
    ramp: {at_most: 5% of contacts}
  - signals: [last_click_at, last_order_at]
    inactive: {after: 30 days}
    protect: [vip]
    stages:
      - {name: win_back, tag: win-back, split: {name: comeback, of: {mail: 80, holdout: 20}}}
      - {name: last_call, after: 10 days, tag: last-call}
      - {name: sunset, after: 5 days, tag: sunset, action: default}
    returned: {tag: won-back, for: 7 days}
    ramp: {at_most: 5% of contacts}
"""
ALLOW = ("stages", "retires", "adds", "removes", "moves")


@dataclass
class Year:
    """One world over many days. `entered` is our own account: destination -> address -> [(stage, day)]."""

    world: World
    size: int
    seed: int = 1
    recount_every: int = 1
    entered: dict[str, dict[str, list[tuple[str, float]]]] = field(default_factory=dict)
    signals: dict[str, float] = field(default_factory=dict)  # address -> day of the last activity
    kinds: dict[str, str] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)  # destination -> who opted out there
    restored: set[str] = field(default_factory=set)  # since the last push
    late: list[tuple[int, str, str, float]] = field(default_factory=list)  # told on that day: who did what, and when
    delivered_late: list[tuple[int, str, str, float]] = field(default_factory=list)  # the same: who clicked where
    unread: list[tuple[str, str, float]] = field(default_factory=list)  # of these, what only a cleanup reads
    pushed: float = 0  # the day of the last push
    renamed: str = ""  # who got a new address since the last push: their move waits for the next one
    known: dict[tuple[str, str], float] = field(default_factory=dict)  # the last sign known when somebody was archived
    held_out: dict[str, bool] = field(default_factory=dict)  # address -> in the holdout of their way
    busy: float = 1.0  # how much more often people do something
    mails: dict[tuple[str, str], list[float]] = field(default_factory=dict)  # (destination, address) -> since a click
    figures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def begin(self) -> None:
        self.dice, self.post = random.Random(self.seed), random.Random(self.seed)
        self.entered = {name: {} for name in self.world.to}
        self.refused = {name: set() for name in self.world.to}
        for number in range(self.size):
            self._join(f"p{number}@example.com", self.dice.uniform(-400, -35))
        self.run_day(0)

    def run(self, *days: int) -> None:
        for day in days:
            self.run_day(day)

    def run_day(self, day: int) -> None:
        started = time.monotonic()
        self.world.day = day
        if day:
            self._live(day)
        self._push()
        if day % 7 == 6:
            self._cleanup()
        if day % self.recount_every == 0:
            self.recount()
        self.seconds = time.monotonic() - started

    # -- behaviour ------------------------------------------------------------------------------------------------

    def _join(self, email: str, created: float) -> None:
        kind = self.dice.choices(("active", "fading", "never", "vip"), (55, 30, 10, 5))[0]
        kind = self.post.choices((kind, "trial", "unmailed"), (75, 20, 5))[0] if kind != "vip" else kind
        ago = self.dice.expovariate(1 / 20) if kind == "active" else self.dice.uniform(1, 200)
        last = None if kind == "never" or created > -1 else max(created, -0.5 - ago)
        self.kinds[email] = kind
        where = self.dice.choice(("click", "order"))
        self.world.people[email] = Person(created=created, opted_in=created, vip=kind == "vip")
        self.world.people[email].trial = kind in ("trial", "unmailed")
        setattr(self.world.people[email], where, last)
        self.signals[email] = created if last is None else max(created, last)

    def _live(self, day: int) -> None:
        """A day in everybody's life: clicks and orders in the export, clicks that only a platform knows, opt-outs."""
        dice, rate = self.dice, {"active": 1 / 20, "fading": 1 / 120, "never": 0.0, "vip": 1 / 200}
        rate |= {"trial": 1 / 100, "unmailed": 1 / 300}
        known = {name: [] for name in self.world.to}  # type: dict[str, list[dict[str, Any]]]
        for email, kind in self.kinds.items():
            if dice.random() >= rate[kind] * self.busy:
                continue
            at, person = day - dice.uniform(0.05, 0.6), self.world.people[email]
            where = dice.choice(("click", "order", "platform"))
            if where != "platform" and dice.random() < 0.3:  # the export tells it some days later
                self.late.append((day + dice.randint(1, 9), email, where, at))
                self.figures["signals told late"] += 1
                continue
            if where == "platform":
                name = dice.choice(self.world.to)
                if email in self.refused[name] or self._stage(name, email) == "retired":
                    continue
                if self.post.random() < 0.3:  # the platform delivers it some days later
                    self.delivered_late.append((day + self.post.randint(1, 9), email, name, at))
                    continue
                known[name] += self._click(name, email, at)
                self._engaged(name, email, at)
            else:
                setattr(person, where, at)
            self.signals[email] = max(self.signals[email], at)
            self.figures[f"signals by {where}"] += 1
        self._tell_late(day)
        self._deliver_late(day, known)
        known_before = list(self.kinds)
        said_no = {name: sorted(people) for name, people in self.refused.items()}  # as the last push found it
        self._click_of_before(day, known)
        self._mail(day, known)
        self.world.running.engage(**known)
        for number in range(max(1, self.size // 1000) if day % 5 == 0 else 0):
            self._join(f"new{day}-{number}@example.com", day - 0.3)
        for name in self.world.to:
            email = dice.choice(known_before)
            if email not in self.refused[name] and self._stage(name, email) != "retired":
                self.world.say_no(name, email)
                self.refused[name].add(email)
        if day % 4 == 2:
            self._change()
        if day % 3 == 0:
            self._again(day, said_no)
            self._rename(day)

    def _mail(self, day: int, known: dict[str, list[dict[str, Any]]]) -> None:
        """Those who try get a mail every six days, but for those who are never mailed."""
        moment = self.world.at(day - 0.5).replace(" ", "T") + "+01:00"
        for email in [email for email, kind in self.kinds.items() if kind == "trial"] if day % 6 == 1 else ():
            for name in self.world.to:
                if email not in self.refused[name] and self._stage(name, email) != "retired":
                    known[name].append({"email": email, "did": "send", "at": moment})
                    self.mails.setdefault((name, email), []).append(day - 0.5)
                    self.figures["mails"] += 1

    def _change(self) -> None:
        """One who tries pays, and one who pays tries again: they are under the other policy."""
        for trial in (True, False):
            chosen = [email for email, kind in self.kinds.items() if kind == ("trial" if trial else "fading")]
            if chosen:
                email = self.post.choice(chosen)
                self.kinds[email] = "fading" if trial else "trial"
                self.world.people[email].trial = not trial
                staged = any(self._stage(name, email) in STAGES for name in self.world.to)
                self.figures["other policy, in a stage" if staged else "other policy"] += 1

    def _tries(self, email: str) -> bool:
        return self.world.people[email].trial

    def _tell_late(self, day: int) -> None:
        for due, email, where, at in self.late:
            if due <= day and email in self.kinds:
                person = self.world.people[email]
                setattr(person, where, max(at, getattr(person, where) or at))
                self.signals[email] = max(self.signals[email], at)
        self.late = [item for item in self.late if item[0] > day]

    def _click(self, name: str, email: str, at: float) -> list[dict[str, Any]]:
        moment = self.world.at(at).replace(" ", "T") + "+01:00"
        return [{"email": email, "did": did, "at": moment} for did in ("send", "click")]

    def _engaged(self, name: str, email: str, at: float) -> None:
        """The connector knows of this click: mails before it count no longer."""
        self.mails[name, email] = [sent for sent in self.mails.get((name, email), ()) if sent > at]

    def _deliver_late(self, day: int, known: dict[str, list[dict[str, Any]]]) -> None:
        """What is dated before the last push is read by the next cleanup alone."""
        for due, email, name, at in self.delivered_late:
            if due <= day and email not in self.refused[name] and self._stage(name, email) != "retired":
                known[name] += self._click(name, email, at)
                self.unread.append((name, email, at))
                self.figures["clicks delivered late"] += 1
        self.delivered_late = [item for item in self.delivered_late if item[0] > day]

    def _click_of_before(self, day: int, known: dict[str, list[dict[str, Any]]]) -> None:
        """Somebody silent clicked before the last push, which could not read it yet."""
        name, at = self.post.choice(self.world.to), self.pushed - 0.5
        silent = [
            email
            for email, way in sorted(self.entered[name].items())
            if way and way[0][0] in STAGES and way[0][1] < at and way[-1][0] != "retired"
        ]
        if day % 7 in (4, 6) and silent:
            self.delivered_late.append((day, self.post.choice(silent), name, at))
            self._deliver_late(day, known)

    def _rename(self, day: int) -> None:
        """Somebody has a new address in the export, the same number in the CRM. Their stages go along."""
        free = [
            email
            for email in self.kinds
            if not any(email in self.refused[name] or self._stage(name, email) == "retired" for name in self.world.to)
        ]
        old = self.dice.choice(free)
        new = f"renamed{day}-{old}"
        self.world.people = {new if email == old else email: one for email, one in self.world.people.items()}
        for table in (self.kinds, self.signals, self.held_out, *self.entered.values()):
            if old in table:
                table[new] = table.pop(old)
        self.late = [(due, new if email == old else email, where, at) for due, email, where, at in self.late]
        self.delivered_late = [
            (due, new if email == old else email, *what) for due, email, *what in self.delivered_late
        ]
        self.mails = {(name, new if email == old else email): count for (name, email), count in self.mails.items()}
        self.unread = [(name, new if email == old else email, at) for name, email, at in self.unread]
        self.renamed = new
        self.figures["new addresses"] += 1

    def _again(self, day: int, said_no: dict[str, list[str]]) -> None:
        """Somebody who opted out subscribes again by themselves."""
        name = self.dice.choice([name for name in self.world.to if name != "brevo"])
        if said_no[name]:
            email = self.dice.choice(said_no[name])
            again(self.world, name, email)
            self.refused[name].remove(email)
            self.signals[email] = max(self.signals[email], day - 1)
            self.figures["subscribed again"] += 1

    def _stage(self, name: str, email: str) -> str:
        way = self.entered[name].get(email)
        return way[-1][0] if way else ""

    # -- the connector's days -------------------------------------------------------------------------------------

    def _push(self) -> None:
        before = {
            name: {email: way[-1][0] for email, way in ways.items() if way} for name, ways in self.entered.items()
        }
        self.restored.clear()
        plan, result = self.world.push(allow=ALLOW, reason="simulation")
        assert result is not None and result.exit_code == 0, result
        moved = plan.stages.select(["destination", "email", "stage", "how"]).to_pylist()
        for row in moved:
            self._account(row["destination"], row["email"], row["stage"], row["how"])
        self.pushed = self.world.day
        self._came_back(before)
        self.renamed = ""

    def _account(self, name: str, email: str, stage: str | None, how: str) -> None:
        """Check a move against what we know ourselves, and write it down."""
        day, way = self.world.day, self.entered[name].setdefault(email, [])
        self.figures[f"{how} {stage or ''}".strip()] += 1
        if how == "entered":
            tries = self._tries(email)
            assert day - self.signals[email] > AFTER[tries] - 1, (email, day, self.signals[email])
            assert stage == ORDERS[tries][0] and self.kinds[email] not in ("vip", "unmailed")
            assert not tries or len(self.mails.get((name, email), ())) >= MAILS, (name, email)
            self.held_out[email] = _held_out(email)
            way[:] = [(stage, day)]
        elif how == "moved":
            last, since = way[-1]
            order = ORDERS[self._tries(email)]
            assert stage == order[order.index(last) + 1] and day - since >= GAPS[stage], (email, way)
            way.append((stage, day))
        elif how == "policy" and stage is not None:
            order = ORDERS[self._tries(email)]
            behind = [one for one, _ in way]
            due = next((one for one in order if one not in behind), order[-1])  # the last one is entered once more
            assert behind[-1] not in order and stage == due, (email, way)
            assert stage == order[0] or day - way[-1][1] >= GAPS[stage], (email, way)
            self.held_out[email] = _held_out(email) if stage == "win_back" else self.held_out.get(email, False)
            way.append((stage, day))
        elif stage is None:
            way.clear()
        else:
            assert stage == "returned" and how == "returned"
            way[:] = [(stage, day)]

    def _came_back(self, before: dict[str, dict[str, str]]) -> None:
        """Who was active since entering the first stage is in none any more."""
        for name, ways in self.entered.items():
            for email, way in ways.items():
                if way and way[0][0] in STAGES and way[-1][0] != "retired" and email != self.renamed:
                    assert self.signals[email] <= way[0][1], (name, email, way, self.signals[email])

    def _cleanup(self) -> None:
        self.world.write()
        with self.world.open(allow=ALLOW, reason="simulation") as workspace, open_state(workspace) as store:
            for name, email, at in self.unread:
                self.signals[email] = max(self.signals[email], at)
                self._engaged(name, email, at)
            self.unread.clear()
            found = cleaning.cleanup(workspace, store)
            pushing.guard(workspace, found.plan)
            if not found.plan.changes.num_rows:
                return
            result, path = cleaning.apply(workspace, store, found)
        assert result.exit_code == 0, result
        assert path is None or path.stat().st_mode & 0o777 == 0o600
        changes = found.plan.changes.select(["destination", "op", "email"]).to_pylist()
        done = {"retire": self._retired, "restore": self._restored}
        for row in changes:
            done[row["op"]](row["destination"], row["email"])
        most = -(-len(self.kinds) * 5 // 100) + 1  # each of the two policies rounds up
        assert all(
            count <= most for count in Counter(row["destination"] for row in changes if row["op"] == "retire").values()
        )

    def _retired(self, name: str, email: str) -> None:
        """Nobody with a signal inside the window, nobody protected, everybody after every stage for its full time."""
        day, way = self.world.day, self.entered[name][email]
        order = ORDERS[self._tries(email)]
        passed = dict.fromkeys(stage for stage, _ in way if stage in order)
        assert tuple(passed) == order and way[-1][0] == order[-1], (name, email, way)
        for (_, since), (stage, at) in pairwise(way):
            assert stage in ("win_back", "try_again") or at - since >= GAPS[stage], (name, email, way)
        began, last = way[0][1], way[-1][1]
        assert day - self.signals[email] > AFTER[self._tries(email)], (email, way, self.signals[email])
        assert self.signals[email] <= began and day - last >= 1, (email, way, self.signals[email])
        assert self.kinds[email] not in ("vip", "unmailed") and email not in self.refused[name]
        self.figures["retired after another policy"] += len(way) > len(order)
        self.known[name, email] = self.signals[email]
        way.append(("retired", day))
        self.figures[f"retired {name}"] += 1

    def _restored(self, name: str, email: str) -> None:
        """Klaviyo only, and only who showed life that was not known when they were archived, and opted out nowhere
        there."""
        way = self.entered[name][email]
        assert name == "klaviyo" and way[-1][0] == "retired" and self.signals[email] > self.known[name, email]
        assert email not in self.refused[name]
        way[:] = [] if self._tries(email) else [("returned", self.world.day)]
        self.restored.add(email)
        self.figures[f"restored {name}"] += 1

    # -- what the platforms hold ----------------------------------------------------------------------------------

    def recount(self) -> None:
        """Tags on the platforms = our account = what `sync lifecycle` says."""
        url = self.world.running.url
        readers = {
            "mailchimp": lambda: platforms.mailchimp(url),
            "klaviyo": lambda: platforms.klaviyo(url)[1],
            "hubspot": lambda: platforms.hubspot(url)[1],
        }
        with self.world.open() as workspace, open_state(workspace) as store:
            told = {side.destination: side for side in verbs.report(workspace, store).sides}
        for name in self.world.to:
            tagged = readers[name]()
            for stage, tag in TAGS.items():
                inside = {email for email, way in self.entered[name].items() if way and way[-1][0] == stage}
                mine = {email for email in inside if stage != "win_back" or not self.held_out[email]}
                mine -= self.restored if stage == "returned" and name == "klaviyo" else set()  # tagged by the next push
                there = tagged.get(tag, set()) - self._just_retired(name)
                assert there == mine, (name, stage, sorted(there - mine)[:5], sorted(mine - there)[:5])
                assert told[name].stages.get(stage, 0) == len(inside), (name, stage, told[name].stages)
        self.figures["recounts"] += 1

    def _just_retired(self, name: str) -> set[str]:
        """Who was retired after the last push keeps the stage's tag until the next."""
        day = self.world.day
        return {email for email, way in self.entered[name].items() if way and way[-1] == ("retired", day)}


def _held_out(email: str) -> bool:
    """The last fifth of the hash that splits people (docs/language.md)."""
    return int(hashlib.md5(f"comeback|{email}".encode()).hexdigest()[:16], 16) >= -(-80 * 16**16 // 100)
