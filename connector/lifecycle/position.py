"""The position of one person in the lifecycle of one destination, for `sync why`.

Owns: the last activity with its source, mails since, when the next move is due, and which it is. Must not: decide who
moves (machine.py), print, read a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.lifecycle.machine import past
from connector.lifecycle.people import Known
from connector.lifecycle.policy import RETIRED, RETURNED, Policies, Policy

_FLAGS = ("taking_part", "protected", "measurable", "ripe", "waits", "uncounted", "outside", "changed")


@dataclass(frozen=True, slots=True)
class Position:
    """`source` is a signal, “click on DESTINATION”, “joined” or “opted in”; `sends` None: not known; `due`: not before
    then, None: no next move; `least`: where only mails count, so many are needed for the next move; `uncounted`,
    `outside` and `changed` as in machine.PEOPLE; `how` and `following` are the next push's move, `how`
    None: it moves nobody."""

    stage: str | None
    since: datetime | None
    began: datetime | None
    activity: datetime | None
    source: str | None
    sends: int | None
    due: datetime | None
    due_for: str | None
    taking_part: bool
    protected: bool
    measurable: bool
    ripe: bool
    waits: bool
    uncounted: bool
    outside: bool
    changed: bool
    least: int | None
    policy: int  # its place in the file, from 1 on
    of: int  # how many the file has for this destination
    how: str | None
    following: str | None


def position(people: pa.Table, known: Known, policies: Policies, email: str) -> Position | None:
    """`people` is machine.PEOPLE of `known`; None for somebody that the machine does not know."""
    row = next(iter(people.filter(pc.equal(people["email"], email)).to_pylist()), None)
    if row is None:
        return None
    policy = policies[row["under"]]
    shown = max(_shown(known, policy, past(known, policies), email), default=None)
    activity = max((at for at in (row["life"], shown and shown[0]) if at), default=None)
    due = _due(row, policy, activity)
    return Position(
        stage=row["stage"],
        since=row["entered_at"],
        began=row["began_at"],
        activity=activity,
        source=shown[1] if shown and shown[0] == activity else None,
        sends=row["mails"] if policy.timeless else _sends(known, email),
        due=due[0] if due else None,
        due_for=due[1] if due else None,
        **{name: bool(row[name]) for name in _FLAGS},
        least=_least(row, policy),
        policy=policy.number + 1,
        of=len(policies),
        how=row["how"],
        following=row["next"],
    )


def _shown(known: Known, policy: Policy, until: datetime, email: str) -> Iterator[tuple[datetime, str]]:
    """All activity that has happened, with its source."""
    names = {f"signal:{name}": name for name in policy.section.signals}
    names |= {"joined": "joined", "consent_at": "opted in"}
    mine = known.desired.filter(pc.equal(known.desired["email"], email))
    person = mine["person"].to_pylist() if "person" in mine.column_names else []
    for row in mine.select(list(names)).to_pylist():
        yield from ((at, names[name]) for name, at in row.items() if at is not None and at <= until)
    here = pc.equal(known.activity["email"], email)
    same = pc.is_in(known.activity["person"], value_set=pa.array([one for one in person if one], pa.string()))
    for row in known.activity.filter(pc.or_(here, same)).to_pylist():
        if row["last_click_at"] is not None and row["last_click_at"] <= until:
            yield row["last_click_at"], f"click on {row['destination']}"


def _least(row: dict[str, Any], policy: Policy) -> int | None:
    """How many mails lead into the first stage, where there is no time limit."""
    since = policy.alive_since if row["signal"] else policy.never_since
    return None if since or row["stage"] not in (None, RETURNED) else policy.sends[not row["signal"]]


def _sends(known: Known, email: str) -> int | None:
    found = known.engagement.filter(pc.equal(known.engagement["email"], email))["sends"].to_pylist()
    return found[0] if found else 0 if known.counted else None


def _due(row: dict[str, Any], policy: Policy, activity: datetime | None) -> tuple[datetime, str] | None:
    """When the next move is due, and into which stage."""
    stage, names, since = row["stage"], policy.names, row["entered_at"]
    if not row["taking_part"] or row["protected"] or stage == RETIRED:
        return None
    if stage is None:
        since = policy.alive_since if row["signal"] else policy.never_since
        if since is None or row["outside"]:
            return None
        return (activity + (policy.as_of - since), names[0]) if activity and row["measurable"] else None
    if stage == RETURNED:
        before = policy.returned_before
        return (since + (policy.as_of - before), "active") if before else None
    if stage not in names:
        return None
    if row["changed"]:
        return None
    place = names.index(stage) + 1
    if place < len(names):
        return since + (policy.as_of - policy.due[place]), names[place]
    return (since + timedelta(days=1), policy.last.action) if policy.last.action else None
