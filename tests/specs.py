"""The vendors' OpenAPI documents as a judge of requests and answers. They are not part of the project: the folder is
named by CONNECTOR_SPECS (default ../shared/specs), and tests that need it are skipped where it is missing."""

from __future__ import annotations

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

FOLDER = Path(os.environ.get("CONNECTOR_SPECS", Path(__file__).parents[1] / "../shared/specs"))


@functools.cache
def document(vendor: str, name: str, *, null_texts: bool = False) -> dict[str, Any]:
    """One document, made readable for a JSON Schema validator. Skips the test when it is not there.

    null_texts: a map of texts may hold null (HubSpot answers unset properties so, against its own document)."""
    path = FOLDER / vendor / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the vendor's document {vendor}/{name}.json is not here (CONNECTOR_SPECS)")
    found: dict[str, Any] = _readable(json.loads(path.read_text()), null_texts)
    return found


def _readable(node: Any, null_texts: bool) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; without examples."""
    if isinstance(node, list):
        return [_readable(each, null_texts) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _readable(value, null_texts) for key, value in node.items() if key not in ("example", "nullable")}
    extra = found.get("additionalProperties")
    if null_texts and isinstance(extra, dict) and extra.get("type") == "string":
        found["additionalProperties"] = {"type": ["string", "null"]}
    if node.get("nullable") is not True or not ("type" in node or "$ref" in node or "oneOf" in node):
        return found
    return {"anyOf": [found, {"type": "null"}]}


def operation(spec: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation that serves this path. Fails when there is none."""
    for template in sorted(spec["paths"], key=lambda each: each.count("{")):
        if method.lower() in spec["paths"][template] and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            found: dict[str, Any] = spec["paths"][template][method.lower()]
            return found
    raise AssertionError(f"{method} {path} is not in the vendor's document")


def _check(spec: dict[str, Any], schema: Any, value: Any) -> None:
    validator = Draft202012Validator({**schema, "components": spec["components"]})
    problems = [f"{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(value)]
    assert not problems, problems[:5]


def check_request(spec: dict[str, Any], method: str, path: str, query: dict[str, Any], body: Any) -> None:
    """The request as the vendor's document wants it: path, query names and values, body."""
    found = operation(spec, method, path)
    known = {each["name"]: each["schema"] for each in found.get("parameters", []) if each["in"] == "query"}
    assert set(query) <= set(known), f"unknown query names {set(query) - set(known)}"
    for name, value in query.items():
        kind = known[name].get("type")
        _check(spec, known[name], value.split(",") if kind == "array" else int(value) if kind == "integer" else value)
    content = found.get("requestBody", {}).get("content")
    assert (body is not None) == bool(content), "a body where there is none, or none where there is one"
    if content:
        _check(spec, next(iter(content.values()))["schema"], body)


def check_answer(spec: dict[str, Any], method: str, path: str, status: int, body: Any) -> None:
    """The answer as the vendor's document has it. A status that is not listed there must be its error."""
    answers = operation(spec, method, path)["responses"]
    found = answers.get(str(status)) or answers.get("default") or answers.get(f"{status // 100}XX")
    if "$ref" in found:
        found = spec["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
    content = found.get("content")
    if not content:
        assert body is None
        return
    _check(spec, next(iter(content.values()))["schema"], body)
