"""Whether the lease is ours right now, as far as this process can prove.

Owns: when the lease was last confirmed, by a clock that counts sleep; renewing it in time. Must not: know where a lease
lies.

A process cannot see that it was stopped. It can see that its last confirmed renewal is too old, so nothing is sent then
before the lease was confirmed once more. After a long silence nothing is sent at all: who opted out meanwhile is not
known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from connector.core.errors import LeaseLost, StateError

SILENT_SECONDS = 900  # after that, only a new run may send, which reads opt-outs again


def elapsed() -> float:
    """Seconds that grow while a machine sleeps, too: Linux stops CLOCK_MONOTONIC then, others do not."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Confirmed:
    """A lease that was taken at `since` (elapsed). `renew` renews it where it lies, and tells whether it is still ours;
    it raises StateError when that cannot be asked. `trusted` is for how long that then holds."""

    def __init__(self, place: str, renew: Callable[[], bool], since: float, trusted: float) -> None:
        self._place = place
        self._renew = renew
        self._at = since
        self._trusted = trusted
        self._lost = False
        self._renewing = threading.Lock()

    @property
    def lost(self) -> bool:
        return self._lost

    def require(self) -> None:
        """Raises LeaseLost unless the lease is ours. Asks nobody while the last renewal is young enough."""
        if not self._lost and self._age() < self._trusted:
            return
        with self._renewing:
            if not self._lost and self._age() >= self._trusted:
                self._confirm()
            self._refuse_lost()

    @contextmanager
    def renewed(self, every: float) -> Iterator[None]:
        """Renewed in time for as long as the block."""
        stop = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(stop, every), name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            stop.set()
            renewing.join()

    def _renew_until(self, stop: threading.Event, every: float) -> None:
        while not stop.wait(every) and not self._lost:
            with self._renewing, suppress(StateError):  # `require` finds out before the next request
                if self._age() < SILENT_SECONDS:
                    self._ask()

    def _confirm(self) -> None:
        silent = self._age()
        if silent >= SILENT_SECONDS:
            raise LeaseLost(
                f"For {silent:.0f} s this command did not run, or could not reach the state {self._place}. "
                "Nothing more was sent, since somebody may have opted out meanwhile. Go on with `sync "
                "resume`, which reads that first."
            )
        try:
            self._ask()
        except LeaseLost:
            raise
        except StateError as error:
            raise LeaseLost(
                f"The lease of the state {self._place} could not be renewed for {silent:.0f} s, so another process may "
                f"have it by now. Nothing more was sent. Then go on with `sync resume`. {error}"
            ) from None

    def _ask(self) -> None:
        """The moment before the question counts: what was true then is known to have been true."""
        before = elapsed()
        if self._renew():
            self._at = before
        else:
            self._lost = True

    def _age(self) -> float:
        return elapsed() - self._at

    def _refuse_lost(self) -> None:
        if self._lost:
            raise LeaseLost(
                f"Another process took over the state {self._place} while this one was not responding. "
                "Nothing more was sent or written; see `sync runs` for what the other did."
            )
