"""Nothing is sent while the platform still works on jobs of before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.core.errors import Retryable
from connector.core.events import Event, Waiting, silent
from connector.push import pending_jobs
from tests.push.fake import FakeClock, FakePlatform

NOW = datetime.now(UTC)


def looks(*jobs: dict[str, datetime | None]) -> FakePlatform:
    return FakePlatform(earlier=list(jobs))


def test_it_waits_for_the_jobs_of_before_and_for_no_others() -> None:
    heard: list[Event] = []
    platform = looks({"a": NOW, "b": None}, {"a": NOW, "later": NOW}, {"later": NOW}, {"later": NOW})
    clock = FakeClock()
    pending_jobs.wait("d", platform, heard.append, clock)
    assert (clock.seconds, len(platform.earlier)) == (3.0, 1)
    assert [event.why for event in heard if isinstance(event, Waiting)] == [
        "earlier jobs that are not over: 2",
        "earlier jobs that are not over: 1",
    ]


def test_without_jobs_nobody_waits() -> None:
    clock = FakeClock()
    pending_jobs.wait("d", looks(), silent, clock)
    assert clock.seconds == 0


def test_it_gives_up_after_a_quarter_of_an_hour_and_says_what_to_do() -> None:
    clock = FakeClock()
    with pytest.raises(Retryable, match=r"2 jobs .* since 20\d\d-.*`sync resume`") as raised:
        pending_jobs.wait("d", looks(*[{"a": NOW, "b": NOW}] * 100), silent, clock)
    assert raised.value.code == "earlier_jobs"
    assert 900 < clock.seconds < 1000


def test_a_job_that_did_not_end_in_a_day_stops_nobody() -> None:
    clock = FakeClock()
    pending_jobs.wait("d", looks({"stuck": NOW - timedelta(days=2)}), silent, clock)
    assert clock.seconds == 0
