"""The connector and the slow oracle agree on every person of generated worlds. CONNECTOR_ORACLE_CASES asks for more."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis

from connector.config.load import load_text
from connector.segments.evaluate import evaluate
from tests.oracle import worlds
from tests.oracle.meaning import Oracle
from tests.oracle.sweep import World, sweep
from tests.segments.world import loaded

CONNECTION = ibis.duckdb.connect()
CASES = int(os.environ.get("CONNECTOR_ORACLE_CASES", "100"))


def flow(value: Any) -> str:
    """A value in YAML's flow style, which is JSON with plain decimals."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def used(traits: dict[str, Any], rules: list[Any]) -> dict[str, Any]:
    """The traits that the rules name, and those that they are made of: the others only cost time."""
    text, found = flow(rules), dict[str, Any]()
    for name, body in reversed(traits.items()):  # a trait stands after those it is made of
        if re.search(rf'"{name}[".]|\b{name}\b', text):
            found[name] = body
            text += flow(body)
    return dict(reversed(found.items()))


SOURCES = {
    "contacts": {"file": "contacts.csv", "email": "email"},
    "orders": {"file": "orders.csv", "join": {"email": "email"}, "at": "at"},
}


def text(rules: list[Any], traits: dict[str, Any], sources: dict[str, Any] = SOURCES) -> str:
    names = [f"s{number}" for number in range(len(rules))]
    document = {
        "version": 1,
        "timezone": "Europe/Berlin",
        "sources": sources,
        "traits": used(traits, rules) or {"orders_count": {"count": "orders"}},
        "segments": {name: {"when": rule} for name, rule in zip(names, rules, strict=True)},
        "priorities": [names[1:4]],
    }
    return "\n".join(f"{key}: {flow(value)}" for key, value in document.items())


def agree(world: World) -> int:
    people, segments, where, window, _ = world
    config = load_text(text([*segments[0], segments[1]], worlds.traits(where, window)), Path("segments.yaml"))
    orders = [{**row, "_email": person["email"]} for person in people for row in person["events"]["orders"]]
    tables = loaded(people, worlds.TYPES, {"orders": (orders, worlds.LINE_TYPES)}, CONNECTION)
    found = evaluate(config, tables, worlds.AS_OF.replace(tzinfo=UTC)).table.to_pylist()
    oracle = Oracle(config, tables.types, people, worlds.AS_OF)
    for name in config.segments:
        assert {row["email"] for row in found if row[f"in:{name}"]} == oracle.sent(name), name
    return len(config.segments)


def test_every_person_of_every_segment() -> None:
    sweep(CASES, agree)
