"""A request that never left leaves nothing behind that a corrected file could not mend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.errors import ConfigError, PlanError
from connector.core.model import Op
from connector.state.base import RunState, Store
from tests.path.small import Small, small
from tests.path.test_gone import BOTH, PEOPLE, edit, held, tagged


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


@pytest.mark.parametrize("command", ["plan", "push"])
@pytest.mark.parametrize("policy", ["subscribed", "pending"])
@pytest.mark.parametrize("platform", ["klaviyo", "hubspot"])
def test_a_policy_that_is_not_offered_is_refused_before_anything_is_read_or_sent(
    world: Small, platform: str, policy: str, command: str
) -> None:
    world.to = (platform,)
    world.write(PEOPLE, BOTH.replace("PLATFORM", platform))
    edit(world, f"{platform}: {{platform: {platform}", f"{platform}: {{new_contacts: {policy}, platform: {platform}")
    edit(world, ", new_contacts: transactional, fields: {first", ", fields: {first")
    before = world.running.requests()
    with pytest.raises(ConfigError, match=rf"segments.yaml:\d+:\d+: error\[not-offered\]: .*“{policy}”"):
        getattr(world, command)(to=(platform,))
    assert world.running.requests() == before


def stick(store: Store, run: str, platform: str) -> None:
    """As versions before left it: the CREATE counts as sent, asks for what the platform does not have, and no request
    was made."""
    create = next(step for step in store.journal.steps(run, platform) if step.op is Op.CREATE)
    store._db.run("UPDATE change SET new_status = 'subscribed' WHERE step = ?", [create.id])  # type: ignore[attr-defined]
    for batch in store.journal.cut(create, 1000):
        store.journal.sent(batch)
    store.journal.finish(run, RunState.FAILED, {})


@pytest.mark.parametrize("platform", ["klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_a_state_that_is_stuck_comes_free(world: Small, platform: str) -> None:
    world.to = (platform,)
    world.write(PEOPLE, BOTH.replace("PLATFORM", platform))
    with world.open(to=(platform,)) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        with store.lease("push"):
            parts = {"plan_id": plan.id, "as_of": plan.as_of, "made_at": plan.made_at, "changes": plan.changes}
            run = store.open_run(**parts, revisions=plan.revisions, export=plan.export)
            stick(store, run, platform)
        with pytest.raises(PlanError, match="sync resume"):
            store.require_finished()
        result = pushing.resume(workspace, store)
        assert result is not None
        assert (result.state, result.exit_code, result.errors) == (RunState.DONE, 1, {})
        assert result.counts[platform]["create"] == {"failed": 4}
    assert not held(world, platform) & set(PEOPLE.values())
    _, result = world.push(to=(platform,))
    assert result.exit_code == 0 and set(PEOPLE.values()) <= held(world, platform)
    assert tagged(world, platform, "Readers") == set(PEOPLE.values())
    plan, _ = world.push(to=(platform,))
    assert not plan.changes.num_rows
