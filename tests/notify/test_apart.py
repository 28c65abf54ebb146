"""Trouble of one destination in the commands beside push; and what a guard says in them."""

from __future__ import annotations

import os

import pytest

from tests.notify.conftest import PEOPLE, Night
from tests.path.test_gone import tagged

FEWER = dict(list(PEOPLE.items())[:2])


@pytest.mark.long
def test_other_commands_go_on_without_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.write()
    assert night.push() == 0
    night.write(FEWER, more="guards: {empty: off, removes: off, removes_percent: off}\n")
    assert night.push() == 0
    good = os.environ["MC"]
    monkeypatch.setenv("MC", "0123456789abcdef0123456789abcdef-us1")

    # undo: the others are taken back, then the rest, once the key is right
    assert night.call("undo", "last", "--yes", "--require-all")[0] == 4
    assert tagged(night.world, "hubspot", "Readers") == set(FEWER.values())
    run = night.json("runs")["runs"][1]["id"]
    night.write()
    code, out, _ = night.call("undo", run, "--yes")
    assert code == 4 and "NOT PLANNED: mailchimp" in out
    assert tagged(night.world, "hubspot", "Readers") == set(PEOPLE.values())
    assert tagged(night.world, "mailchimp", "Readers") == set(FEWER.values())
    code, out, _ = night.call("drift")
    assert code == 4 and "NOT READ: mailchimp" in out
    for words in (["adopt", "--yes"], ["push", "--yes", "--refresh"]):
        code, out, _ = night.call(*words)
        assert code == 4 and "NOT PLANNED: mailchimp" in out, words
    document = night.json("plan", "--require-all")
    assert document["exit_code"] == 4 and document["error"]["code"] == "unauthorised"
    assert list(document["error"]["destinations"]) == ["mailchimp"]
    document = night.json("push", "--yes", "--to", "mailchimp")
    assert document["error"]["code"] == "unauthorised", "none is left"
    monkeypatch.setenv("MC", good)
    assert night.push() == 0
    assert tagged(night.world, "mailchimp", "Readers") == set(PEOPLE.values())

    # guards: a message that leads on in the same command; shown as overridden; those of the export stop all
    night.write(FEWER, more="guards: {removes: 1, shrunken_percent: off}\n")
    code, out, err = night.call("push", "--yes")
    assert code == 3 and "sync push --allow removes --reason" in err
    last = night.json("runs")["runs"][-1]["id"]
    assert night.json("undo", last, "--yes")["error"]["next"].startswith(f"sync undo {last} --allow")
    code, out, _ = night.call("plan", "--allow", "removes", "--reason", "a test")
    assert "GUARD removes, overridden by --allow: mailchimp" in out
    path = night.world.folder / "segments.yaml"
    rules = "guards: {removes: off, removes_percent: off, empty: off, floor: 0, shrunken_percent: 10%}\n"
    night.write(FEWER, more=rules)
    path.write_text(path.read_text().replace("audience: Newsletter,", "audience: Newsletter, guards: {floor: 50},"))
    assert night.push() == 3, "the guard of the export trips at two of three destinations, and holds for all"
    assert tagged(night.world, "mailchimp", "Readers") == set(PEOPLE.values())
