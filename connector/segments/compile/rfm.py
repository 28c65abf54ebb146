"""Recency, frequency and monetary value in fifths, and the ten names of their combinations.

Owns: the four columns of an rfm trait. Must not: compute the measures (related.py).

The score is 1 + floor(5 x people strictly below / people with an event), so that equal behaviour has an equal score;
below is older, rarer or of less value. People without an event are missing.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.datatypes as dt

from connector.config.language.rules import Rfm
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import Ask
from connector.segments.compile.rewrite import bare

# (recency from, recency to, frequency from, frequency to): name
NAMES = {
    (5, 5, 4, 5): "champions",
    (3, 4, 4, 5): "loyal",
    (4, 5, 2, 3): "potential loyalist",
    (5, 5, 1, 1): "new",
    (4, 4, 1, 1): "promising",
    (3, 3, 3, 3): "needs attention",
    (3, 3, 1, 2): "about to sleep",
    (1, 2, 3, 4): "at risk",
    (1, 2, 5, 5): "cannot lose",
    (1, 2, 1, 2): "hibernating",
}


def asks(trait: Rfm) -> tuple[Ask, Ask, Ask, Ask]:
    """What must be known of every person: last time, number of events, value, number of valued events."""
    where = bare(trait.where)
    return (
        Ask(trait.recency[0], "latest", trait.recency[1], None, where),
        Ask(trait.frequency, "count", None, None, where),
        Ask(trait.monetary[0], "sum", trait.monetary[1], None, where),
        Ask(trait.monetary[0], "count", None, None, where),
    )


def add(frame: Frame, name: str, trait: Rfm) -> None:
    """The columns NAME.recency, .frequency, .monetary and .segment."""
    last, number, value, valued = (frame.columns[ask] for ask in asks(trait))
    recency = _fifth(frame, f"{name}.recency", last, last.value.notnull())
    frequency = _fifth(frame, f"{name}.frequency", number, number.value > 0)
    _fifth(frame, f"{name}.monetary", value, valued.value > 0)
    cases = [
        (recency.between(first, second) & frequency.between(third, fourth), words)
        for (first, second, third, fourth), words in NAMES.items()
    ]
    frame.derive(f"{name}.segment", "text", dt.string, ibis.cases(*cases))


def _fifth(frame: Frame, name: str, column: Column, counts: Any) -> Any:
    below = ibis.rank().over(group_by=[counts], order_by=[column.value])
    people = frame.person.count().over(group_by=[counts])
    score = 1 + (5 * below.cast("int64")) // people.cast("int64")
    return frame.derive(name, "integer", dt.int64, ibis.cases((counts, score.cast("int64")))).value
