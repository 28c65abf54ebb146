"""Ctrl-C while a command works.

Owns: what the first and the second one do, and how long a reading may take to end. Must not: know a command, or what is
recorded of it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from connector.cli.terminal import last_words, say_soon
from connector.core import session

GRACE = 1.2  # seconds in which what is read may end by itself
RECORDING = 0.5  # and in which it is recorded that it did not
CODE = 130


class Stop(threading.Event):
    """Set when the user asks to stop. `sending`: from now on what is in flight is waited for. `leaving` is called
    before the process ends in the middle of a reading."""

    def __init__(self) -> None:
        super().__init__()
        self.sending = threading.Event()
        self.over = threading.Event()
        self.leaving: Callable[[], object] | None = None

    def leave(self) -> None:
        """What still reads hangs: nothing was sent, so the process may end as it is."""
        if self.sending.is_set() or self.over.is_set():
            return
        if self.leaving is not None:
            thread = threading.Thread(target=self._recorded, args=(self.leaving,), name="leaving", daemon=True)
            thread.start()
            thread.join(RECORDING)
        if not self.over.is_set():
            session.close_all()
            last_words("Interrupted. Nothing was sent.")
            os._exit(CODE)

    def _recorded(self, leaving: Callable[[], object]) -> None:
        with suppress(Exception):
            leaving()


@contextmanager
def interruptible(leaving: Callable[[], object] | None = None) -> Iterator[Stop]:
    """The first Ctrl-C asks to stop after what is in flight, or, while nothing is sent, within two seconds; the second
    ends at once, as if the process was killed: threads that wait for an answer would hold up any other end, and `sync
    resume` knows what to do. `leaving` as in Stop."""
    stop = Stop()
    stop.leaving = leaving

    def ask(signum: int, frame: object) -> None:
        if stop.is_set():
            session.close_all()
            last_words("Ended. In-flight requests have unknown outcomes: run sync resume.")
            os._exit(CODE)
        stop.set()
        say_soon("Stopping: what is in flight is finished and recorded. Once more to end at once.")
        if not stop.sending.is_set():
            timer = threading.Timer(GRACE, stop.leave)
            timer.daemon = True
            timer.start()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        stop.over.set()
        signal.signal(signal.SIGINT, before)
