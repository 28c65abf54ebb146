"""Nights on which something is wrong: each is recorded, is told once, and is over with one more alert; the other
destinations are served."""

from __future__ import annotations

import os
import time

import pytest

from connector.state.open import open_store
from tests.notify.conftest import PEOPLE, Hook, Night
from tests.path.test_gone import tagged

NOTIFY = "notify: {to: ['${HOOK}']}\n"
GUARDS = "guards: {removes: 1, floor: 0}\n"
MORE = PEOPLE | {"new": "newcomer@example.com"}
BAD_KEY = "0123456789abcdef0123456789abcdef-us1"


@pytest.mark.long
def test_four_nights(night: Night, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    night.write(more=NOTIFY)
    assert night.push() == 0
    (first,) = hook.take()
    assert "first success" in first

    # One vendor is down: the others are served, also on the second night, of which nothing is said again.
    night.write(MORE, more=NOTIFY)
    night.world.running.settings(faults="klaviyo:unavailable=1")
    assert night.push() == 4
    (down,) = hook.take()
    assert "klaviyo" in down and "Served: mailchimp, hubspot" in down and "sync runs show" in down
    newest = night.json("runs")["runs"][0]
    assert newest["exit_code"] == 4 and newest["command"] == "push"
    sides = {side["name"]: side for side in newest["destinations"]}
    assert sides["klaviyo"]["ended"] == "not planned" and sides["klaviyo"]["code"] == "unreachable"
    assert sides["mailchimp"]["ended"] == sides["hubspot"]["ended"] == "served"
    for platform in ("mailchimp", "hubspot"):
        assert tagged(night.world, platform, "Readers") == set(MORE.values())
    assert night.call("status", "--max-age", "1m", "--to", "hubspot")[0] == 0
    assert night.push() == 4 and not hook.take()
    night.world.running.settings(faults="")
    assert night.push() == 0
    (over,) = hook.take()
    assert "recovered" in over and "klaviyo works again" in over
    assert tagged(night.world, "klaviyo", "Readers") == set(MORE.values())

    # A bad key.
    night.write(PEOPLE, more=NOTIFY)
    good = os.environ["MC"]
    monkeypatch.setenv("MC", BAD_KEY)
    assert night.push() == 4 == night.push()
    (key,) = hook.take()
    assert "mailchimp" in key and BAD_KEY not in key
    assert tagged(night.world, "hubspot", "Readers") == set(PEOPLE.values())
    shown = night.call("runs", "show", "last")[1]
    assert "mailchimp: not planned" in shown and "klaviyo: served" in shown and BAD_KEY not in shown
    monkeypatch.setenv("MC", good)
    assert night.push() == 0
    assert "mailchimp works again" in hook.take()[0]

    # A guard of one destination.
    fewer = dict(list(PEOPLE.items())[:3])
    night.write(fewer, more=NOTIFY)
    path = night.world.folder / "segments.yaml"
    path.write_text(path.read_text().replace("audience: Newsletter,", "audience: Newsletter, guards: {removes: 1},"))
    assert night.push() == 3 == night.push()
    (guard,) = hook.take()
    assert "mailchimp" in guard and "--allow removes" in guard
    assert tagged(night.world, "mailchimp", "Readers") == set(PEOPLE.values())
    assert tagged(night.world, "klaviyo", "Readers") == set(fewer.values())
    assert "refused (guard:removes)" in night.call("runs")[1]
    assert night.call("push", "--yes", "--require-all")[0] == 3
    assert night.push("--allow", "removes", "--reason", "they left") == 0
    told = hook.take()
    assert "mailchimp works again" in told[0], told
    assert tagged(night.world, "mailchimp", "Readers") == set(fewer.values())

    # A stale export.
    path.write_text(path.read_text().replace("file: people.csv,", "file: people.csv, max_age: 36 hours,"))
    old = time.time() - 5 * 86_400
    os.utime(night.world.folder / "people.csv", (old, old))
    assert night.push() == 2 == night.push()
    (stale,) = hook.take()
    assert "older than max_age" in stale
    newest = night.json("runs")["runs"][0]
    assert (newest["state"], newest["code"], newest["exit_code"], newest["plan"]) == ("failed", "stale", 2, None)
    os.utime(night.world.folder / "people.csv", (time.time(), time.time()))
    assert night.push() == 0
    assert "Pushes work again" in hook.take()[0]
    assert night.push() == 0 and not hook.take()


def test_no_alert_names_a_person_or_a_key_and_none_changes_the_run(
    night: Night, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is refused; the hook refuses, then hangs; then it hears what it had not taken."""
    people = PEOPLE | {"fake": "fake.person@example.com"}
    monkeypatch.setattr("connector.notify.channels.PATIENCE", 0.5)
    night.write(people, more=NOTIFY)
    hook.code = 500
    code, out, err = night.call("push", "--yes")
    assert code == 1 and "1 refused by the platform" in out and "no alert was sent: address 1" in err
    assert str(hook.port) not in err
    hook.code, hook.slow = 200, 30.0
    began = time.monotonic()
    assert night.push() == 0 and time.monotonic() - began < 15
    hook.slow = 0.0
    hook.heard = []
    assert night.push() == 0
    texts = "\n".join(hook.take())
    assert "1 record was refused" in texts and "@" not in texts and os.environ["MC"] not in texts
    assert night.push() == 0 and not hook.take()
    with_state = open_store(str(night.world.folder / ".connector" / "state.db"))
    try:
        kept = "\n".join(f"{one.why} {one.facts} {one.sides}" for one in with_state.attempts.last(9))
        assert "@" not in kept
    finally:
        with_state.close()


def test_what_is_told_can_be_chosen_and_needs_its_variable(
    night: Night, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.write(more="notify: {to: ['${HOOK}', '${NOWHERE}'], on: [size], size_change: 20%, floor: 1}\n")
    code, _, err = night.call("push", "--yes")
    assert code == 0 and not hook.take() and "NOWHERE" not in err, "nothing was to be said"
    night.write(PEOPLE | {f"q{n}": f"more{n}@example.com" for n in range(3)}, more="notify: {to: ['${HOOK}', "
                "'${NOWHERE}'], on: [size], size_change: 20%, floor: 1}\n")  # fmt: skip
    code, _, err = night.call("push", "--yes")
    (size,) = hook.take()
    assert code == 0 and "6 members before, 9 now (+50%)" in size
    assert "NOWHERE is not set" in err


def test_a_state_that_cannot_be_opened(night: Night, hook: Hook) -> None:
    night.write(more=NOTIFY)
    path = night.world.folder / "state.db"
    path.touch()  # cut off
    words = ("push", "--yes", "--state", str(path))
    assert [night.call(*words)[0] for _ in range(2)] == [4, 4]
    (told,) = hook.take()
    assert "Nothing was pushed" in told and "exit code 4" in told
    path.unlink()
    assert night.call(*words)[0] == 0
    over = [text for text in hook.take() if "recovered" in text]
    assert len(over) == 1 and "The state works again" in over[0]
    assert night.call(*words)[0] == 0 and not hook.take()
