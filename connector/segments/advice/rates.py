"""How often the members of a segment do what it is for, as measured.

Owns: Rate. Must not: measure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`share` of `people`, with its interval."""

    share: float
    low: float
    high: float
    people: int

    def like(self, other: Rate) -> bool:
        """Whether each lies within the interval of the other."""
        return self.low <= other.share <= self.high and other.low <= self.share <= other.high
