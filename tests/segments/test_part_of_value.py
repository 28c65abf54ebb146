"""A word of a rule that other cells hold among others is told: those people are not meant by the rule as it stands."""

from __future__ import annotations

from typing import Any

import pytest

from connector.segments.advice import data
from connector.segments.advice.model import Evidence
from connector.segments.checks import types_of
from connector.segments.evaluate import evaluate
from tests.segments.world import AS_OF, config, loaded

CELLS = ("VIP, press", "vip", "Berlin", "new; old", "viper, local")


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        ("{tags: vip}", "“VIP, press”"),
        ("{tags: {is_not: vip}}", "“VIP, press”"),
        ("{tags: {in: [berlin, old]}}", "“new; old”"),
        ("{tags: berlin}", ""),
        ("{tags: {contains: vip}}", ""),
        ("{list: {has: vip}}", ""),
    ],
)
def test_a_word_that_is_one_of_several(rule: str, shown: str) -> None:
    people: list[dict[str, Any]] = [
        {"email": f"p{number}@example.com", "tags": cell, "list": [cell]} for number, cell in enumerate(CELLS)
    ]
    made, held = config(f"  s: {{when: {rule}}}\n"), loaded(people, {"tags": "text", "list": "list"})
    given = Evidence(made, held, evaluate(made, held, AS_OF), AS_OF, types_of(made, held, AS_OF), ())
    found = [one.message for one in data.advice(given) if one.code == "part-of-value"]
    assert len(found) == bool(shown) and shown in "".join(found)
