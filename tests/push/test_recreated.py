"""Whose contact is gone is not created again, and a job that is under way keeps its records."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from connector.core.errors import Auth
from connector.core.model import Op
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import Batch, Done, Job
from connector.state.base import RunState, Store
from tests.push.conftest import Pusher
from tests.push.fake import FakePlatform, capabilities, change, people

PEOPLE = people(4)
FORMER = {email: f"former.{email}" for email in PEOPLE}


@pytest.mark.parametrize("polled", [False, True])
def test_who_is_gone_is_left_out_unless_a_job_has_them(
    push: Pusher, store: Store, monkeypatch: pytest.MonkeyPatch, polled: bool
) -> None:
    """The first two have lost their former contacts when the run is resumed; the job that holds everybody, if it was
    accepted, goes on with all of them, and each answer is about the right person."""
    can = capabilities(specs={Op.CREATE: {"asynchronous": True}}, concurrency=1)
    platform = FakePlatform(replace(can, gone_is_final=True))
    rows = [{"email": email, "remote_id": None, "status": "absent"} for email in PEOPLE]
    rows += [{"email": FORMER[email], "remote_id": f"id-{email}", "status": "subscribed"} for email in PEOPLE]
    store.observe("d", pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA))
    known = [(email, str(n)) for n, one in enumerate(PEOPLE) for email in (one, FORMER[one])]
    store.remember_people("d", pa.table({"email": [one for one, _ in known], "person": [one for _, one in known]}))
    platform.hold(*FORMER.values())
    poll = platform.poll

    def ending(job: str, batch: Batch) -> Done | Job:
        raise RuntimeError("the process ends")

    if polled:
        monkeypatch.setattr(platform, "poll", ending)
        with pytest.raises(RuntimeError):
            push(platform, change(Op.CREATE, PEOPLE))
    else:
        platform.trouble = lambda call, batch: Auth("key") if call == 1 else None
        assert push(platform, change(Op.CREATE, PEOPLE)).state is RunState.FAILED
    for email in PEOPLE[:2]:
        del platform.contacts[FORMER[email]]
    monkeypatch.setattr(platform, "poll", poll)
    result = push.resume(platform)
    assert result.errors == {}
    assert result.counts["d"] == {"create": {"applied": 4} if polled else {"applied": 2, "skipped": 2}}
