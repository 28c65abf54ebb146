"""Several policies in one file: whose each is, what happens when somebody's changes, and mails without a time limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connector.core.schemas import ENGAGEMENT_SCHEMA, LEDGER_CONTACTS, MARKS, STAGE_ENTRIES
from connector.lifecycle import machine
from connector.lifecycle.people import Known
from connector.lifecycle.policy import Policies
from tests.lifecycle.test_machine import ANN, Row, days, entry, policies
from tests.lifecycle.test_path import tags
from tests.lifecycle.world import Person, grown

TWO = """
version: 1
sources: {contacts: {file: a.csv, email: e}}
segments: {buyer: {when: {plan: paid}}, vip: {when: {plan: vip}}}
lifecycle:
  - for: buyer
    signals: [click, order]
    inactive: {after: 60 days}
    stages:
      - {name: miss_you, tag: b1}
      - {name: last_call, after: 20 days, tag: b2}
      - {name: sunset, after: 30 days, action: default}
    returned: {tag: b-back, for: 7 days}
  - signals: [click]
    inactive: {after: 30 days}
    protect: [vip]
    stages:
      - {name: win_back, tag: a1}
      - {name: last_call, after: 10 days, tag: a2}
      - {name: sunset, after: 5 days, tag: a3, action: default}
    returned: {tag: a-back, for: 9 days}
"""
MAILS = TWO.replace("inactive: {after: 30 days}", "inactive: {sends: 16, never_engaged: {sends: 4}}")
OLD = {"email": "old@example.com", "click": 900, "order": 900, "consent": False}
SILENT = {"click": 100, "order": 100, "joined": 400}


def decide(
    *people: Row,
    entries: Sequence[Row] = (),
    engaged: Sequence[Row] = (),
    marks: Sequence[Row] = (),
    at: Policies | None = None,
    **more: Any,
) -> dict[str, Row]:
    """Address -> row of PEOPLE. People: email, click, order and joined in days ago, buyer, protected."""
    rows, instant = [*people, OLD], pa.timestamp("us", tz="UTC")
    times = {name: pa.array([days(row.get(name)) for row in rows], instant) for name in ("click", "order", "joined")}
    desired = pa.table(
        {
            "email": [row.get("email", ANN) for row in rows],
            "consent": [row.get("consent", True) for row in rows],
            "consent_at": pa.nulls(len(rows), instant),
            "joined": times["joined"],
            "for:0": [row.get("buyer", False) for row in rows],
            "protected:0": [False for _ in rows],
            "protected:1": [row.get("protected", False) for row in rows],
            "signal:click": times["click"],
            "signal:order": times["order"],
        }
    )
    emails = dict.fromkeys([*desired["email"].to_pylist(), *(row["email"] for row in entries)])
    contacts = [{"id": n, "email": email, "status": "subscribed"} for n, email in enumerate(emails)]
    known = Known(
        desired,
        pa.Table.from_pylist(contacts, LEDGER_CONTACTS),
        pa.Table.from_pylist(list(engaged), ENGAGEMENT_SCHEMA),
        pa.Table.from_pylist(list(entries), STAGE_ENTRIES),
        marks=pa.Table.from_pylist(list(marks), MARKS),
        **more,
    )
    return {row["email"]: row for row in machine.decide(known, at or policies(TWO)).to_pylist()}


def move(person: Row, **more: Any) -> tuple[str | None, str | None]:
    row = decide(person, **more)[ANN]
    return row["how"], row["next"]


BUYERS, OTHERS = (one.key for one in policies(TWO))


def way(*stays: tuple[str, str, float]) -> list[Row]:
    """(stage, policy, entered so many days ago), one after the other: the last one lasts."""
    began, last = stays[0][2], len(stays) - 1
    return [
        {
            **entry(stage, at, began, policy=policy, signal_at=days(45)),
            "left_at": None if n == last else days(stays[n + 1][2]),
        }
        for n, (stage, policy, at) in enumerate(stays)
    ]


# -- whose ----------------------------------------------------------------------------------------------------------


def test_the_first_that_matches_counts() -> None:
    found = decide({**SILENT, "buyer": True}, {**SILENT, "email": "ben@example.com"})
    assert (found[ANN]["under"], found[ANN]["next"]) == (0, "miss_you")
    assert (found["ben@example.com"]["under"], found["ben@example.com"]["next"]) == (1, "win_back")
    assert move({"click": 45, "joined": 400, "buyer": True}) == (None, None)  # each has its own limit,
    assert move({"click": 45, "joined": 400}) == ("entered", "win_back")
    assert move({"click": 100, "order": 5, "buyer": True}) == (None, None)  # signals
    assert move({"click": 100, "order": 5}) == ("entered", "win_back")
    assert move({**SILENT, "buyer": True, "protected": True}) == ("entered", "miss_you")  # and protection


def test_under_no_policy_nobody_enters_and_those_in_a_stage_leave() -> None:
    buyers = policies(TWO)[:1]
    assert move(SILENT, at=buyers) == (None, None)
    row = decide(SILENT, entries=way(("miss_you", BUYERS, 5)), at=buyers)[ANN]
    assert (row["how"], row["next"], row["outside"]) == ("policy", None, True)
    assert not decide(SILENT, entries=RIPE, at=buyers)[ANN]["ripe"]


def test_each_policy_has_its_own_ramp() -> None:
    ramped = policies(TWO.replace("    protect: [vip]\n", "    protect: [vip]\n    ramp: {at_most: 50% of contacts}\n"))
    people = [{**SILENT, "email": f"p{n}@example.com", "buyer": n < 3} for n in range(7)]
    found = decide(*people, at=ramped)
    assert [row["next"] for row in found.values()].count("miss_you") == 3
    assert [row["next"] for row in found.values()].count("win_back") == 3  # of 5: the other one is OLD
    assert sum(row["waits"] for row in found.values()) == 1


# -- another policy -------------------------------------------------------------------------------------------------

RIPE = way(("miss_you", BUYERS, 90), ("last_call", BUYERS, 60), ("sunset", BUYERS, 20))


@pytest.mark.parametrize(
    ("person", "entries", "expected"),
    [
        # silent by the new policy, and in none of its stages yet: into its first
        (SILENT, way(("miss_you", BUYERS, 5)), ("policy", "win_back")),
        # not inactive by the new one
        ({"click": 45, "joined": 400, "buyer": True}, way(("win_back", OTHERS, 5)), ("policy", None)),
        # its first is behind them: the next one when its time has passed since the entry, under whichever policy
        (SILENT, way(("win_back", OTHERS, 9), ("miss_you", BUYERS, 8)), (None, None)),
        (SILENT, way(("win_back", OTHERS, 20), ("miss_you", BUYERS, 11)), ("policy", "last_call")),
        # a stage of the same name is kept until then, too
        (SILENT, way(("win_back", OTHERS, 30), ("last_call", BUYERS, 4)), (None, None)),
        (SILENT, way(("win_back", OTHERS, 30), ("last_call", BUYERS, 6)), ("policy", "sunset")),
        # protected, alive again
        ({**SILENT, "protected": True}, way(("miss_you", BUYERS, 5)), ("protected", None)),
        ({"click": 1, "joined": 400}, way(("miss_you", BUYERS, 5)), ("returned", "returned")),
        # the returned tag lasts as long as the present policy says
        (SILENT, way(("returned", BUYERS, 8)), (None, None)),
        (SILENT, way(("returned", BUYERS, 10)), ("entered", "win_back")),
    ],
)
def test_the_stage_is_kept_until_the_new_policy_moves_somebody(
    person: Row, entries: list[Row], expected: tuple[str | None, str | None]
) -> None:
    assert move(person, entries=entries) == expected


def test_nobody_is_archived_because_the_policy_changed() -> None:
    """Both have the stages of the same names, and every time of the new one has long passed."""
    same = policies(TWO.replace("miss_you", "win_back"))
    other = way(("win_back", same[0].key, 90), ("last_call", same[0].key, 60), ("sunset", same[0].key, 40))
    row = decide(SILENT, entries=other, at=same)[ANN]
    assert not row["ripe"] and (row["how"], row["next"]) == ("policy", "sunset")  # its last stage is entered
    for since, ripe in ((0.9, False), (1.1, True)):
        entered = [
            *other[:2],
            {**other[2], "left_at": days(since)},
            entry("sunset", since, 90, policy=same[1].key, signal_at=days(45)),
        ]
        row = decide(SILENT, entries=entered, at=same)[ANN]
        assert (row["how"], row["ripe"]) == (None, ripe)
    assert decide({**SILENT, "buyer": True}, entries=other, at=same)[ANN]["ripe"]


@pytest.mark.long
def test_a_policy_that_changes_to_and_fro_hastens_nothing() -> None:
    """A segment that somebody is in every other day: no stage is shorter than the policy says."""
    stays: list[tuple[str, str, float]] = [("miss_you", BUYERS, 300)]
    for day in range(299, 0, -1):
        buyer = bool(day % 2)
        entries = way(*((stage, policy, at - day) for stage, policy, at in stays))
        row = decide({"click": 900, "joined": 900, "buyer": buyer}, entries=entries)[ANN]
        if row["how"]:
            stays.append((row["next"], BUYERS if buyer else OTHERS, day))
        if stays[-1][0] == "sunset":
            break
    last = stays[-1]
    gaps = {stage: stays[n - 1][2] - at for n, (stage, _, at) in enumerate(stays) if n}
    assert last[0] == "sunset" and gaps["last_call"] >= 10 and gaps["sunset"] >= 5


# -- mails without a time limit -------------------------------------------------------------------------------------

CLICKED = {"click": 300, "joined": 400}


def mailed(sends: int | None, opened: float | None = None, last: float = 1) -> list[Row]:
    return [{"email": ANN, "sends": sends, "last_open_at": days(opened), "last_send_at": days(last)}]


def test_mails_without_a_time_limit() -> None:
    at = policies(MAILS)
    assert move({"click": 3, "joined": 400}, engaged=mailed(16, opened=3), at=at) == ("entered", "win_back")
    assert move(CLICKED, engaged=mailed(15, opened=300), at=at) == (None, None)
    assert move({"joined": 400}, engaged=mailed(4), at=at) == ("entered", "win_back")  # never engaged: its own number
    assert move({"joined": 400}, engaged=mailed(3), at=at) == (None, None)


@pytest.mark.parametrize(
    ("engaged", "counted", "held"), [((), False, True), (mailed(None), True, True), ((), True, False)]
)
def test_unknown_mails_hold_back(engaged: Sequence[Row], counted: bool, held: bool) -> None:
    """Never staged and never archived; nobody was mailed where the platform told of all mails."""
    at = policies(MAILS)
    row = decide(CLICKED, engaged=engaged, counted=counted, at=at)[ANN]
    assert (row["how"], row["uncounted"]) == (None, held)
    key = at[1].key
    through = way(("win_back", key, 90), ("last_call", key, 60), ("sunset", key, 40))
    for known, ripe in ((engaged, False), (mailed(16, opened=300), True)):
        assert decide(CLICKED, engaged=known, counted=counted, entries=through, at=at)[ANN]["ripe"] is ripe
    row = decide(CLICKED, engaged=engaged, counted=counted, entries=way(("win_back", key, 90)), at=at)[ANN]
    assert row["how"] == (None if held else "moved")


def test_an_activity_of_any_kind_begins_the_count_again() -> None:
    """The platform counts since the last open or click; an order in between is where the count begins."""
    at = policies(MAILS.replace("- signals: [click]", "- signals: [click, order]"))
    bought: Mapping[str, Any] = {"click": 300, "order": 20, "joined": 400}
    row = decide(bought, engaged=mailed(40, opened=300), at=at)[ANN]
    assert (row["how"], row["mails"], row["mark"]) == (None, 0, 40)  # how many came after the order, nobody knows
    mark = [{"email": ANN, "at": days(20), "sends": 40}]
    for sends, how in ((55, None), (56, "entered")):
        row = decide(bought, engaged=mailed(sends, opened=300), marks=mark, at=at)[ANN]
        assert (row["how"], row["mails"], row["mark"]) == (how, sends - 40, 40)
    row = decide({**bought, "order": 2}, engaged=mailed(60, opened=300), marks=mark, at=at)[ANN]
    assert (row["mails"], row["mark"]) == (0, 60)  # bought again
    row = decide(bought, engaged=mailed(16, opened=10), marks=mark, at=at)[ANN]
    assert (row["how"], row["mails"]) == ("entered", 16)  # opened since: the platform's count began later


def test_in_a_stage_an_activity_brings_back_and_an_open_does_not() -> None:
    at = policies(MAILS)
    stay = way(("win_back", at[1].key, 5))
    assert move(CLICKED, entries=stay, engaged=mailed(0, opened=2), at=at) == (None, None)
    assert move({"click": 2, "joined": 400}, entries=stay, engaged=mailed(0), at=at) == ("returned", "returned")
    late = {"click": 7, "joined": 400}  # before the entry, and not known then
    assert move(late, entries=stay, engaged=mailed(20), at=at) == ("returned", "returned")


# -- on the platforms -----------------------------------------------------------------------------------------------

PAIR = """
lifecycle:
  - for: {when: {segment: vip}, to: [mailchimp, klaviyo]}
    signals: [last_click_at]
    inactive: {after: 60 days}
    stages:
      - {name: miss_you, tag: miss-you}
      - {name: sunset, after: 20 days, action: default}
  - signals: [last_click_at, last_order_at]
    inactive: {after: 30 days}
    stages:
      - {name: win_back, tag: win-back}
      - {name: sunset, after: 5 days, tag: sunset, action: default}
    returned: {tag: won-back, for: 7 days}
"""
BEN, EVE = "ben@example.com", "eve@example.com"


@pytest.mark.long
def test_two_policies_on_all_platforms(tmp_path: Path) -> None:
    people = {ANN: Person(click=-100, vip=True), BEN: Person(click=-100)}
    people[EVE] = Person(click=-400, order=-400, opt_in=False)  # the history of the signals is long enough
    with grown(tmp_path, ("mailchimp", "klaviyo", "hubspot"), PAIR, people, (0, 1)) as made:
        for name, found in zip(made.to, tags(made), strict=True):
            there = {"miss-you": {ANN}, "win-back": {BEN}}
            if name == "hubspot":
                there = {"win-back": {ANN, BEN}}  # the first policy is not for it
            assert {tag: found[tag] for tag in ("miss-you", "win-back") if found.get(tag)} == there
        made.day, made.people[ANN].vip, made.people[BEN].vip = 6, False, True
        plan, _ = made.push(allow=("stages",), reason="test")
        moved = {(row["destination"], row["email"]): row["stage"] for row in plan.stages.to_pylist()}
        assert moved == {
            **{(name, ANN): "win_back" for name in ("mailchimp", "klaviyo")},
            **{(name, BEN): "miss_you" for name in ("mailchimp", "klaviyo")},
            **{("hubspot", email): "sunset" for email in (ANN, BEN)},
        }
        for name, found in zip(made.to, tags(made), strict=True):
            there = {"miss-you": {BEN}, "win-back": {ANN}}
            there = {"sunset": {ANN, BEN}} if name == "hubspot" else there
            assert {tag: found[tag] for tag in ("miss-you", "win-back", "sunset") if found.get(tag)} == there
        made.people[ANN].vip = True  # and back: the stage and its tag stay until the time of the first policy is over
        for made.day, there in ((7, {"win-back"}), (25, {"win-back"}), (26, set())):
            plan, _ = made.push(allow=("stages",), reason="test")
            found = tags(made)[0]
            assert {tag for tag in ("miss-you", "win-back", "sunset", "won-back") if ANN in found.get(tag, ())} == there
            stages = [row["stage"] for row in plan.stages.to_pylist() if row["email"] == ANN]
            assert stages == ([] if there else ["sunset"] * 2)
            assert not made.cleanup(allow=("retires",), reason="test")[0].plan.changes.num_rows
