"""`action: unsubscribe`: only as written, only contacts on the platform that have not opted out, once and for good."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from connector.app import cleaning, pushing, upkeep
from connector.app import lifecycle as verbs
from connector.app.workspace import Workspace, open_state
from connector.core.errors import ConfigError, Unsafe
from connector.report.cleanup import cleanup_json, cleanup_text
from connector.report.plan import as_json
from connector.report.plan import text as plan_text
from tests.lifecycle.test_path import SILENT, begun, told
from tests.lifecycle.world import POLICY, Person, World, world
from tests.path import platforms
from tests.path.small import Small

WRITTEN = POLICY.replace("action: default", "action: unsubscribe")
BOTH = ("mailchimp", "hubspot")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[World]:
    """Four silent people at their last stage, on both platforms that offer it."""
    with begun(tmp_path, *BOTH, late=True, policy=WRITTEN) as made:
        yield made


def no(made: World) -> dict[str, set[str]]:
    """Who is unsubscribed, as the platforms themselves tell."""
    mailchimp = platforms.mailchimp_statuses(made.running.url)
    hubspot = platforms.hubspot_optouts(made.running.url)
    return {"mailchimp": {one for one, status in mailchimp.items() if status == "unsubscribed"}, "hubspot": hubspot}


def held(made: World, destination: str) -> dict[str, str]:
    """Address -> status in the ledger."""
    with made.open() as workspace, open_state(workspace) as store:
        rows = store.ledger(destination).contacts.to_pylist()
    return {row["email"]: row["status"] for row in rows}


def found(made: cleaning.Cleaning, destination: str) -> set[tuple[str, str, str]]:
    """(address, finding, action) of all that was found at one destination."""
    side = next(side for side in made.sides if side.ledger.destination == destination)
    return {(row["email"], row["finding"], row["action"]) for row in side.found.to_pylist()}


def test_written_it_is_done_once_and_for_good(both: World) -> None:
    assert no(both) == {name: set() for name in BOTH}
    both.day += 0.1  # so that the cleanup has something to read
    old, new = (both.now - timedelta(days=100)).isoformat(), (both.now - timedelta(minutes=10)).isoformat()
    events = [{"email": SILENT[0], "did": did, "at": at} for did, at in (("send", old), ("click", old), ("send", new))]
    both.running.engage(hubspot=events)  # a mail of today brings the click of long ago along in HubSpot's totals
    made, result = both.cleanup()
    assert result is not None and result.counts == {name: {"unsubscribe": {"applied": 4}} for name in BOTH}
    assert no(both) == {name: set(SILENT) for name in BOTH}
    for name in BOTH:
        status = held(both, name)
        assert {email for email in status if status[email] == "unsubscribed"} == set(SILENT)
        assert both.stages(name) == dict.fromkeys(SILENT, "retired")
    _said(made)
    _exported(both)
    again, result = both.cleanup()
    assert result is None and not again.plan.changes.num_rows
    both.day = 16
    plan, _ = both.push()
    assert "add" not in plan.changes["op"].to_pylist() and "create" not in plan.changes["op"].to_pylist()
    both.day = 17
    plan, result = both.push()
    assert not plan.changes.num_rows and no(both) == {name: set(SILENT) for name in BOTH}


def _said(made: cleaning.Cleaning) -> None:
    """The plan names it as what cannot be taken back."""
    words, document = cleanup_text(*told(made), verbose=True), cleanup_json(*told(made))
    for name in BOTH:
        assert f"{name}: unsubscribe of 4 contacts cannot be undone: only the person can subscribe again" in words
    assert "unsubscribe, for good" in words and "silent0@" not in words
    assert "Total: 8 to archive, suppress or unsubscribe (8 of them for good)" in words
    assert [(side["action"], side["can_be_undone"]) for side in document["destinations"]] == [
        ("unsubscribe", False)
    ] * 2
    assert document["plan"]["summary"]["retires"] == document["plan"]["summary"]["irreversible"] == 8
    assert as_json(made.plan)["destinations"][0]["irreversible"] == {"unsubscribe": 4}
    assert made.plan.requests == {"mailchimp": 1, "hubspot": 1}


def _exported(made: World) -> None:
    (path,) = (made.folder / ".connector" / "rehearsal").glob("retired-*.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["destination"], row["email"]) for row in rows} == {(name, one) for name in BOTH for one in SILENT}
    assert {(row["action"], row["undo"]) for row in rows} == {
        ("unsubscribe", "cannot be undone: only the person can subscribe again")
    }


def test_nothing_takes_it_back(both: World) -> None:
    """Undo says that it cannot; who comes back is only reported; and nothing is saved by it."""
    with both.open() as workspace, open_state(workspace) as store:
        sides = verbs.report(workspace, store).sides
    both.cleanup()
    with both.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        sides += verbs.report(workspace, store).sides
    assert not plan.changes.num_rows
    for name in BOTH:
        assert f"{name}: 4 unsubscribed contacts stay so: only the person can subscribe again" in plan.notes
    assert "stay so" in plan_text(plan, both.zone)
    paid = [(side.now.contacts, side.without_retired.contacts, side.after.contacts) for side in sides]
    assert paid == [(6, 6, 6)] * 4
    both.day, both.people[SILENT[0]].click = 20, 19.5
    made, result = both.cleanup()
    assert result is None
    for name in BOTH:
        assert (SILENT[0], "back", "report") in found(made, name)
    both.push()
    assert no(both) == {name: set(SILENT) for name in BOTH}
    assert both.stages("hubspot")[SILENT[0]] == "retired"


def test_not_written_it_is_never_sent(tmp_path: Path) -> None:
    """Neither without an action nor by default, by which HubSpot leaves its people."""
    with begun(tmp_path, *BOTH, late=True, policy=POLICY.replace(", action: default", "")) as made:
        _, result = made.cleanup()
        assert result is None and set(made.stages("mailchimp").values()) == {"sunset"}
        made.policy = POLICY
        made.day = 16
        made.push()
        with made.open() as workspace, open_state(workspace) as store:
            sides = {side.destination: side for side in verbs.report(workspace, store).sides}
        assert {name: (side.ripe, side.staying) for name, side in sides.items()} == {
            "mailchimp": (4, 0),
            "hubspot": (0, 4),
        }
        assert sides["hubspot"].after == sides["hubspot"].now
        cleaned, result = made.cleanup()
        assert result is not None and result.counts == {"mailchimp": {"retire": {"applied": 4}}}
        assert not any(no(made).values()) and set(made.stages("hubspot").values()) == {"sunset"}
        assert any("HubSpot has no way" in note for note in cleaned.plan.notes)


@pytest.mark.long
def test_klaviyo_has_none_and_leaves_its_people(tmp_path: Path) -> None:
    with begun(tmp_path, "klaviyo", "hubspot", late=True, policy=WRITTEN) as made:
        cleaned, result = made.cleanup()
        assert result is not None and set(result.counts) == {"hubspot"}
        assert any("Klaviyo has no “unsubscribe” here; it offers: suppress" in note for note in cleaned.plan.notes)
        assert set(made.stages("klaviyo").values()) == {"sunset"}


def test_where_no_platform_has_it_the_file_is_refused(tmp_path: Path) -> None:
    with world(tmp_path, ("klaviyo",), WRITTEN) as made:
        made.write()
        refused = pytest.raises(ConfigError, match=r"error\[not-offered\].*“unsubscribe”(.|\n)*They offer: suppress")
        with refused, made.open():
            pass


def test_the_last_look_spares_them(both: World) -> None:
    """Who clicked, who unsubscribed, was archived or complained meanwhile: nobody is touched who opted out."""
    with both.open() as workspace, open_state(workspace) as store:
        planned = cleaning.cleanup(workspace, store)
        at = both.now.isoformat()
        for did in ("send", "click"):
            event = {"email": SILENT[0], "did": did, "at": at}
            both.running.engage(mailchimp=[event], hubspot=[event])
        for name in BOTH:
            both.say_no(name, SILENT[1])
        both.day += 0.01
        now = both.now
        with patch.object(Workspace, "now", lambda _: now):
            result, _ = cleaning.apply(workspace, store, planned)
    assert result.exit_code == 0
    assert result.counts == {name: {"unsubscribe": {"applied": 2, "skipped": 2}} for name in BOTH}
    for name in BOTH:
        assert no(both)[name] == set(SILENT[1:])
        assert both.stages(name)[SILENT[0]] == both.stages(name)[SILENT[1]] == "sunset"


def test_guard_and_ramp_hold_for_it(tmp_path: Path) -> None:
    with world(tmp_path, ("hubspot",), WRITTEN) as made:
        made.people = {f"p{n}@example.com": Person(click=-100) for n in range(60)}
        made.people |= {f"b{n}@example.com": Person(order=-2) for n in range(10)}
        made.people["p0@example.com"].order = -300
        for day in (-1, 0, 10, 15, 16):
            made.day = day
            made.push(allow=("stages",), reason="a test")
        with pytest.raises(
            Unsafe, match=r"60 of 70 contacts would be archived, suppressed or unsubscribed.*--allow retires"
        ):
            made.cleanup()
        assert not platforms.hubspot_optouts(made.running.url)
        made.policy = WRITTEN + "  ramp: {at_most: 7, per: run}\n"
        _, result = made.cleanup()
        assert result is not None and result.counts["hubspot"] == {"unsubscribe": {"applied": 7}}
        assert len(platforms.hubspot_optouts(made.running.url)) == 7


@pytest.mark.long
def test_bounces_are_for_those_who_can_still_be_mailed(tmp_path: Path) -> None:
    """Under `cleanup` too: nobody who opted out, or was given up by the platform, is touched."""
    more = "cleanup:\n  bounced: {soft: 2, action: unsubscribe}\n  unsubscribed: {action: unsubscribe}\n"
    with world(tmp_path, BOTH, POLICY.replace(", action: default", "") + more) as made:
        made.people = {email: Person(click=-1) for email in SILENT}
        made.push()
        for name in BOTH:
            made.say_no(name, SILENT[0])
            at = made.now.isoformat()
            events: list[Any] = [
                {"email": one, "did": did, "at": at} for one in SILENT[:2] for did in ("send", "bounce", "bounce")
            ]
            made.running.engage(**{name: events})
        made.day = 1
        cleaned, result = made.cleanup()
        assert result is not None
        assert result.counts == {name: {"unsubscribe": {"applied": 1}} for name in BOTH}
        assert no(made) == {name: set(SILENT[:2]) for name in BOTH}
        assert (SILENT[0], "bounced_softly", "report") in found(cleaned, "mailchimp")


def test_who_is_archived_or_erased_meanwhile_stays_so(both: World) -> None:
    """Mailchimp: PATCH never creates, and the recheck reads archived members too."""
    with both.open() as workspace, open_state(workspace) as store:
        planned = cleaning.cleanup(workspace, store)
        outside = Small(both.folder, both.running)
        one = f"{outside.audience()}/members/"
        outside._send("DELETE", one + SILENT[0], platforms.MAILCHIMP)
        gone = hashlib.md5(SILENT[1].encode(), usedforsecurity=False).hexdigest()
        outside._send("POST", f"{one}{gone}/actions/delete-permanent", platforms.MAILCHIMP)
        result = pushing.push(workspace, store, planned.plan)
    assert result.counts["mailchimp"] == {"unsubscribe": {"applied": 2, "skipped": 2}}
    assert platforms.mailchimp_statuses(both.running.url, "archived") == {SILENT[0]: "archived"}
    assert SILENT[1] not in platforms.mailchimp_statuses(both.running.url)
    assert held(both, "mailchimp")[SILENT[1]] == "absent"


@pytest.mark.long
def test_a_lost_answer_is_found_out(both: World) -> None:
    """HubSpot is asked who is opted out now; Mailchimp's job is over before it is sent again, which changes nothing."""
    both.running.settings(faults="hubspot:drop_after@w1,mailchimp:drop_after@w1", patience_s=0)
    _, result = both.cleanup()
    assert result is not None and result.exit_code == 0
    assert {name: sum(ops["unsubscribe"].values()) for name, ops in result.counts.items()} == dict.fromkeys(BOTH, 4)
    assert {word for ops in result.counts.values() for word in ops["unsubscribe"]} <= {"applied", "unchanged"}
    assert no(both) == {name: set(SILENT) for name in BOTH}
    for name in BOTH:
        assert both.stages(name) == dict.fromkeys(SILENT, "retired")
    assert both.cleanup()[1] is None
