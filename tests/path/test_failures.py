"""A change that fails again and again is not sent for ever: from a point on it needs a person, and is told so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.app import history
from connector.app.workspace import open_state
from connector.report.history import status_text
from connector.report.plan import text
from connector.report.run import result_text
from connector.report.runs import show_text
from connector.report.upkeep import rejects_text
from connector.state.failures import CODE, TIMES
from tests import launcher
from tests.path.small import Small, small

READERS = "\n  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}}}"
WHO = "toomany@example.com"  # Mailchimp: “has signed up to a lot of lists very recently”, which may pass


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


def test_it_is_tried_five_times_then_it_needs_a_person(world: Small) -> None:
    only = {"to": ("mailchimp",)}
    world.write({"ann": "ann@example.com", "too": WHO}, READERS)
    for number in range(TIMES):
        plan, result = world.push(**only)
        assert result.counts["mailchimp"]["create"]["failed"] == 1 and result.exit_code == 1, number
    assert result.failing["mailchimp"] and "needs a person" in result_text(result)
    with world.open(**only) as workspace, open_state(workspace) as store:
        assert "needs a person" in show_text(history.one(store, result.run_id))
    why = launcher.sync(world.folder, "why", WHO, "--rehearse")
    assert f"needs a person: create keeps_failing: failed on {TIMES} runs since" in why.stdout
    plan = world.plan(**only)
    assert not plan.changes.num_rows and set(plan.blocked["reason"].to_pylist()) == {"needs_person"}
    assert "too_many_signups" in "".join(plan.notes) and f"up to {TIMES} runs since" in "".join(plan.notes)
    assert "needs a person: see `sync rejects`" in text(plan, ZoneInfo("UTC"))
    with world.open(**only) as workspace, open_state(workspace) as store:
        rejects = store.rejects("mailchimp")
        told = rejects_text({"mailchimp": rejects}, verbose=False)
        assert f"failed on {TIMES} runs since" in told and "too_many_signups" in told
        assert "needs a person" in status_text({"mailchimp": store.counts("mailchimp")}, None, [])
        with store.lease("test"):
            store.upkeep.retry(rejects)  # somebody asks
        assert not store.failing("mailchimp").num_rows
    assert world.plan(**only).changes.num_rows
    _, result = world.push(**only)  # once more, and it fails again
    assert result.failing["mailchimp"] and not world.plan(**only).changes.num_rows
    world.write({"ann": "ann@example.com", "changed": WHO}, READERS)  # the person's row changes
    _, result = world.push(**only)
    assert result.counts["mailchimp"]["create"]["failed"] == 1 and not result.failing
    assert world.plan(**only).changes.num_rows
    with world.open(**only) as workspace, open_state(workspace) as store:
        assert CODE not in store.rejects("mailchimp")["code"].to_pylist()
