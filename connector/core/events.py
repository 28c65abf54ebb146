"""What happens during a run, told to its listeners (progress bars, plain lines, tests, metrics).

Owns: the event values and the listener's type. Must not: carry addresses, secrets or bodies; print.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestSent:
    """One HTTP exchange is over. `writes` tells reads from writes; status 0 means no answer came."""

    destination: str
    method: str
    path: str  # path only: a query may hold an address
    status: int
    seconds: float
    writes: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request waits before it is tried again, or for its turn under the platform's limits."""

    destination: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` records of one step ("reading members", "tag “VIP” add") are over."""

    destination: str
    step: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know and that stops nothing."""

    destination: str
    text: str


Event = RequestSent | Waiting | Progress | Notice
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that ignores everything."""
