"""What happens on the platforms comes back: into the plan, with its date, and into rules as columns."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.app import planning, pushing
from connector.app.planning import refresh
from connector.app.workspace import open_state
from connector.config.language.platform_words import WORDS
from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.core.model import Kind
from connector.report import plan as report
from connector.segments.names import asked_of_platforms
from tests.path import platforms
from tests.path.platforms import MAILCHIMP
from tests.path.small import PLATFORMS, Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo", "dan")}
TODAY = f"{datetime.now(UTC).astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d}"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


def test_an_opt_out_on_a_platform_blocks_with_reason_and_day(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    more = PEOPLE | {"eve": "eve@example.com"}
    for platform in PLATFORMS:
        world.unsubscribe(platform, "bob@example.com")
    new = "{mailchimp: {tag: New}, klaviyo: {list: New}, hubspot: {list: New}}"
    world.write(more, f"\n  readers: {{when: {{plan: paid}}, send_to: {new}}}")
    plan = world.plan()
    rows = {(row["destination"], row["email"], row["reason"]) for row in plan.blocked.to_pylist()}
    assert rows == {(platform, "bob@example.com", "unsubscribed") for platform in PLATFORMS}
    text = report.text(plan, BERLIN, verbose=True)
    assert f"blocked: unsubscribed in Mailchimp on {TODAY}" in text
    assert f"blocked: unsubscribed in Klaviyo on {TODAY}" in text
    assert "blocked: unsubscribed in HubSpot\n" in text  # HubSpot does not say when
    assert "bob@" not in text
    short = report.text(plan, BERLIN)
    assert short.count("unsubscribed in Mailchimp") == 1 and f"the latest on {TODAY}" in short
    (side,) = [side for side in report.as_json(plan)["destinations"] if side["name"] == "mailchimp"]
    assert side["blocked"] == {"unsubscribed": 1} and side["blocked_latest"]["unsubscribed"][:7] == TODAY[:7]
    json.dumps(report.as_json(plan))


STATUS = """
  silent: {when: {mailchimp.suppressed: true}}
  gone: {when: {any: [{mailchimp.status: unsubscribed}, {Klaviyo.Status: unsubscribed}]}}
  lately: {when: {mailchimp.status_at: {within: 2 days}}}
  unknown: {when: {mailchimp.status: {exists: false}}}
  fresh: {when: {changed_at: {within: 2 days}}}
  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}, klaviyo: {list: Readers}}}
"""
TRAIT = "traits:\n  changed_at: {greatest: [mailchimp.status_at, opted_in_at]}"


@pytest.mark.long
def test_columns_of_platforms_in_rules_are_as_last_read_and_work_offline(world: Small) -> None:
    world.to = ("mailchimp", "klaviyo")
    world.write(PEOPLE)
    world.push()
    world.unsubscribe("mailchimp", "ann@example.com")
    world.unsubscribe("klaviyo", "cleo@example.com")
    world.write(PEOPLE | {"eve": "eve@example.com"}, STATUS, TRAIT)
    assert world.members("silent") == []  # nothing has been read for such rules yet
    world.plan()
    assert world.members("silent") == ["ann@example.com"]
    assert world.members("gone") == ["ann@example.com", "cleo@example.com"]
    assert world.members("unknown") == ["eve@example.com"]
    assert world.members("lately") == world.members("fresh") == sorted(PEOPLE.values())
    world.unsubscribe("mailchimp", "bob@example.com")
    assert world.members("silent") == ["ann@example.com"]
    world.plan()
    assert world.members("silent") == ["ann@example.com", "bob@example.com"]


def test_people_that_nobody_sent_anything_are_known_too_once_a_rule_asks(world: Small) -> None:
    """Before, only those in a target are looked up."""
    world.to = ("mailchimp", "klaviyo")
    world.write(PEOPLE, refused=["dan"])
    world.push()
    world._send(
        "POST",
        f"{world.audience()}/members",
        {"Authorization": "Bearer rehearsal-us1"},
        {"email_address": "dan@example.com", "status": "unsubscribed"},
    )
    world.write(PEOPLE, STATUS, TRAIT, refused=["dan"])
    world.plan()
    assert world.members("silent") == ["dan@example.com"]


def test_it_is_said_when_nothing_was_read_yet(tmp_path: Path) -> None:
    with small(tmp_path) as world:
        world.write(PEOPLE, STATUS, TRAIT)
        with world.open() as workspace:
            from connector.app import offline

            notes = offline.evaluate(workspace).notes
    assert not (tmp_path / ".connector" / "rehearsal" / "state.db").exists()  # looking makes no state
    assert len(notes) == 2 and "mailchimp.status, mailchimp.status_at, mailchimp.suppressed" in notes[0]
    assert "sync plan" in notes[0]


def test_wrong_names_get_a_hint_and_other_files_read_nothing_more(tmp_path: Path, world: Small) -> None:
    world.write(PEOPLE, "\n  s: {when: {mailchimp.statuss: unsubscribed}}")
    with pytest.raises(ConfigError, match=r"mailchimp\.statuss.*Did you mean \"mailchimp\.status\""):
        world.members("s")
    world.write(PEOPLE, "\n  s: {when: {mailchimp.status_at: {contains: a}}}")
    with pytest.raises(ConfigError, match="wrong-type"):
        world.members("s")
    world.write(PEOPLE)
    text = (tmp_path / "segments.yaml").read_text()
    assert asked_of_platforms(load_text(text, Path("segments.yaml"))) == {}


ENGAGED = """
  openers: {when: {PLATFORM.last_open_at: {within: 7 days}}}
  clickers: {when: {PLATFORM.last_click_at: {exists: true}}}
  silent: {when: {PLATFORM.sends: {at_least: 2}}}
  bounced: {when: {PLATFORM.bounces: {at_least: 1}}}
  engaged: {when: {seen_at: {within: 7 days}}}
  mailed: {when: {PLATFORM.last_send_at: {exists: true}}}
  readers: {when: {plan: paid}, send_to: {PLATFORM: {tag: Readers}}}
"""
SEEN = "traits:\n  seen_at: {greatest: [PLATFORM.last_open_at, PLATFORM.last_click_at]}"


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def did(name: str, what: str, days: int, **more: bool) -> dict[str, object]:
    return {"email": f"{name}@example.com", "did": what, "at": ago(days), **more}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_opens_clicks_sends_and_bounces_come_back_as_columns(world: Small, platform: str) -> None:
    world.write(PEOPLE)
    world.push(to=(platform,))
    happened = [did(name, "send", days) for days in (20, 10) for name in PEOPLE]
    happened += [did("ann", "open", 5), did("bob", "click", 15), did("dan", "bounce", 9)]
    if platform != "hubspot":  # which does not tell who made an open
        happened.append(did("cleo", "open", 4, proxy=True))
    world.running.engage(**{platform: happened})
    segments, more = ENGAGED.replace("PLATFORM", platform), SEEN.replace("PLATFORM", platform)
    world.write(PEOPLE, segments, more)
    world.plan(to=(platform,))
    found = {name: [email.split("@")[0] for email in world.members(name)] for name in ("openers", "clickers")}
    assert found == {"openers": ["ann"], "clickers": ["bob"]}
    received = ["cleo"] if platform == "mailchimp" else ["cleo", "dan"]  # its report tells whose mail came back
    assert world.members("silent") == [f"{name}@example.com" for name in received]
    assert world.members("bounced") == ["dan@example.com"]
    assert world.members("engaged") == ["ann@example.com"]
    assert world.members("mailed") == sorted(PEOPLE.values())


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_engagement_is_read_from_where_the_last_reading_ended(
    world: Small, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(PEOPLE, ENGAGED.replace("PLATFORM", platform), SEEN.replace("PLATFORM", platform))
    world.push(to=(platform,))  # reads up to some minutes ago
    monkeypatch.setattr("connector.reconcile.engagement.OVERLAP", timedelta())
    happened = [did("ann", "send", 0), did("bob", "send", 0), did("ann", "click", 0), did("bob", "send", 0)]
    world.running.engage(**{platform: happened})
    time.sleep(1.1)  # Mailchimp's times have whole seconds
    for _ in range(2):  # the second reading meets nothing new and counts nothing twice
        world.plan(to=(platform,))
        assert world.members("clickers") == ["ann@example.com"]
        assert world.members("silent") == ([] if platform == "mailchimp" else ["bob@example.com"])
        time.sleep(0.1)


def test_nothing_of_it_is_read_for_a_file_that_does_not_ask(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    world.plan()
    paths = {row["path"] for row in world.running.requests()}
    assert not any("reports" in path or "events" in path or "metrics" in path for path in paths)


def test_the_examples_of_the_documentation_load() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "platform-columns.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    keys = ("audience: News, api_key", "api_key", "access_token")
    accounts = "".join(
        f"  {name}: {{platform: {name}, {key}: '${{K}}'}}\n" for name, key in zip(PLATFORMS, keys, strict=True)
    )
    text = f"version: 1\nsources: {{contacts: {{file: a.csv, email: e}}}}\ndestinations:\n{accounts}{example}"
    asked = asked_of_platforms(load_text(text, Path("segments.yaml")))
    assert asked == {
        "mailchimp": {"status", "sends"},
        "klaviyo": {"last_click_at"},
        "hubspot": {"last_click_at"},
    }
    assert all(f".{word}`" in page for word in WORDS)


def test_a_tag_does_not_come_back_with_an_unarchived_member(world: Small) -> None:
    """Mailchimp takes no tag from an archived member: the removal waits until they are back."""
    nobody = "\n  readers: {when: {plan: free}, send_to: {mailchimp: {tag: Readers}}}"
    world.to = ("mailchimp",)
    world.write(PEOPLE, "\n  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}}}")
    world.push()
    path = f"{world.audience()}/members/{hashlib.md5(b'bob@example.com').hexdigest()}"
    world._send("DELETE", path, MAILCHIMP)
    world.write(PEOPLE, nobody)
    plan, result = world.push(allow=("empty", "removes"), reason="test")
    assert {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()} == {
        ("bob@example.com", "archived_later")
    }
    assert result.counts["mailchimp"]["remove"] == {"applied": 3}
    assert "archived in Mailchimp, which takes nothing from them meanwhile" in report.text(plan, BERLIN)
    with world.open() as workspace, open_state(workspace) as store:  # and --refresh does not forget them
        refresh(workspace, store)
        assert store.counts("mailchimp").members[Kind.TAG, "Readers"] == 1
    world._send("PATCH", path, MAILCHIMP, {"status": "subscribed"})
    assert platforms.mailchimp(world.running.url)["Readers"] == {"bob@example.com"}
    world.push(allow=("empty",), reason="test")
    assert platforms.mailchimp(world.running.url)["Readers"] == set()


def test_a_member_archived_between_plan_and_push_stays_ours(world: Small) -> None:
    world.to = ("mailchimp",)
    world.write(PEOPLE, "\n  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}}}")
    world.push()
    world.write(PEOPLE, "\n  readers: {when: {plan: free}, send_to: {mailchimp: {tag: Readers}}}")
    with world.open(allow=("empty",), reason="test") as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        path = f"{world.audience()}/members/{hashlib.md5(b'bob@example.com').hexdigest()}"
        world._send("DELETE", path, MAILCHIMP)
        result = pushing.push(workspace, store, plan)
        assert result.counts["mailchimp"]["remove"] == {"applied": 3, "skipped": 1}
        assert store.counts("mailchimp").members[Kind.TAG, "Readers"] == 1
