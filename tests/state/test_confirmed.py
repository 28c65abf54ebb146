"""A request leaves only while the last confirmed renewal of the lease is younger than the lease."""

from __future__ import annotations

import time

import pytest

from connector.core.errors import LeaseHeld, LeaseLost, StateError
from connector.state import confirmed
from connector.state.confirmed import Confirmed
from connector.state.store import SqlStore

from .test_lease import Make


class Bench:
    """A lease that a test renews, loses or cannot reach, and the machine's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.asked, self.answer = 1000.0, 0, True
        self.unreachable = False
        monkeypatch.setattr(confirmed, "elapsed", lambda: self.time)
        self.lease = Confirmed("the place", self._renew, self.time, 45)

    def _renew(self) -> bool:
        self.asked += 1
        self.time += 1  # the answer takes a while; what counts is when it was asked for
        if self.unreachable:
            raise StateError("no way")
        return self.answer


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_young_renewal_is_enough(bench: Bench) -> None:
    bench.time += 44
    bench.lease.require()
    assert bench.asked == 0


def test_an_old_one_is_confirmed_first(bench: Bench) -> None:
    bench.time += 46
    bench.lease.require()
    bench.time += 43
    bench.lease.require()
    assert bench.asked == 1
    bench.time += 1  # 45 seconds after it was asked for, 44 after the answer
    bench.lease.require()
    assert bench.asked == 2


def test_a_lost_lease_stays_lost(bench: Bench) -> None:
    bench.time += 46
    bench.answer = False
    with pytest.raises(LeaseLost, match="took over the state the place"):
        bench.lease.require()
    bench.answer = True
    with pytest.raises(LeaseLost):
        bench.lease.require()
    assert bench.asked == 1 and bench.lease.lost


def test_a_state_out_of_reach_is_a_lost_lease(bench: Bench) -> None:
    bench.time += 46
    bench.unreachable = True
    with pytest.raises(LeaseLost, match=r"could not be renewed for 46 s.*sync resume.*no way"):
        bench.lease.require()


def test_after_a_long_silence_nothing_is_sent_even_if_nobody_took_over(bench: Bench) -> None:
    """Who opted out while a laptop slept is not known: only a new run reads it."""
    bench.time += confirmed.SILENT_SECONDS
    with pytest.raises(LeaseLost, match=r"opted out meanwhile.*sync resume"):
        bench.lease.require()
    assert bench.asked == 0


def test_the_clock_counts_sleep() -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("only Linux stops its monotonic clock while a machine sleeps")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= confirmed.elapsed() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_store_asks_its_lease(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make(), make()
    with pytest.raises(StateError, match="without the lease"):
        one.require_lease()
    with one.lease("push"):
        one.require_lease()
        _take_away(one, two)
        one.require_lease()  # the renewal is young: nobody can have taken it by right
        silence = confirmed.elapsed() + 50
        monkeypatch.setattr(confirmed, "elapsed", lambda: silence)
        with pytest.raises(LeaseHeld, match="took over"):
            one.require_lease()


def _take_away(one: SqlStore, two: SqlStore) -> None:
    two._db.run("UPDATE lease SET fence = fence + 1")
