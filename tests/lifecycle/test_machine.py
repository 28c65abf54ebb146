"""The state machine alone: one person or a few, every reason to move and not to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from connector.config.load import load_text
from connector.core.schemas import ACTIVITY, ENGAGEMENT_SCHEMA, LEDGER_CONTACTS, STAGE_ENTRIES
from connector.lifecycle import machine
from connector.lifecycle.people import Known
from connector.lifecycle.policy import Policy, policy
from connector.segments.compile.windows import Clock, ago

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
BASE = """
version: 1
sources: {contacts: {file: a.csv, email: e}}
segments: {vip: {when: {plan: vip}}}
lifecycle:
  signals: [click]
  inactive: {after: 30 days, sends: 8}
  protect: [vip]
  stages:
    - {name: win_back}
    - {name: last_call, after: 10 days}
    - {name: sunset, after: 5 days, action: default}
  returned: {tag: won-back, for: 7 days}
"""
ANN = "ann@example.com"
Row = Mapping[str, Any]


def policies(text: str, as_of: datetime = NOW) -> list[Policy]:
    clock = Clock.at(as_of, ZONE)
    return [
        policy(
            section,
            as_of,
            lambda duration: clock.instants("within", duration).low.replace(tzinfo=UTC),  # type: ignore[union-attr]
            lambda duration: ago(as_of, duration, ZONE),
            number,
        )
        for number, section in enumerate(load_text(text, Path("segments.yaml")).lifecycle)
    ]


def held(text: str = BASE, as_of: datetime = NOW) -> Policy:
    (found,) = policies(text, as_of)
    return found


def days(number: float | None) -> datetime | None:
    return None if number is None else NOW - timedelta(days=number)


def entry(stage: str, entered: float, began: float | None = None, **more: Any) -> Row:
    """`entered` and `began` are days ago."""
    times = {"began_at": days(began if began is not None else entered), "entered_at": days(entered)}
    return {"email": ANN, "stage": stage, "policy": "old", "run_id": "r", **times, **more}


# Somebody else with an old click: the history of the signal is long enough to measure by.
OLD = {"email": "old@example.com", "click": 300, "consent": False}


def decide(
    *people: Row,
    entries: Sequence[Row] = (),
    status: str | None = "subscribed",
    engaged: Sequence[Row] = (),
    at: Policy | None = None,
    **more: Any,
) -> dict[str, Row]:
    """Address -> row of PEOPLE. People: email, click and joined in days ago, protected, consent."""
    rows = [*people, OLD]
    instant = pa.timestamp("us", tz="UTC")
    desired = pa.table(
        {
            "email": pa.array([row.get("email", ANN) for row in rows]),
            "consent": pa.array([row.get("consent", True) for row in rows]),
            "consent_at": pa.array([days(row.get("opted")) for row in rows], instant),
            "person": pa.array([row.get("person") for row in rows], pa.string()),
            "joined": pa.array([days(row.get("joined")) for row in rows], instant),
            "protected:0": pa.array([row.get("protected", False) for row in rows]),
            "signal:click": pa.array([days(row.get("click")) for row in rows], instant),
        }
    )
    emails = dict.fromkeys([*desired["email"].to_pylist(), *(row["email"] for row in entries)])
    contacts = [{"id": n, "email": email, "status": status, "person": "7"} for n, email in enumerate(emails)]
    known = Known(
        desired,
        pa.Table.from_pylist(contacts, LEDGER_CONTACTS),
        pa.Table.from_pylist(list(engaged), ENGAGEMENT_SCHEMA),
        pa.Table.from_pylist(list(entries), STAGE_ENTRIES),
        pa.Table.from_pylist(list(engaged), ACTIVITY),
        **more,
    )
    found = machine.decide(known, [at or held()])
    return {row["email"]: row for row in found.to_pylist()}


def move(*people: Row, **more: Any) -> tuple[str | None, str | None]:
    row = decide(*people, **more)[ANN]
    return row["how"], row["next"]


SILENT = {"click": 100, "joined": 400}


def test_who_enters() -> None:
    assert move(SILENT) == ("entered", "win_back")
    assert move({"click": 29.9}) == (None, None)
    assert move({"click": 30.9}) == ("entered", "win_back")  # days of the calendar, as in `not: {within: 30 days}`
    assert move({"joined": 100}) == ("entered", "win_back")  # never active, and long here
    assert move({"joined": 10}) == (None, None)
    assert move({"click": 100, "opted": 5}) == (None, None)  # said yes again
    assert move({"click": 100, "protected": True}) == (None, None)
    assert move({"click": 100, "consent": False}) == (None, None)
    for status in ("unsubscribed", "bounced", "absent", "archived", None):
        assert move(SILENT, status=status) == (None, None)


def test_who_never_engaged_has_another_threshold() -> None:
    sooner = held(BASE.replace("sends: 8}", "never_engaged: {after: 10 days}}"))
    assert move({"joined": 20}, at=sooner) == ("entered", "win_back")
    assert move({"joined": 9}, at=sooner) == (None, None)
    assert move({"click": 20, "joined": 400}, at=sooner) == (None, None)
    assert move({"joined": 20}) == (None, None)
    later = held(BASE.replace("sends: 8}", "never_engaged: {after: 60 days, sends: 2}}"))
    assert move({"joined": 50}, at=later) == (None, None)
    assert move({"joined": 70}, at=later) == ("entered", "win_back")
    few = [{"email": ANN, "sends": 1}]
    assert move({"joined": 70}, at=later, engaged=few) == (None, None)
    assert move(SILENT, at=later, engaged=few) == ("entered", "win_back")
    assert sooner.hash != later.hash != held().hash


def test_people_who_cannot_be_measured_stay() -> None:
    assert move({}) == (None, None)  # no signal, and nobody knows since when they are here
    short = "signals: [click, visit]"
    policy_ = held(BASE.replace("signals: [click]", short))
    with pytest.raises(duckdb.BinderException):
        decide(SILENT, at=policy_)  # the evaluation has a column for every signal
    row = decide({"click": 100}, {"email": "b@example.com"})[ANN]
    assert row["measurable"]
    young = machine.too_short(pa.table({"signal:click": pa.array([days(3)], pa.timestamp("us", tz="UTC"))}), held())
    assert list(young) == ["click"]
    empty = machine.too_short(pa.table({"signal:click": pa.array([None], pa.timestamp("us", tz="UTC"))}), held())
    assert empty == {"click": None}


def test_sends_and_clicks_that_a_platform_knows() -> None:
    few = [{"email": ANN, "sends": 3, "last_click_at": None}]
    assert move(SILENT, engaged=few) == (None, None)
    assert move(SILENT, engaged=[{"email": ANN, "sends": 8}]) == ("entered", "win_back")
    assert move(SILENT, engaged=[{"email": ANN, "sends": None}]) == ("entered", "win_back")
    assert move(SILENT, engaged=[{"email": ANN, "sends": 9, "last_click_at": days(3)}]) == (None, None)


def test_one_stage_at_most_after_its_full_time() -> None:
    assert move(SILENT, entries=[entry("win_back", 9.99)]) == (None, None)
    assert move(SILENT, entries=[entry("win_back", 10)]) == ("moved", "last_call")
    missed = {"click": 400, "joined": 500}
    assert move(missed, entries=[entry("win_back", 300)]) == ("moved", "last_call")  # runs were missed, no stage is
    way = [entry("win_back", 20, left_at=days(6), how="moved"), entry("last_call", 6, 20)]
    assert move(SILENT, entries=way) == ("moved", "sunset")
    way = [*way[:1], entry("last_call", 6, 20, left_at=days(1), how="moved"), entry("sunset", 1, 20)]
    row = decide(SILENT, entries=way)[ANN]
    assert (row["how"], row["ripe"]) == (None, True)


@pytest.mark.parametrize(
    ("person", "status", "how", "following"),
    [
        ({"click": 1}, "subscribed", "returned", "returned"),
        ({"click": 12}, "subscribed", "returned", "returned"),  # told late: before the entry, yet inside the window
        ({"click": 25, "joined": 400}, "subscribed", "returned", "returned"),
        ({**SILENT, "protected": True}, "subscribed", "protected", None),
        ({**SILENT, "consent": False}, "subscribed", "left", None),
        (SILENT, "unsubscribed", "left", None),
        (SILENT, "absent", "left", None),
        ({}, "subscribed", None, None),  # unmeasurable now: stays
    ],
)
def test_out_of_a_stage(person: Row, status: str, how: str | None, following: str | None) -> None:
    way = [entry("win_back", 11, signal_at=days(100))]
    assert move(person, entries=way, status=status) == (how, following)
    row = decide(person, entries=way, status=status)[ANN]
    assert not row["ripe"]


def test_who_is_inactive_no_more_by_another_policy_leaves_without_having_returned() -> None:
    way = [entry("win_back", 3, signal_at=days(33))]
    longer = held(BASE.replace("after: 30 days", "after: 90 days"))
    assert move({"click": 33}, entries=way, at=longer) == ("policy", None)


def test_nobody_leaves_the_export_by_a_new_address() -> None:
    way = [entry("win_back", 11)]
    other = {"email": "ann2@example.com", "click": 100, "person": "7"}
    assert move(other, entries=way) == (None, None)
    assert move({**other, "person": "8"}, entries=way) == ("left", None)


def test_the_clock_going_back_and_the_same_moment_twice_move_nobody() -> None:
    way = [entry("win_back", 20, left_at=days(0), how="moved"), entry("last_call", 0, 20)]
    assert move({"click": 1}, entries=way) == (None, None)
    later = [{**entry("win_back", -5), "email": "x@example.com"}]
    assert decide(SILENT, entries=later)[ANN]["how"] is None
    ripe = [
        entry("win_back", 40, left_at=days(20)),
        entry("last_call", 20, 40, left_at=days(9)),
        entry("sunset", 9, 40),
    ]
    assert decide(SILENT, entries=ripe)[ANN]["ripe"]
    assert not decide(SILENT, entries=[*ripe, *later])[ANN]["ripe"]
    assert not decide({"click": 1}, entries=[*ripe[:2], entry("sunset", 0, 40)])[ANN]["ripe"]


def test_another_policy() -> None:
    """A stage that came in between is gone through; one that is gone is left for the first not gone through."""
    more = held(BASE.replace("    - {name: last_call", "    - {name: survey, after: 3 days}\n    - {name: last_call"))
    way = [entry("win_back", 20, left_at=days(6), how="moved"), entry("last_call", 6, 20)]
    assert move(SILENT, entries=way, at=more) == ("policy", "survey")
    gone = [entry("win_back", 20, left_at=days(6), how="moved"), entry("letter", 1, 20)]
    assert move(SILENT, entries=gone) == ("policy", "last_call")
    assert move(SILENT, entries=[entry("letter", 1, 20)]) == ("policy", "win_back")
    ripe = [entry("win_back", 40, left_at=days(20)), entry("sunset", 9, 40)]
    row = decide(SILENT, entries=ripe)[ANN]
    assert (row["how"], row["next"], row["ripe"]) == ("policy", "last_call", False)
    shorter = held(BASE.replace("after: 10 days", "after: 2 days"))
    assert move(SILENT, entries=[entry("win_back", 3)], at=shorter) == ("moved", "last_call")
    assert more.hash != shorter.hash != held().hash


def test_returned_and_retired() -> None:
    assert move({"click": 3}, entries=[entry("returned", 6)]) == (None, None)
    assert move({"click": 9}, entries=[entry("returned", 7)]) == ("over", None)
    assert move(SILENT, entries=[entry("returned", 6)]) == (None, None)  # as long as `for` says
    assert move(SILENT, entries=[entry("returned", 7)]) == ("entered", "win_back")
    assert move(SILENT, entries=[entry("retired", 6)], status="archived") == (None, None)
    assert move({"click": 1}, entries=[entry("retired", 6)], status="archived") == (None, None)
    assert move({"click": 1}, entries=[entry("retired", 6)]) == ("returned", "returned")  # somebody brought them back
    nothing = held(BASE.replace("  returned: {tag: won-back, for: 7 days}\n", ""))
    assert move({"click": 1}, entries=[entry("win_back", 6)], at=nothing) == ("returned", None)


def test_the_ramp_takes_the_longest_silent_first() -> None:
    people = [{"email": f"p{n}@example.com", "click": 40 + n} for n in range(10)]
    ramped = held(BASE + "  ramp: {at_most: 20% of contacts}\n")
    found = decide(*people, at=ramped)
    assert {email for email, row in found.items() if row["how"]} == {f"p{n}@example.com" for n in (7, 8, 9)}  # of 11


def test_a_split_cuts_by_the_hash_of_rules() -> None:
    split = held(BASE.replace("{name: win_back}", "{name: win_back, split: {name: t, of: {mail: 70, holdout: 30}}}"))
    people = [{"email": f"p{n}@example.com", "click": 100} for n in range(300)]
    parts = [row["next_part"] for row in decide(*people, at=split).values() if row["how"]]
    assert set(parts) == {"mail", "holdout"} and 180 < parts.count("mail") < 240
