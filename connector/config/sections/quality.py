"""The section `quality`: from when on a segment is told to be too small, too like another one, or unsteady.

Owns: the thresholds and their defaults. Must not: judge a segment (connector/segments/advice does).
"""

from __future__ import annotations

from connector.config.language.rules import Duration
from connector.config.sections.fields import Limit, LimitPercent, Model, Window


class Quality(Model):
    """None switches a threshold off."""

    smallest: Limit = 10  # members; fewer are too few to act on
    smallest_share: LimitPercent = 1.0  # of the contacts; only a segment that is also under this is small
    everyone: LimitPercent = 95.0  # of the contacts; a segment with more tells nobody apart
    most_segments: Limit = 6  # sent to one destination
    overlap: LimitPercent = 10.0  # of the smaller of two segments
    nearly_same: LimitPercent = 70.0  # of the larger of two segments
    turnover: LimitPercent = 25.0  # of the members, exchanged per week
    alike_people: Limit = 100  # with mail, behind each of two goal rates that are compared
    alike_over: Window = Duration(30, "day")  # the period that goal rates are measured in
    stale_after: Window = Duration(7, "day")  # of the newest file of a source without `max_age`

    def small(self, size: int, contacts: int) -> bool:
        """Whether so many are too few to act on. `smallest` that is written alone holds whatever their share."""
        if self.smallest is None or size >= self.smallest:
            return False
        written = self.model_fields_set
        share = None if "smallest" in written and "smallest_share" not in written else self.smallest_share
        return share is None or size < share / 100 * contacts


def over(part: float, whole: float, limit: float | None) -> bool:
    """Whether a share is over its limit."""
    return limit is not None and part > limit / 100 * whole
