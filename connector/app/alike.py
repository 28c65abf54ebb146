"""How often members reach what their segment is for, for the advice `behaves-alike`.

Owns: which segments can be compared, and why none was. Must not: compute a figure, judge, print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace

if TYPE_CHECKING:
    from connector.config.sections.models import Config
    from connector.measure.performance import Performance
    from connector.segments.advice.rates import Rate
    from connector.state.base import Store

FIGURE = "conversion_rate"


@dataclass(frozen=True, slots=True)
class Looked:
    """Segment -> its rate. `why` nothing could be compared, or empty."""

    rates: Mapping[str, Rate]
    why: str = ""


def look(workspace: Workspace, store: Store | None) -> Looked:
    """Measure the segments that share a goal; no platform is called."""
    from connector.app import measuring

    config = workspace.config
    names = comparable(config)
    why = _impossible(config, names, store)
    if why or store is None:
        return Looked({}, why)
    found = measuring.measure(workspace, store, names, str(config.quality.alike_over))
    return judged(config, found.performances)


def judged(config: Config, performances: Sequence[Performance]) -> Looked:
    """Out of what was measured."""
    from connector.segments.advice.rates import Rate

    names = comparable(config)
    why = _impossible(config, names, None, measured=True)
    if why:
        return Looked({}, why)
    rates = {}
    for one in performances:
        told = next((figure.members for figure in one.figures if figure.name == FIGURE), None)
        if one.segment in names and told and None not in (told.value, told.low, told.high):
            rates[one.segment] = Rate(told.value or 0.0, told.low or 0.0, told.high or 0.0, told.people)
    least = config.quality.alike_people or 0
    known = {name: rate for name, rate in rates.items() if rate.people >= least}
    shared = Counter(str(config.segments[name].goal) for name in known)
    if not any(count > 1 for count in shared.values()):
        return Looked(rates, f"fewer than two segments with one goal have mail to {least:,} members in the period")
    return Looked(rates)


def comparable(config: Config) -> list[str]:
    """Segments with a goal that is measured and that another one has too."""
    from connector.config.sections.measure import Goal

    goals = {name: one.goal for name, one in config.segments.items() if isinstance(one.goal, Goal)}
    shared = Counter(goals.values())
    return [name for name, goal in goals.items() if shared[goal] > 1]


def _impossible(config: Config, names: Sequence[str], store: Store | None, measured: bool = False) -> str:
    if config.quality.alike_people is None or config.quality.alike_over is None:
        return "it is switched off (quality: alike_people)"
    if config.measure is None or config.measure.mail is None:
        return "no source tells of mail (measure: mail)"
    if not names:
        return "no two segments have the same measured goal (goal: {orders: {within: 7 days}})"
    if not measured and (store is None or not store.history.sizes().num_rows):
        return "no push or snapshot has kept who was a member yet"
    return ""
