"""Turns under limits: exact at the borders of a window, shared pauses, and slower after a throttle."""

from __future__ import annotations

import random
import threading

import pytest

from connector.core.errors import Interrupted
from connector.platforms.base import Window
from connector.platforms.http.limits import RECOVER_SECONDS, Limiter, WallClock
from tests.platforms.clock import TurnedClock


def limiter(*windows: Window, clock: TurnedClock, **buckets: tuple[Window, ...]) -> Limiter:
    return Limiter({"": windows, **buckets}, clock)


def take(limit: Limiter, clock: TurnedClock, bucket: str = "") -> float:
    """The moment at which the next turn was given."""
    while (seconds := limit.ask(bucket)) > 0:
        clock.sleep(seconds)
    return clock.now()


def most_in(times: list[float], seconds: float) -> int:
    """The most turns in any half-open stretch of so many seconds."""
    return max(sum(1 for time in times if start <= time < start + seconds) for start in times)


def test_a_window_gives_its_requests_at_once_and_then_waits_to_its_border() -> None:
    clock = TurnedClock()
    limit = limiter(Window(3, 1.0), clock=clock)
    assert [take(limit, clock) for _ in range(7)] == [1000.0] * 3 + [1001.0] * 3 + [1002.0]


def test_a_turn_is_free_again_exactly_after_the_window() -> None:
    clock = TurnedClock()
    limit = limiter(Window(1, 10.0), clock=clock)
    assert limit.ask("") == 0
    clock.turn(9.999)
    assert limit.ask("") == pytest.approx(0.001)
    clock.turn(0.0010001)
    assert limit.ask("") == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_stretch_holds_more_than_any_of_its_windows_allows(seed: int) -> None:
    clock, chance = TurnedClock(), random.Random(seed)
    limit = limiter(Window(5, 1.0), Window(20, 10.0), clock=clock)
    times = []
    for _ in range(200):
        times.append(take(limit, clock))
        clock.turn(chance.choice([0.0, 0.0, 0.05, 0.4]))
    assert most_in(times, 1.0) <= 5
    assert most_in(times, 10.0) <= 20
    assert most_in(times, 10.0) == 20  # and what is allowed is used


def test_buckets_do_not_wait_for_each_other() -> None:
    clock = TurnedClock()
    limit = limiter(Window(1, 60.0), clock=clock, search=(Window(2, 1.0),))
    assert limit.ask("") == 0
    assert limit.ask("") == pytest.approx(60.0)
    assert [limit.ask("search"), limit.ask("search")] == [0, 0]
    assert limit.ask("search") == pytest.approx(1.0)


def test_a_bucket_without_windows_of_its_own_counts_by_the_general_ones_but_for_itself() -> None:
    clock = TurnedClock()
    limit = limiter(Window(1, 60.0), clock=clock)
    assert [limit.ask("a"), limit.ask("b")] == [0, 0]
    assert limit.ask("a") > 0


def test_without_windows_nothing_waits() -> None:
    limit = Limiter({}, TurnedClock())
    assert {limit.ask("") for _ in range(1000)} == {0}


def test_a_pause_stops_its_bucket_only_and_is_never_shortened() -> None:
    clock = TurnedClock()
    limit = limiter(Window(100, 1.0), clock=clock)
    limit.pause("a", 30.0)
    limit.pause("a", 5.0)
    assert limit.ask("a") == pytest.approx(30.0)
    assert limit.ask("b") == 0


def test_after_a_throttle_the_pace_is_halved_and_comes_back() -> None:
    clock = TurnedClock()
    limit = limiter(Window(8, 1.0), clock=clock)
    limit.pause("", 2.0)
    clock.turn(2.0)
    assert [take(limit, clock) for _ in range(5)] == [1002.0] * 4 + [1003.0]
    clock.turn(RECOVER_SECONDS)
    start = clock.now()
    assert [take(limit, clock) for _ in range(8)] == [start] * 8


def test_many_threads_that_hear_of_one_throttle_halve_the_pace_once() -> None:
    clock = TurnedClock()
    limit = limiter(Window(8, 1.0), clock=clock)
    for _ in range(6):
        limit.pause("", 2.0)
    clock.turn(2.0)
    assert [take(limit, clock) for _ in range(4)] == [1002.0] * 4


def test_the_pace_never_falls_to_nothing() -> None:
    clock = TurnedClock()
    limit = limiter(Window(8, 1.0), clock=clock)
    for _ in range(20):
        limit.pause("", 1.0)
        clock.turn(1.0)
    assert [take(limit, clock), take(limit, clock)] == [1020.0, 1021.0]


def test_a_limit_that_was_halved_without_notice_is_met_with_few_throttles() -> None:
    """The platform allows 5 a second where 10 are published: all get through, and soon nearly unthrottled."""
    clock = TurnedClock()
    limit = limiter(Window(10, 1.0), clock=clock)
    allowed: list[float] = []
    throttles = 0
    while len(allowed) < 200:
        now = take(limit, clock)
        if sum(1 for time in allowed if time > now - 1.0) >= 5:
            throttles += 1
            limit.pause("", 1.0)
            continue
        allowed.append(now)
    assert throttles <= 2
    assert clock.now() - 1000.0 < 60


def test_threads_together_keep_to_the_window() -> None:
    clock = TurnedClock()
    limit = limiter(Window(4, 1.0), clock=clock)
    times: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(10):
            while (seconds := limit.ask("")) > 0:
                clock.sleep(seconds)
            with lock:
                times.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 80
    assert clock.now() - 1000.0 >= 80 / 4 - 1


def test_stop_ends_a_sleep_at_once() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        WallClock(stop).sleep(60)


def test_without_windows_a_throttle_halves_the_requests_in_flight() -> None:
    """Mailchimp counts connections only: fewer at once is all that helps."""
    clock = TurnedClock()
    limit = Limiter({}, clock)
    assert [limit.ask("", 9) for _ in range(9)] == [0] * 9
    limit.pause("", 1.0)
    clock.turn(1.0)
    assert limit.ask("", 9) > 0
    for _ in range(6):
        limit.done("")
    assert limit.ask("", 9) == 0
    assert limit.ask("", 9) > 0  # 4 are in flight again
    clock.turn(RECOVER_SECONDS)
    assert [limit.ask("", 9) for _ in range(5)] == [0] * 5
