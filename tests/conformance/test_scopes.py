"""A right that a push needs and the key lacks is told before the push."""

from __future__ import annotations

import pytest

from connector.rehearsal.core.world import KEYS
from connector.vendors import OWN
from tests.conformance.bench import connect
from tests.conformance.kits import Kit


@pytest.mark.parametrize("kit", ["hubspot"], indirect=True)
def test_a_key_that_may_not_read_opt_outs(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = OWN[kit.name].rights
    assert not connect(kit).lacking(scopes)
    monkeypatch.setitem(KEYS, kit.name, KEYS[kit.name] + "-noconsent")
    (said,) = connect(kit).lacking(["communication_preferences.statuses.batch.read"]).values()
    assert "communication_preferences.statuses.batch.read" in said
