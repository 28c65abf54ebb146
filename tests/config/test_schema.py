"""The JSON Schema lets every good file through and stops the plain mistakes an editor should show."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connector.config.language.schema import Names, json_schema
from connector.config.yaml.nodes import read
from tests.config.helpers import file_when, file_with
from tests.config.test_rules import TESTS

EXAMPLE = (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


@cache
def _validator(names: Names | None) -> Draft202012Validator:
    """Of a schema that is one: to find that takes half a second."""
    schema = json_schema(names)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def errors(text: str, names: Names | None = None) -> list[str]:
    data = plain(read(text, "segments.yaml").data)
    return [error.json_path for error in _validator(names).iter_errors(data)]


def test_the_example_is_valid() -> None:
    assert errors(EXAMPLE) == []


def test_the_example_is_valid_with_its_names() -> None:
    names = Names(
        columns=("country", "tags", "email"),
        traits=("lifetime_value",),
        sources=("orders", "email_events"),
        segments=("vip", "loyal", "promising", "everyone_else"),
        destinations=("mailchimp", "klaviyo", "hubspot"),
    )
    assert errors(EXAMPLE, names) == []


@pytest.mark.parametrize("condition", [case[0] for case in TESTS])
@pytest.mark.sweep(keep=16)
def test_good_conditions_are_valid(condition: str) -> None:
    assert errors(file_when(condition)) == []


@pytest.mark.parametrize(
    "text",
    [
        file_with(version=""),
        file_with(timezone="timezon: UTC"),
        file_with(traits="traits: {a: {total: orders}}"),
        file_with(destinations="destinations: {k: {platform: klaviyo, api_key: abc}}"),
        file_with(destinations='destinations: {k: {platform: mailchimp, api_key: "${K}"}}'),
        file_with(segments="segments: {a: {when: {c: {atleast: 5}}}}"),
        file_with(segments="segments: {a: {when: {c: {within: 90}}}}"),
        file_with(segments="segments: {a: {when: {all: {c: 1}}}}"),
        file_with(guards="guards: {removal: 5}"),
    ],
)
def test_plain_mistakes_are_shown(text: str) -> None:
    assert errors(text)
