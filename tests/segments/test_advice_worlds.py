"""Over generated worlds advice never stumbles, and every person who enters or leaves a segment has one reason."""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.segments.advice.check import advise
from connector.segments.advice.members import probes
from connector.segments.advice.model import Evidence
from connector.segments.checks import types_of
from connector.segments.compare import Evaluated, compare, parts
from connector.segments.evaluate import evaluate
from connector.segments.probes import with_probes
from connector.sources.model import Loaded
from tests.oracle import worlds
from tests.oracle.test_agreement import text
from tests.segments.world import loaded

# Ibis 12 asks DuckDB 2 for a schema by a name that is about to go.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
CASES = max(1, int(os.environ.get("CONNECTOR_ORACLE_CASES", "100")) // 20)
AS_OF = worlds.AS_OF.replace(tzinfo=UTC)


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    people=worlds.people, old=worlds.segments, new=worlds.segments, where=worlds.where, window=worlds.windows
)  # fmt: skip
def test_advice_and_difference(people: list[dict[str, Any]], old: Any, new: Any, where: Any, window: str) -> None:
    orders = [{**row, "_email": person["email"]} for person in people for row in person["events"]["orders"]]
    data = loaded(people, worlds.TYPES, {"orders": (orders, worlds.ALL_ORDER_TYPES)})
    both = [
        load_text(text([*rules, last], worlds.traits(where, window)), Path("segments.yaml"))
        for rules, last in (old, new)
    ]
    for item in _advice(both[0], data):
        assert item.place.line and item.message
    sides = [Evaluated(one, evaluate(with_probes(one, parts(one)), data, AS_OF).table) for one in both]
    for change in compare(*sides):
        assert change.before + change.entered.people - change.left.people == change.after
        if change.kind in ("same", "changed"):
            for moved in (change.entered, change.left):
                assert sum(door.people for door in moved.doors) == moved.people


def _advice(config: Config, data: Loaded) -> Any:
    evaluation = evaluate(with_probes(config, probes(config)), data, AS_OF)
    return advise(Evidence(config, data, evaluation, AS_OF, types_of(config, data, AS_OF), ()))
