"""Guards per segment, the paid tier, hold, and forgotten people, as the plan sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from connector.config.language.rules import Duration
from connector.config.sections.models import Guards
from connector.core.plan import Plan
from connector.plan.diff.hold import RECENT
from connector.plan.routes import Routing
from connector.segments.compile.windows import ago
from connector.state.base import Ledger
from tests.plan.world import blocked, changes, desired, ledger, plan, routing

YES = {"status": "subscribed"}
VIP = ("vip", "tag", "VIP")
BERLIN = ZoneInfo("Europe/Berlin")


def names(made: Plan) -> list[tuple[str, str]]:
    return [(hit.name, hit.target) for hit in made.guards]


def test_a_segments_guards_override_the_destinations() -> None:
    people = {f"p{n}@example.com": {"in": ["vip", "all"]} for n in range(20)}
    made = routing(VIP, ("all", "tag", "All"), guards=Guards(adds=10))
    own = replace(made.routes[0], guards=Guards(adds=100))
    held = ledger(dict.fromkeys(people, YES))
    assert names(plan(desired(people, ["vip", "all"]), replace(made, routes=(own, made.routes[1])), held)) == [
        ("adds", "tag “All”")
    ]


def test_empty_can_be_switched_off() -> None:
    held = ledger({"a@example.com": YES}, {("tag", "VIP"): ["a@example.com"]})
    table = desired({"a@example.com": {}}, ["vip"])
    assert names(plan(table, routing(VIP), held)) == [("empty", "tag “VIP”")]
    assert names(plan(table, routing(VIP, guards=Guards(empty=False)), held)) == []


@pytest.mark.parametrize(("tier", "hits"), [(2, [("tier", "")]), (3, []), (None, [])])
def test_new_contacts_beyond_what_is_paid_for(tier: int | None, hits: list[tuple[str, str]]) -> None:
    held = ledger(
        {"a@example.com": YES, "b@example.com": {"status": "unsubscribed"}, "c@example.com": {"status": "absent"}}
    )
    table = desired({"c@example.com": {"in": ["vip"]}}, ["vip"])
    route = routing(VIP, new_contacts="transactional", guards=Guards(tier=tier))
    assert names(plan(table, route, held)) == hits


def _held_back(table: pa.Table, route: Routing, held: Ledger, recent: list[tuple[int, str, str]]) -> Plan:
    found = pa.Table.from_pylist([dict(zip(RECENT.names, row, strict=True)) for row in recent], RECENT)
    return plan(table, route, held, recent=found)


def test_hold_is_per_target_and_direction() -> None:
    people: dict[str, dict[str, object]] = {
        "out@example.com": {"in": []},
        "in@example.com": {"in": ["vip"]},
        "free@example.com": {"in": []},
    }
    held = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): ["out@example.com", "free@example.com"]})
    recent = [(0, "out@example.com", "add"), (0, "in@example.com", "remove"), (0, "free@example.com", "remove")]
    made = _held_back(desired(people, ["vip"]), routing(VIP), held, [*recent, (1, "free@example.com", "add")])
    assert changes(made) == {("remove", "VIP", "free@example.com")}
    assert blocked(made) == {("VIP", "out@example.com", "hold"), ("VIP", "in@example.com", "hold")}


def test_hold_keeps_nobody_in_who_lost_consent_opted_out_or_left_the_export() -> None:
    people: dict[str, dict[str, object]] = {"consent@example.com": {"consent": False}, "no@example.com": {}}
    everybody = [*people, "gone@example.com"]
    contacts = dict.fromkeys(everybody, YES) | {"no@example.com": {"status": "unsubscribed"}}
    held = ledger(contacts, {("tag", "VIP"): everybody})
    recent = [(0, email, "add") for email in everybody]
    made = _held_back(desired(people, ["vip"]), routing(VIP), held, recent)
    assert changes(made) == {("remove", "VIP", email) for email in everybody}


def test_people_who_are_held_in_a_target_count_as_its_members() -> None:
    people = [f"p{n}@example.com" for n in range(100)]
    held = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): people})
    recent = [(0, email, "add") for email in people]
    made = _held_back(desired({email: {} for email in people}, ["vip"]), routing(VIP), held, recent)
    assert not changes(made) and names(made) == []


def test_a_hold_of_days_ends_at_the_same_time_of_day() -> None:
    after_the_clocks_went_back = datetime(2026, 10, 27, 8, tzinfo=UTC)  # 09:00 in Berlin
    assert ago(after_the_clocks_went_back, Duration(7, "day"), BERLIN) == datetime(2026, 10, 20, 7, tzinfo=UTC)
    assert ago(after_the_clocks_went_back, Duration(168, "hour"), BERLIN) == datetime(2026, 10, 20, 8, tzinfo=UTC)
    assert ago(after_the_clocks_went_back, Duration(1, "month"), BERLIN) == datetime(2026, 9, 27, 7, tzinfo=UTC)


def test_a_forgotten_person_is_neither_added_nor_changed() -> None:
    people: dict[str, dict[str, object]] = {
        "gone@example.com": {"in": ["vip"], "first": "G"},
        "here@example.com": {"in": ["vip"], "first": "H"},
    }
    held = ledger({"here@example.com": YES})
    route = routing(VIP, new_contacts="transactional", fields={"FNAME": "first"})
    made = plan(desired(people, ["vip"]), route, held, forgotten=pa.array(["gone@example.com"]))
    assert {email for _, _, email in changes(made)} == {"here@example.com"}
    assert blocked(made) == {("VIP", "gone@example.com", "forgotten_here")}


def test_what_undo_cannot_take_back_is_counted() -> None:
    people: dict[str, dict[str, object]] = {
        f"{name}@example.com": {"in": ["vip"], "first": name} for name in ("new", "first", "again")
    }
    held = ledger({"first@example.com": YES, "again@example.com": {**YES, "fields": '{"FNAME": "x"}'}})
    made = plan(desired(people, ["vip"]), routing(VIP, new_contacts="transactional", fields={"FNAME": "first"}), held)
    assert made.irreversible == {"dest": {"create": 1, "update": 1}}
