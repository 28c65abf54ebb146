"""From the export to the platforms and back: stages as tags, archiving, coming back, and what guards stop."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.app import advice, cleaning, planning, pushing, upkeep
from connector.app import lifecycle as verbs
from connector.app.workspace import open_state
from connector.core.errors import ConfigError, Unsafe
from connector.plan import saved
from connector.report.cleanup import cleanup_csv, cleanup_json, cleanup_text
from connector.report.lifecycle import lifecycle_json, lifecycle_text
from connector.report.plan import as_json, text
from tests.lifecycle.world import POLICY, Person, World, grown, world
from tests.path import platforms
from tests.path.small import PLATFORMS
from tests.sweeps import some

LATE = (10, 15, 16)  # days of pushes until the last stage can be left
SILENT = [f"silent{n}@example.com" for n in range(4)]


@contextmanager
def begun(folder: Path, *to: str, late: bool = False, policy: str = POLICY) -> Iterator[World]:
    """Four silent people, one who is not, and a silent VIP; in win_back since day 0, and `late` at their last stage."""
    people = {email: Person(click=-100) for email in SILENT}
    people |= {"busy@example.com": Person(order=-2), "vip@example.com": Person(order=-99, vip=True)}
    with grown(folder, to, policy, people, (-1, 0, *(LATE if late else ()))) as made:
        yield made


@pytest.fixture
def one(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, "klaviyo") as made:
        yield made


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, "mailchimp", "klaviyo") as made:
        yield made


@pytest.fixture
def one_late(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, "klaviyo", late=True) as made:
        yield made


@pytest.fixture
def two_late(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, "mailchimp", "klaviyo", late=True) as made:
        yield made


@pytest.fixture
def three(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, *PLATFORMS) as made:
        yield made


def tags(made: World) -> list[dict[str, set[str]]]:
    """Tag -> addresses, of each platform of the world."""
    url = made.running.url
    return [platforms.mailchimp(url) if name == "mailchimp" else getattr(platforms, name)(url)[1] for name in made.to]


def to_sunset(made: World) -> None:
    for made.day in LATE:
        made.push()


@pytest.mark.long
def test_a_whole_way_there_and_back(three: World) -> None:
    for found in tags(three):
        assert found["win-back"] == set(SILENT)
    three.day = 4
    three.people[SILENT[0]].click = 3.5
    plan, _ = three.push()
    assert "come back" in text(plan, three.zone)
    rows = as_json(plan)["destinations"][0]["stages"]
    assert rows == [{"how": "returned", "to": "returned", "contacts": 1}]
    for found in tags(three):
        assert found["win-back"] == set(SILENT[1:]) and found["won-back"] == {SILENT[0]}
    to_sunset(three)
    for found in tags(three):
        assert found["sunset"] == set(SILENT[1:])
        assert not found.get("win-back") and not found.get("last-call") and not found.get("won-back")
    found, result = three.cleanup()
    assert result is not None and result.counts == {
        name: {"retire": {"applied": 3}} for name in ("mailchimp", "klaviyo")
    }
    assert any("HubSpot has no way" in note for note in found.plan.notes)
    assert [note for note in found.plan.notes if "can be undone" in note]
    (path,) = (three.folder / ".connector" / "rehearsal").glob("retired-2027-01-17-*.csv")
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["destination"], row["email"]) for row in rows} == {
        (name, email) for name in ("mailchimp", "klaviyo") for email in SILENT[1:]
    }
    assert rows[0]["status"] == "subscribed" and rows[0]["tags_and_lists"] == "tag:Everyone; tag:sunset"
    again, result = three.cleanup()
    assert result is None and not again.plan.changes.num_rows
    _alive_again(three)


def _alive_again(three: World) -> None:
    """Klaviyo takes back what we suppressed, Mailchimp's are told; an opt-out that came meanwhile stays."""
    three.day = 20
    three.push()
    three.people[SILENT[1]].click = three.people[SILENT[2]].click = 19.5
    three.say_no("klaviyo", SILENT[2])
    found, result = three.cleanup()
    assert result is not None and result.counts == {"klaviyo": {"restore": {"applied": 1}}}
    rows = [
        tuple(row) for side in found.sides for row in zip(*side.found.select(["email", "action"]).columns, strict=True)
    ]
    assert {(str(email), str(action)) for email, action in rows} == {
        (SILENT[1], "report"),
        (SILENT[2], "report"),
        (SILENT[1], "restore"),
    }
    assert three.stages("klaviyo")[SILENT[1]] == "returned"
    three.day = 21
    three.push()
    assert SILENT[1] in platforms.klaviyo(three.running.url)[1]["won-back"]
    assert three.stages("mailchimp")[SILENT[1]] == "retired"


def test_undo_takes_back_what_klaviyo_suppressed(two_late: World) -> None:
    two_late.cleanup()
    two_late.say_no("klaviyo", SILENT[0])
    two_late.people[SILENT[1]].opted_in = None
    two_late.write()
    with two_late.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        result = pushing.push(workspace, store, plan)
    assert result.counts == {"klaviyo": {"restore": {"applied": 2}}}
    assert any("mailchimp: 4 retired contacts stay retired" in note for note in plan.notes)
    assert two_late.stages("klaviyo") == {SILENT[0]: "retired", SILENT[1]: "retired"}
    two_late.day = 17
    assert not two_late.push()[0].stages.num_rows  # they have the time of everybody who came back
    two_late.day = 48
    two_late.people["busy@example.com"].order = 47
    plan, _ = two_late.push()
    assert {row["how"] for row in plan.stages.to_pylist() if row["destination"] == "klaviyo"} == {"entered"}


def test_push_never_lets_anybody_go(one_late: World) -> None:
    one_late.day, one_late.people["busy@example.com"].order = 60, 59
    plan, _ = one_late.push()
    assert "retire" not in plan.changes["op"].to_pylist()
    assert one_late.stages("klaviyo") == dict.fromkeys(SILENT, "sunset")


@pytest.mark.long
def test_what_limit_cuts_is_no_entry_yet(one: World) -> None:
    one.day = 10
    with one.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store, limit=1)
        assert made.stages.num_rows == 1
        saved.save(made, one.folder / "a.plan")
        pushing.push(workspace, store, saved.load(one.folder / "a.plan"))
    assert sorted(one.stages("klaviyo").values()) == ["last_call", *["win_back"] * 3]
    one.push()
    assert set(one.stages("klaviyo").values()) == {"last_call"}


def test_the_last_look_spares_who_changed_since_the_plan(two_late: World) -> None:
    with two_late.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        at = two_late.now.isoformat()
        for did in ("send", "click"):
            event = {"email": SILENT[0], "did": did, "at": at}
            two_late.running.engage(mailchimp=[event], klaviyo=[event])
        for name in ("mailchimp", "klaviyo"):
            two_late.say_no(name, SILENT[1])
        two_late.day += 0.01
        two_late.running.settings(clock_ahead_s=(two_late.now - datetime.now(UTC)).total_seconds())
        result, _ = cleaning.apply(workspace, store, found)
    assert result.exit_code == 0
    assert result.counts == {name: {"retire": {"applied": 2, "skipped": 2}} for name in ("mailchimp", "klaviyo")}
    statuses = platforms.mailchimp_statuses(two_late.running.url)
    assert statuses[SILENT[0]] == "subscribed" and statuses[SILENT[1]] == "unsubscribed"
    assert SILENT[2] not in statuses  # archived ones are shown only when asked for
    assert two_late.stages("mailchimp") == {
        SILENT[0]: "sunset",
        SILENT[1]: "sunset",
        SILENT[2]: "retired",
        SILENT[3]: "retired",
    }


def test_guards_show_a_mass_move_first(tmp_path: Path) -> None:
    """The first day of a policy, runs that were missed, and shorter durations."""
    with world(tmp_path, ("klaviyo",)) as made:
        made.people = {f"p{n}@example.com": Person(click=-100 - n) for n in range(60)}
        made.people["p0@example.com"].order = -300

        def on(day: float) -> None:
            made.day = day
            made.people |= {f"q{n}@example.com": Person(click=day - 1) for n in range(40)}

        on(-1)
        made.push()
        on(0)
        with pytest.raises(Unsafe, match="60 of 100 contacts would change their stage"):
            made.push()
        made.push(allow=("stages",), reason="the first day")
        assert set(made.stages().values()) == {"win_back"}
        plan = made.plan()
        assert not plan.stages.num_rows and not plan.changes.num_rows  # twice on one day
        on(9)
        assert not made.plan().stages.num_rows
        made.policy = POLICY.replace("after: 10 days", "after: 3 days")
        with pytest.raises(Unsafe, match="60 of 100"):
            made.push()
        assert any("under an earlier policy" in note for note in made.plan().notes)
        made.policy = POLICY
        on(40)  # ten runs and more were missed: the next stage, not the one after
        with pytest.raises(Unsafe):
            made.push()
        plan, _ = made.push(allow=("stages",), reason="the server was down")
        assert set(plan.stages["stage"].to_pylist()) == {"last_call"}
        on(45)
        made.push(allow=("stages",), reason="again")
        on(46)
        with pytest.raises(
            Unsafe, match=r"60 of 100 contacts would be archived, suppressed or unsubscribed.*--allow retires"
        ):
            made.cleanup()
        made.policy = POLICY + "  ramp: {at_most: 10% of contacts}\n"
        found, result = made.cleanup()
        assert result is not None and result.counts["klaviyo"]["retire"] == {"applied": 10}
        assert "50 of them in later runs" in cleanup_text(*told(found), verbose=False)
        assert len(cleanup_csv(found.sides).splitlines()) == 61
        assert cleanup_json(*told(found))["destinations"][0]["found"][0]["contacts"] == 60


def told(found: cleaning.Cleaning) -> tuple[object, ...]:
    return found.plan, found.sides, found.orphans, found.twice, found.invalid


@pytest.mark.long
def test_cleanup_of_bounces_and_of_tags_on_people_who_unsubscribed(tmp_path: Path) -> None:
    more = "cleanup:\n  bounced: {soft: 2, action: default}\n  unsubscribed: {action: remove_tags}\n"
    with world(tmp_path, some(PLATFORMS, "bounces and tags"), POLICY + more) as made:
        made.people = {email: Person(click=-1) for email in SILENT} | {"vip@example.com": Person(order=-1, vip=True)}
        made.push()
        for name in made.to:
            made.say_no(name, SILENT[0])
            bounces = [
                {"email": email, "did": "bounce", "at": made.now.isoformat()}
                for email in (SILENT[1], "vip@example.com")
            ]
            made.running.engage(**{name: bounces * 2})
        made.day = 1
        found, result = made.cleanup()
        assert result is not None
        for name in made.to:
            assert result.counts[name]["remove"] == {"applied": 1}
        for held in tags(made):
            assert SILENT[0] not in held["Everyone"] and "vip@example.com" in held["Everyone"]
        plan, _ = made.push()
        assert SILENT[0] not in plan.changes["email"].to_pylist()  # its no keeps it out
        words = cleanup_text(*told(found), verbose=True)
        assert "unsubscribed, with tags of ours: tags and lists off" in words and "silent0@" not in words


def test_the_report_without_a_platform(two: World) -> None:
    two.policy = POLICY.replace("tag: win-back", "tag: win-back, split: {name: s, of: {mail: 50, holdout: 50}}")
    two.write()
    text_ = (two.folder / "segments.yaml").read_text()
    prices = "new_contacts: subscribed, prices: [{up_to: 3, price: 10}, {up_to: 10, price: 25.5}]"
    (two.folder / "segments.yaml").write_text(text_.replace("new_contacts: subscribed", prices))
    with two.open() as workspace, open_state(workspace) as store:
        found = verbs.report(workspace, store)
    side = found.sides[0]
    assert side.stages == {"win_back": 4, "last_call": 0, "sunset": 0, "returned": 0, "retired": 0}
    assert (side.active, side.protected, side.unmeasurable) == (1, 1, 0)
    assert side.now.contacts == 6 and float(side.now.price or 0) == 25.5
    words = lifecycle_text(found.sides, two.now, two.zone, found.notes, True)
    assert "paid for (estimate)" in words and "silent0@" not in words
    assert lifecycle_json(found.sides, two.now, found.policy, found.notes)["destinations"][0]["stages"]["win_back"] == 4


def test_an_action_that_nobody_offers_is_refused_at_its_line(tmp_path: Path) -> None:
    with world(tmp_path, ("hubspot",)) as made:
        made.write()
        with pytest.raises(ConfigError, match=r"segments.yaml:\d+:\d+: error\[not-offered\]"), made.open():
            pass
        made.policy = POLICY.replace(", action: default", "")
        made.write()
        with made.open():
            pass


def test_opens_among_the_signals_are_explained(tmp_path: Path) -> None:
    with world(tmp_path, ("klaviyo",)) as made:
        made.people = {"a@example.com": Person(click=-1)}
        for signals, code in (
            ("last_click_at, klaviyo.last_open_at", "opens-named"),
            ("klaviyo.last_open_at", "opens-only"),
        ):
            made.policy = POLICY.replace("last_click_at, last_order_at", signals)
            made.write()
            with made.open() as workspace:
                assert code in [item.code for item in advice.check(workspace).advice]
