"""The connector and the slow oracle agree on exports in odd forms: which rows are one person, whose an order is, what
its cells mean.

CONNECTOR_ORACLE_CASES asks for more; a fifth of them are of this kind, because each world is written and read as files.
"""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from connector.config.load import load_text
from connector.segments.evaluate import evaluate
from connector.segments.names import needed
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from tests.oracle import exports, worlds
from tests.oracle.meaning import Oracle
from tests.oracle.sweep import LEAST
from tests.oracle.test_agreement import text

CASES = int(os.environ.get("CONNECTOR_ORACLE_CASES", "100")) // 5
AS_OF = worlds.AS_OF.replace(tzinfo=UTC)


def agree(world: exports.Exports, rules: tuple, where: object, window: str, folder: Path) -> int:  # type: ignore[type-arg]
    made = exports.write(world, folder)
    written = text([*rules[0], rules[1]], worlds.traits(where, window), made)
    config = load_text(written, folder / "segments.yaml")
    found = catalog(config, AS_OF)
    loaded = load(config, found, AS_OF, needed(config, found))
    rows = evaluate(config, loaded, AS_OF).table.to_pylist()
    types = {"contacts": {**exports.TYPES}, "orders": {**worlds.ALL_ORDER_TYPES}}
    people = exports.read(world)
    assert {row["email"] for row in rows} == {person["email"] for person in people}
    oracle = Oracle(config, types, people, worlds.AS_OF)
    for name in config.segments:
        assert {row["email"] for row in rows if row[f"in:{name}"]} == oracle.sent(name), name
    return len(config.segments)


def test_every_person_of_odd_exports(tmp_path: Path) -> None:
    left = CASES

    @settings(
        max_examples=-(-CASES // LEAST), deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(exports.exports, worlds.segments_of(exports.TYPES), worlds.where, worlds.windows)
    def compare(world: exports.Exports, rules: tuple, where: object, window: str) -> None:  # type: ignore[type-arg]
        nonlocal left
        if left > 0:
            left -= agree(world, rules, where, window, tmp_path)

    compare()
    assert left <= 0
