"""The gate in front of every plan, and guards that look at whatever was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from connector.config.sections.models import Guards
from connector.core.model import BLOCKED, Op
from connector.core.plan import Export, Plan
from connector.core.schemas import CHANGE_SCHEMA
from connector.plan.assemble import assemble
from connector.plan.part import Part, table
from connector.platforms.base import Capabilities, RetireSpec, TagStyle
from connector.state.base import Ledger
from tests.plan.world import NOON, blocked, capabilities, changes, desired, ledger, plan, routing

YES = {"status": "subscribed"}
OUT, IN = "out@example.com", "in@example.com"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
VIP = ("vip", "tag", "VIP")
OPERATIONS = capabilities().operations
WITH_RETIRE = {**OPERATIONS, **dict.fromkeys([(Op.RETIRE, None), (Op.UNSUBSCRIBE, None)], OPERATIONS[Op.UPDATE, None])}


def asked(rows: list[dict[str, Any]], held: Ledger, can: Capabilities | None = None, **more: Any) -> Plan:
    """The plan of whatever somebody asks for."""
    read = pa.Table.from_pylist(rows, pa.schema([field for field in CHANGE_SCHEMA if field.name != "destination"]))
    wanted = table("dest", {name: read[name] for name in read.column_names})
    settings = {"guards": more.pop("guards", Guards())}
    part = Part(routing(VIP, **settings), held, can or capabilities(), wanted, **more)
    return assemble([part], as_of=NOON, made_at=NOON, export=Export(2))


def guarded(made: Plan) -> list[str]:
    return [hit.name for hit in made.guards]


@pytest.mark.parametrize("status", sorted(map(str, BLOCKED)))
def test_no_command_can_ask_for_somebody_with_a_blocked_status(status: str) -> None:
    held = ledger({OUT: {"status": status, "status_at": SINCE}, IN: {"status": "subscribed"}})
    rows = [
        {"op": str(op), "email": email, **({"kind": "tag", "target": "VIP"} if op in (Op.ADD, Op.ADOPT) else {})}
        for op in (Op.CREATE, Op.UPDATE, Op.ADD, Op.ADOPT)
        for email in (OUT, IN)
    ]
    rows.append({"op": "move", "email": "new@example.com", "old_email": OUT})
    made = asked(rows, held)
    assert {email for _, _, email in changes(made)} == {IN}
    assert blocked(made) == {("VIP", OUT, status)} and set(made.blocked["since"].to_pylist()) == {SINCE}
    assert made.requests == asked([row for row in rows if row["email"] == IN], held).requests


def test_an_opt_out_does_not_keep_a_tag_on_anybody() -> None:
    """The removal rides in an update where tags are a property; the field in it is not written."""
    held = ledger({OUT: {"status": "unsubscribed"}}, {("tag", "VIP"): [OUT]})
    rows = [
        {"op": "update", "email": OUT, "fields": '{"FNAME": "O"}'},
        {"op": "remove", "email": OUT, "kind": "tag", "target": "VIP"},
    ]
    riding = asked(rows, held, capabilities(TagStyle.PROPERTY))
    assert changes(riding) == {("update", None, OUT), ("remove", "VIP", OUT)}
    assert riding.changes["fields"].to_pylist() == [None, None]
    assert changes(asked(rows, held)) == {("remove", "VIP", OUT)}


def test_who_left_the_platform_does_not_hide_that_a_list_is_emptied() -> None:
    people = {f"{number}@example.com": {"status": "subscribed"} for number in range(5)}
    held = ledger({**people, "lost@example.com": {"status": "absent"}}, {("tag", "VIP"): [*people, "lost@example.com"]})
    assert guarded(plan(desired({}, ["vip"]), routing(VIP), held)) == ["empty"]


def test_guards_judge_whatever_was_asked_for() -> None:
    people = {f"{number:03}@example.com": {"status": "subscribed"} for number in range(120)}
    held = ledger(people, {("tag", "VIP"): list(people)})
    leaving = [{"op": "remove", "email": email, "kind": "tag", "target": "VIP"} for email in people]
    assert guarded(asked(leaving, held)) == ["empty"]
    assert guarded(asked(leaving[:70], held)) == ["removes"]
    archive = replace(
        capabilities(),
        operations=WITH_RETIRE,
        retire=RetireSpec("archive", reversible=True, how_to_undo="", source="test"),
    )
    retiring = [{"op": "retire", "email": email} for email in people]
    assert "retires" in guarded(asked(retiring, held, archive, in_export=120))
    creating = [{"op": "create", "email": f"n{number}@example.com"} for number in range(3)]
    assert guarded(asked(creating, held, guards=Guards(tier=121))) == ["tier"]


@pytest.mark.parametrize(
    ("reversible", "final"), [(True, {"unsubscribe": 1}), (False, {"unsubscribe": 1, "retire": 1})]
)
def test_what_cannot_be_taken_back_is_counted_in_every_command(reversible: bool, final: dict[str, int]) -> None:
    can = replace(
        capabilities(),
        operations=WITH_RETIRE,
        retire=RetireSpec("archive", reversible=reversible, how_to_undo="", source="test"),
    )
    rows = [{"op": "retire", "email": IN}, {"op": "unsubscribe", "email": OUT}]
    made = asked(rows, ledger({email: {"status": "subscribed"} for email in (IN, OUT)}), can)
    assert made.irreversible == {"dest": final}


def _renamed(count: int, value: str | None, of: int = 120, guards: Guards | None = None) -> Plan:
    """Of so many people whose first name we wrote, `count` have another one in the export."""
    emails = [f"{number:03}@example.com" for number in range(of)]
    held = ledger({email: {"status": "subscribed", "fields": '{"FNAME": "Ann"}'} for email in emails})
    people = {email: {"first": value if at < count else "Ann"} for at, email in enumerate(emails)}
    table = desired(people, ["vip"])
    first = table.column_names.index("value:first")
    table = table.set_column(first, "value:first", table["value:first"].cast(pa.string()))
    return plan(table, routing(enriched=["vip"], fields={"FNAME": "first"}, guards=guards or Guards()), held)


@pytest.mark.parametrize(
    ("count", "value", "hits"),
    [
        (61, "Bob", ["updates"]),  # two columns were swapped
        (60, "Bob", []),
        (61, None, ["updates", "emptied_fields"]),  # a column came out blank
        (51, None, ["emptied_fields"]),
        (50, None, []),  # the floor
    ],
)
def test_values_that_change_for_many_people_at_once(count: int, value: str | None, hits: list[str]) -> None:
    made = _renamed(count, value)
    assert guarded(made) == hits
    assert all("ann" not in hit.message.lower() and "example.com" not in hit.message for hit in made.guards)


def test_limits_of_values_are_set_in_the_file_and_a_first_writing_is_no_change() -> None:
    assert guarded(_renamed(3, "Bob", guards=Guards(updates=2))) == ["updates"]
    assert guarded(_renamed(120, None, guards=Guards(updates_percent=None, emptied_fields=None))) == []
    emails = [f"{number:03}@example.com" for number in range(120)]
    held = ledger({email: {"status": "subscribed", "fields": '{"FNAME": "Ann"}'} for email in emails})
    both = routing(enriched=["vip"], fields={"FNAME": "first", "CITY": "city"})
    added = plan(desired({email: {"first": "Ann", "city": "Rome"} for email in emails}, ["vip"]), both, held)
    assert added.changes.num_rows == 120 and guarded(added) == []


@pytest.mark.parametrize(
    ("consenting", "before", "hits"),
    [
        (200, Export(200, 100), ["consent"]),  # a column that is “yes” for everybody now
        (100, Export(200, 200), ["consent"]),
        (138, Export(200, 100), []),
        (200, Export(200), []),  # an older state did not count them
        (200, None, []),
    ],
)
def test_the_share_of_consent_changes_at_once(consenting: int, before: Export | None, hits: list[str]) -> None:
    made = plan(desired({}, ["vip"]), routing(VIP), ledger(), export=Export(200, consenting), before=before)
    assert guarded(made) == hits


def test_many_new_contacts_that_may_be_mailed_at_once() -> None:
    new = {f"{number}@example.com": {"in": ["vip"], "at": NOON} for number in range(3)}
    for policy, hits in (("subscribed", ["subscribes"]), ("transactional", [])):
        route = routing(VIP, new_contacts=policy, guards=Guards(subscribes=2))
        assert guarded(plan(desired(new, ["vip"]), route, ledger())) == hits


def test_a_target_with_members_does_not_double_unseen() -> None:
    people = {f"{number:03}@example.com": {"in": ["vip"]} for number in range(121)}
    held = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): list(people)[:60]})
    assert guarded(plan(desired(people, ["vip"]), routing(VIP), held)) == ["adds"]
    empty = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): []})
    assert guarded(plan(desired(people, ["vip"]), routing(VIP), empty)) == []
