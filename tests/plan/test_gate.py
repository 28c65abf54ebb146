"""The gate in front of every plan, and guards that look at whatever was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from connector.config.sections.models import Guards
from connector.core.model import BLOCKED, Op
from connector.core.plan import Plan
from connector.core.schemas import CHANGE_SCHEMA
from connector.plan.assemble import assemble
from connector.plan.part import Part, table
from connector.platforms.base import Capabilities, RetireSpec, TagStyle
from connector.state.base import Ledger
from tests.plan.world import NOON, blocked, capabilities, changes, desired, ledger, plan, routing

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
    return assemble([part], as_of=NOON, made_at=NOON, contacts=2)


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
def test_what_cannot_be_taken_back_is_counted_whoever_asks(reversible: bool, final: dict[str, int]) -> None:
    can = replace(
        capabilities(),
        operations=WITH_RETIRE,
        retire=RetireSpec("archive", reversible=reversible, how_to_undo="", source="test"),
    )
    rows = [{"op": "retire", "email": IN}, {"op": "unsubscribe", "email": OUT}]
    made = asked(rows, ledger({email: {"status": "subscribed"} for email in (IN, OUT)}), can)
    assert made.irreversible == {"dest": final}
