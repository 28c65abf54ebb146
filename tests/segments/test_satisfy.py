"""“Never” and “always” are claimed only where the slow oracle finds nobody to the contrary."""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector.config.load import load_text
from connector.segments.advice.rules import puzzle_of
from connector.segments.checks import types_of
from connector.sources.model import QUARANTINE_SCHEMA, Loaded
from tests.oracle import worlds
from tests.oracle.meaning import Oracle
from tests.oracle.test_agreement import text

CASES = max(100, int(os.environ.get("CONNECTOR_ORACLE_CASES", "100")) // 2)
TYPES = {"contacts": {**worlds.TYPES, "email": "text"}, "orders": dict(worlds.ALL_ORDER_TYPES)}


def _about_one(name: str) -> st.SearchStrategy[Any]:
    """Several tests of one column (or of counts): these contradict each other often enough to matter."""
    leaf = worlds.TESTS[worlds.TYPES[name]].map(lambda test: {name: test}) if name in worlds.TYPES else worlds.events
    pair = st.lists(leaf | leaf.map(lambda part: {"not": part}), min_size=2, max_size=4)
    return pair.map(lambda parts: {"all": parts}) | pair.map(lambda parts: {"any": parts})


rules = st.sampled_from(["visits", "spent", "nick", "born", "seen", "opted", "tags", "orders"]).flatmap(_about_one)
claims: set[str] = set()


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(people=worlds.people, found=st.lists(rules, min_size=4, max_size=8), where=worlds.where, window=worlds.windows)
def test_nobody_contradicts(people: list[dict[str, Any]], found: list[Any], where: Any, window: str) -> None:
    config = load_text(text(found, worlds.traits(where, window)), Path("segments.yaml"))
    data = Loaded(None, None, {}, TYPES, QUARANTINE_SCHEMA.empty_table())  # type: ignore[arg-type]
    as_of = worlds.AS_OF.replace(tzinfo=UTC)
    puzzle = puzzle_of(config, data, as_of, types_of(config, data, as_of))
    oracle = Oracle(config, TYPES, people, worlds.AS_OF)
    for name, segment in config.segments.items():
        if not puzzle.possible(segment.when):
            claims.add("never")
            assert oracle.members(name) == set(), segment.when
        if not puzzle.possible(segment.when, holds=False):
            claims.add("always")
            assert oracle.members(name) == {person["email"] for person in people}, segment.when


def test_something_was_claimed() -> None:
    """The test above looks at claims: there must have been some of both kinds."""
    if not claims:
        test_nobody_contradicts()
    assert claims == {"never", "always"}
