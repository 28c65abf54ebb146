"""Troubles that the rehearsal makes on purpose.

Owns: Fault, its text form, and the seeded choice of which request is hit. Must not: build answers (the platform does)
or touch sockets (the server does).

Kinds
    error         the vendor's 500, nothing applied          throttle   the vendor's 429
    error_after   applied, then the vendor's 500             blocked    what the vendor's edge answers under load
    unavailable   the vendor's 503                           slow       settings.slow_ms more than usual
    drop_before   the connection closes, nothing applied     garble     applied, but the answer is cut in half
    drop_after    applied, but the connection closes before the answer

Text form, comma separated: [PLATFORM:]KIND=PROBABILITY or [PLATFORM:]KIND@N, where N counts requests from 1 since the
fault was set; "w" before N counts writing requests only: "error=0.05,PLATFORM:drop_after@w3".
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = (
    "error",
    "error_after",
    "unavailable",
    "throttle",
    "blocked",
    "slow",
    "drop_before",
    "drop_after",
    "garble",
)
_FORM = re.compile(
    r"(?:(?P<platform>\w+):)?(?P<kind>\w+)(?:(?P<all>=)(?P<w1>w?)(?P<share>[\d.]+)|@(?P<w2>w?)(?P<nth>\d+))"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Hits each matching request with `share` probability, or exactly the `nth` one when that is not 0."""

    kind: str
    share: float = 0.0
    nth: int = 0
    platform: str = ""  # "": all
    writes_only: bool = False

    def __str__(self) -> str:
        where = f"{self.platform}:" if self.platform else ""
        writes = "w" if self.writes_only else ""
        return f"{where}{self.kind}" + (f"@{writes}{self.nth}" if self.nth else f"={writes}{self.share:g}")


def parse(text: str) -> tuple[Fault, ...]:
    """The faults in a text form. Raises ValueError that says what was expected."""
    return tuple(_one(part.strip()) for part in text.split(",") if part.strip())


def _one(text: str) -> Fault:
    found = _FORM.fullmatch(text)
    if not found or found["kind"] not in KINDS:
        raise ValueError(
            f'Fault "{text}" is not understood. Write KIND=PROBABILITY or KIND@N, with KIND one of {", ".join(KINDS)}.'
        )
    share = float(found["share"] or 0)
    if share > 1:
        raise ValueError(f'Fault "{text}": a probability is between 0 and 1.')
    writes_only = bool(found["w1"] or found["w2"])
    return Fault(found["kind"], share, int(found["nth"] or 0), found["platform"] or "", writes_only)


class Dice:
    """Decides which request is hit. The same seed and the same requests in the same order give the same faults."""

    def __init__(self, faults: Sequence[Fault], seed: int = 1) -> None:
        self._faults = tuple(faults)
        self._counts = [0] * len(self._faults)
        self._random = random.Random(seed)

    def roll(self, platform: str, writes: bool) -> str:
        """The kind of fault for this request, "" for none. The first matching fault wins."""
        hit = ""
        for index, fault in enumerate(self._faults):
            if fault.platform not in ("", platform) or (fault.writes_only and not writes):
                continue
            self._counts[index] += 1
            chosen = self._counts[index] == fault.nth if fault.nth else self._random.random() < fault.share
            hit = hit or (fault.kind if chosen else "")
        return hit
