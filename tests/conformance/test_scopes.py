"""A scope that a push needs and the key lacks is told by `check`, before the push."""

from __future__ import annotations

import pytest

from connector.rehearsal.core.world import KEYS
from tests.conformance.bench import connect
from tests.conformance.kits import Kit


@pytest.mark.parametrize("kit", ["hubspot"], indirect=True)
def test_a_key_that_may_not_read_opt_outs(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not connect(kit).check({}).problems
    monkeypatch.setitem(KEYS, kit.name, KEYS[kit.name] + "-noconsent")
    (problem,) = connect(kit).check({}).problems
    assert "Opt-outs cannot be read" in problem and "communication_preferences" in problem
