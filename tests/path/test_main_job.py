"""The main job: an export arrives exactly, nothing is sent twice, only the difference goes out."""

from __future__ import annotations

import csv
import math
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.rehearsal.core.process import Running, start
from tests.launcher import SYNC
from tests.path import platforms, sample
from tests.path.conftest import AS_OF, Desk

HANGS = 90  # seconds after which a process that should end at once does not; less than a request's patience (http.py)


def wanted(desk: Desk) -> dict[str, set[str]]:
    return sample.desired(desk.folder / "exports")


def test_what_the_platforms_hold_equals_the_desired_memberships_exactly(pushed: Desk) -> None:
    desired = wanted(pushed)
    proved = sample.held_with_proof(pushed.folder / "exports")
    with pushed.rehearsal() as running:
        tags = platforms.mailchimp(running.url)
        klaviyo_lists, klaviyo_tags = platforms.klaviyo(running.url)
        hubspot_lists, hubspot_tags = platforms.hubspot(running.url)
        statuses = platforms.mailchimp_statuses(running.url)
    assert all(len(members) > 100 for members in desired.values())
    for segment, (tag, klaviyo_list, klaviyo_tag, hubspot_list, hubspot_tag) in sample.TARGETS.items():
        people = desired[segment]
        assert tags[tag] == people & proved
        assert klaviyo_lists[klaviyo_list] == klaviyo_tags[klaviyo_tag] == people
        assert hubspot_lists[hubspot_list] == hubspot_tags[hubspot_tag] == people
    everybody = set.union(*desired.values())
    assert {email for email, status in statuses.items() if status == "subscribed"} >= everybody & proved


def test_the_same_push_again_reports_no_changes_and_sends_no_writing_request(pushed: Desk) -> None:
    before = pushed.writes()
    again = pushed.json("push", "--rehearse", "--yes")
    assert again["run"] is None
    assert {again["plan"]["summary"][key] for key in ("creates", "updates", "adds", "removes", "requests")} == {0}
    assert pushed.writes() == before


def test_changing_one_line_sends_only_the_difference(pushed: Desk) -> None:
    before = wanted(pushed)["vip"]
    requests = pushed.writes()
    pushed.edit("lifetime_value: {at_least: 500}", "lifetime_value: {at_least: 450}")
    plan = pushed.json("plan", "--rehearse")
    changed = {
        (row["name"], target["name"]) for row in plan["destinations"] for target in row["targets"] if target["adds"]
    }
    assert changed == {
        ("mailchimp", "VIP"),
        ("klaviyo", "VIP customers"),
        ("klaviyo", "vip"),
        ("hubspot", "VIP customers"),
        ("hubspot", "VIP"),
    }
    assert plan["summary"]["removes"] == plan["summary"]["creates"] == 0
    assert pushed.sync("push", "--rehearse", "--yes").returncode == 0
    with pushed.rehearsal() as running:
        lists, _ = platforms.klaviyo(running.url)
    assert lists["VIP customers"] > before
    sent = {name: count - requests[name] for name, count in pushed.writes().items()}
    assert sent == {row["name"]: row["requests"] for row in plan["destinations"]}


BATCHES = {  # (platform, operation) -> records in one request
    ("mailchimp", "create"): 500, ("mailchimp", "add"): 500,
    ("klaviyo", "create"): 10_000, ("klaviyo", "add"): 10_000,
    ("hubspot", "create"): 100, ("hubspot", "add"): 10_000,
}  # fmt: skip


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_writing_requests_are_the_sum_of_full_batches(desk: Desk, platform: str) -> None:
    plan = desk.json("plan", "--rehearse", "--to", platform)
    (side,) = plan["destinations"]
    property_tags = platform != "mailchimp"
    carried = [target for target in side["targets"] if not (property_tags and target["kind"] == "tag")]
    expected = math.ceil(side["contacts"]["creates"] / BATCHES[platform, "create"])
    expected += sum(math.ceil(target["adds"] / BATCHES[platform, "add"]) for target in carried)
    expected += len(carried)  # each new tag or list is created
    expected += platform == "hubspot"  # the tag property with its options
    assert side["requests"] == expected
    assert desk.sync("push", "--rehearse", "--yes", "--to", platform).returncode == 0
    assert desk.writes()[platform] == expected
    assert sum(desk.writes().values()) == expected


@pytest.mark.long
def test_members_as_csv_and_sizes_agree_with_a_second_reading(desk: Desk) -> None:
    done = desk.sync("members", "vip", "--format", "csv")
    lines = done.stdout.splitlines()
    assert lines[0] == "email" and lines[1:] == sorted(lines[1:])
    assert set(lines[1:]) >= wanted(desk)["vip"]
    found = desk.json("segments")
    sizes = {row["name"]: row["members"] for row in found["segments"]}
    assert sizes["vip"] == len(lines) - 1 and found["contacts"] == 5003


def test_a_saved_plan_is_applied_exactly_once(desk: Desk) -> None:
    done = desk.sync("plan", "--rehearse", "--to", "mailchimp", "--out", "today.plan")
    assert done.returncode == 0, done.stderr
    assert (desk.folder / "today.plan").stat().st_mode & 0o077 == 0
    assert desk.sync("push", "--rehearse", "--yes", "--plan", "today.plan").returncode == 0
    again = desk.sync("push", "--rehearse", "--yes", "--plan", "today.plan")
    assert again.returncode == 3 and "mailchimp" in again.stderr


@pytest.mark.parametrize("name", ["segments.yaml", "exports/orders.csv"])
@pytest.mark.sweep(keep=1)
def test_a_saved_plan_is_refused_when_a_file_changed(desk: Desk, name: str) -> None:
    desk.sync("plan", "--rehearse", "--to", "mailchimp", "--out", "today.plan")
    with (desk.folder / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n" if name.endswith("yaml") else "1,a@example.com,2026-11-01T00:00:00Z,1.00,bags\n")
    done = desk.sync("push", "--rehearse", "--yes", "--plan", "today.plan")
    assert done.returncode == 3 and "changed since" in done.stderr
    assert sum(desk.writes().values()) == 0


def test_an_altered_plan_file_is_refused(desk: Desk) -> None:
    desk.sync("plan", "--rehearse", "--to", "mailchimp", "--out", "today.plan")
    path = desk.folder / "today.plan"
    path.write_bytes(path.read_bytes()[:-30])
    done = desk.sync("push", "--rehearse", "--yes", "--plan", "today.plan")
    assert done.returncode == 3 and "Traceback" not in done.stderr


def test_a_broken_export_is_refused_by_the_guards_and_lifted_by_name_with_a_reason(pushed: Desk) -> None:
    path = pushed.folder / "exports" / "contacts-2026-11-20.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    path.write_text("".join(lines[:2000]), encoding="utf-8")
    before = pushed.writes()
    refused = pushed.sync("push", "--rehearse", "--yes")
    assert refused.returncode == 3
    assert "shrunken" in refused.stderr and "--allow removes" in refused.stderr
    assert pushed.sync("push", "--rehearse", "--yes", "--allow", "shrunken", "--allow", "removes").returncode == 2
    half = pushed.sync("push", "--rehearse", "--yes", "--allow", "shrunken", "--reason", "new export")
    assert half.returncode == 3 and pushed.writes() == before
    words = ("--allow", "shrunken", "--allow", "removes", "--reason", "moved to a new system")
    assert pushed.sync("push", "--rehearse", "--yes", *words).returncode == 0
    assert "moved to a new system" in pushed.sync("runs", "--rehearse").stdout


def test_limit_is_a_careful_first_try(desk: Desk) -> None:
    done = desk.sync("push", "--rehearse", "--yes", "--limit", "3", "--to", "mailchimp")
    assert done.returncode == 0 and "--limit 3" in done.stdout
    with desk.rehearsal() as running:
        tags = platforms.mailchimp(running.url)
    ours = [tags.get(names[0], set()) for names in sample.TARGETS.values()]
    assert len(set().union(*ours)) == 3  # people, with all of their tags


@pytest.mark.parametrize("words", [("--to", "mailchimp"), ("--only", "vip"), ("--limit", "3"), ("--refresh",)])
@pytest.mark.sweep(keep=1)
def test_a_saved_plan_is_applied_whole_or_not_at_all(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.sync("plan", "--rehearse", "--out", "today.plan").returncode == 0
    done = desk.sync("push", "--rehearse", "--yes", "--plan", "today.plan", *words)
    assert done.returncode == 2 and "part-of-a-plan" in done.stderr and words[0] in done.stderr
    assert sum(desk.writes().values()) == 0


def test_without_yes_a_pipe_is_refused(desk: Desk) -> None:
    done = desk.sync("push", "--rehearse", "--to", "mailchimp")
    assert done.returncode == 3 and "--yes" in done.stderr
    assert sum(desk.writes().values()) == 0


def test_plan_exit_code_tells_changes(pushed: Desk) -> None:
    assert pushed.sync("plan", "--rehearse", "--exit-code").returncode == 0
    pushed.edit("lifetime_value: {at_least: 500}", "lifetime_value: {at_least: 450}")
    assert pushed.sync("plan", "--rehearse", "--exit-code").returncode == 10


@contextmanager
def pushing(desk: Desk, running: Running, writes: int) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A push that has sent so many writing requests to HubSpot, and where everything that it prints goes."""
    place, told = desk.folder / ".connector" / "rehearsal", desk.folder / "told.txt"
    (place / "address").write_text(running.url)
    words = [SYNC, "push", "--rehearse", "--yes", "--as-of", AS_OF]
    with told.open("w") as file, subprocess.Popen(words, cwd=desk.folder, stdout=file, stderr=file) as push:
        try:
            while running.writes()["hubspot"] < writes and push.poll() is None:
                time.sleep(0.02)
            yield push, told
        finally:
            push.kill()


def interrupt(push: subprocess.Popen[bytes], told: Path) -> None:
    """The first Ctrl-C, and what it says has been said."""
    push.send_signal(signal.SIGINT)
    while "Stopping" not in told.read_text() and push.poll() is None:
        time.sleep(0.02)


def test_ctrl_c_finishes_what_is_in_flight_and_resume_does_the_rest(desk: Desk) -> None:
    place = desk.folder / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db", "--latency-ms", "150") as running:
        with pushing(desk, running, 8) as (push, told):
            running.settings(latency_ms=1000)
            interrupt(push, told)
            assert push.wait(HANGS) == 130, told.read_text()
        assert "sync resume" in told.read_text()
        refused = desk.sync("push", "--rehearse", "--yes")
        assert refused.returncode == 3 and "sync resume" in refused.stderr
        running.settings(latency_ms=0)
        assert desk.sync("resume", "--rehearse").returncode == 0
        lists, tags = platforms.hubspot(running.url)
    for segment, names in sample.TARGETS.items():
        assert lists[names[3]] == tags[names[4]] == wanted(desk)[segment]


@pytest.mark.long
def test_a_second_ctrl_c_ends_at_once(desk: Desk) -> None:
    place = desk.folder / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db") as running:
        with pushing(desk, running, 2) as (push, told):
            running.settings(latency_ms=10 * HANGS * 1000)  # nothing in flight is answered now
            interrupt(push, told)
            push.send_signal(signal.SIGINT)
            assert push.wait(HANGS) == 130, told.read_text()
        assert "Traceback" not in told.read_text() and "sync resume" in told.read_text()
        running.settings(latency_ms=0)
        assert desk.sync("resume", "--rehearse").returncode == 0


def test_init_writes_a_file_that_checks(desk: Desk) -> None:
    (desk.folder / "segments.yaml").unlink()
    done = desk.sync("init", "--from", "exports/contacts-2026-11-20.csv")
    assert done.returncode == 0, done.stderr
    assert desk.sync("check").returncode == 0
    with (desk.folder / "exports" / "contacts-2026-11-20.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) > 5000
    assert desk.sync("init", "--from", "exports/contacts-2026-11-20.csv").returncode == 2
