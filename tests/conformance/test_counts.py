"""A job or batch that says “done” and leaves somebody out: their outcome is unknown, not applied."""

from __future__ import annotations

import pytest

from connector.core.model import Op, Outcome
from tests.conformance.bench import PEOPLE, batch, connect, finish, outcomes
from tests.conformance.kits import Kit

LEFT = PEOPLE[1]
# An operation that is a job or batch. Brevo's processes tell no counts.
CASES = {"klaviyo": Op.CREATE, "hubspot": Op.CREATE, "mailchimp": Op.RETIRE}


@pytest.mark.parametrize("kit", list(CASES), indirect=True)
def test_who_is_left_out_is_unknown(kit: Kit) -> None:
    """The others too, where the counts do not tell who it was."""
    op, text = CASES[kit.name], LEFT
    adapter = connect(kit)
    if op is not Op.CREATE:
        finish(adapter, batch(adapter, Op.CREATE, None, PEOPLE))
        text = batch(adapter, op, None, PEOPLE).records["remote_id"][1].as_py()  # its requests go by the id
    kit.running.settings(forgets=text)
    found = outcomes(finish(adapter, batch(adapter, op, None, PEOPLE)), len(PEOPLE))
    assert found[1] is Outcome.UNKNOWN
    assert {found[0], found[2]} == {Outcome.UNKNOWN if kit.name == "klaviyo" else Outcome.APPLIED}
