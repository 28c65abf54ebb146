"""Before an unknown job is sent again: the jobs that the platform took before are over.

Owns: waiting for them, and giving up. Must not: know whose jobs they are, or what they do.

A job whose answer was lost, or whose sender died before it had noted the number, is sent again; the first one is still
somewhere in the platform's queue. If it ran after a later push, it would put old values in the place of new ones, and
people back into lists that they have left. Nothing tells our jobs from those of others, so all are waited for; those
that come while we wait are not ours, since one run at a time holds the lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connector.core.counts import count_of
from connector.core.errors import Retryable
from connector.core.events import Listener, Progress, Waiting
from connector.platforms.base import Adapter
from connector.platforms.http.limits import Clock

PATIENCE = 15 * 60  # seconds
FIRST, MOST = 1.0, 30.0  # seconds between two looks, doubled each time
LOST = timedelta(days=1)  # what has not ended by then never will: it must not stop us for ever


def wait(destination: str, adapter: Adapter, listener: Listener, clock: Clock) -> None:
    """Return when the jobs of before are over. Raises Retryable after PATIENCE, and whatever asking raises."""
    before = _recent(adapter)
    total, started, pause = len(before), clock.now(), FIRST
    while before:
        if clock.now() - started > PATIENCE:
            raise _too_long(destination, before)
        listener(Progress(destination, "waiting for earlier jobs", total - len(before), total))
        listener(Waiting(destination, pause, f"earlier jobs that are not over: {len(before)}"))
        clock.sleep(pause)
        pause = min(2 * pause, MOST)
        now = adapter.unfinished()
        before = {job: taken for job, taken in before.items() if job in now}
    if total:
        listener(Progress(destination, "waiting for earlier jobs", total, total))


def _recent(adapter: Adapter) -> dict[str, datetime | None]:
    """The unfinished jobs, by the platform's clock. Without a time, a job counts as recent."""
    jobs = adapter.unfinished()
    oldest = adapter.now() - LOST if jobs else None
    return {job: taken for job, taken in jobs.items() if taken is None or oldest is None or taken > oldest}


def _too_long(destination: str, jobs: Mapping[str, datetime | None]) -> Retryable:
    since = min((taken for taken in jobs.values() if taken is not None), default=None)
    when = f", the oldest since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if since else ""
    return Retryable(
        f"{destination}: the platform still works on {count_of(len(jobs), 'job')} that it took before{when}. Older "
        "requests of ours may be among that and would overwrite what is sent now, so nothing was sent. When it is "
        "over, run the command again, or `sync resume` where a run was cut off.",
        destination=destination,
        code="earlier_jobs",
    )
