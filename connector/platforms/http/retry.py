"""When a request is tried again, and how long it waits before.

Owns: the retry policy, the tally of one request's tries, reading Retry-After. Must not: send, sleep, know a platform.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import tenacity

from connector.core.errors import Retryable
from connector.platforms.http.served import date


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Up to `attempts` tries; between them the platform's own wait, else `first` · 2^n seconds with jitter, at most
    `ceiling`. A throttled request (429, or a stated wait) is no failure: it is tried until it has waited `patience`
    seconds in all, and given up at once when the platform states a longer wait than that."""

    attempts: int = 6
    first: float = 1.0
    ceiling: float = 60.0
    patience: float = 600.0


@dataclass(slots=True)
class Tries:
    """What happened to one request so far. `throttled` is about the latest try."""

    policy: RetryPolicy
    bucket: str
    failures: int = 0
    throttled: bool = False

    def over(self, state: tenacity.RetryCallState) -> bool:
        if (_told(state) or 0.0) > self.policy.patience:
            return True
        if self.throttled:
            return state.idle_for >= self.policy.patience
        self.failures += 1
        return self.failures >= self.policy.attempts

    def wait(self, state: tenacity.RetryCallState) -> float:
        told = _told(state)
        jitter = random.uniform(0, self.policy.first / 2)  # so that requests that failed together part company
        if told is not None:
            return told + jitter
        growing = tenacity.wait_exponential(multiplier=self.policy.first, max=self.policy.ceiling)
        return min(growing(state) + jitter, self.policy.ceiling)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header in seconds; it may be a number or a date (RFC 9110, section 10.2.3), which counts from
    the answer's own Date."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - (date(headers) or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None


def _told(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, Retryable) else None
