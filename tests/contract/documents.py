"""The vendors' OpenAPI documents, read once and made into validators.

They are not part of the project: the folder is named by CONNECTOR_SPECS (default ../shared/specs beside the project).
Documents of OpenAPI 3.0 become JSON Schema of 2020-12: `nullable` is a choice with null. Stricter than the documents:
a request must not carry a field that the schema does not name, or one that is marked readOnly.

Owns: loading, translating, finding an operation. Must not: judge (judge.py), know a fault of a document
(corrections.py).
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.contract import corrections

FOLDER = Path(os.environ.get("CONNECTOR_SPECS", Path(__file__).parents[2] / "../shared/specs"))
BASES = {"mailchimp": "/3.0", "klaviyo": "", "hubspot": ""}  # what stands before the documents' paths
METHODS = ("get", "post", "put", "patch", "delete")
Json = dict[str, Any]


def missing() -> str:
    """Why nothing can be checked, "" when it can."""
    absent = [vendor for vendor in BASES if not list((FOLDER / vendor).glob("*.json"))]
    if not absent:
        return ""
    return f"the vendors' OpenAPI documents ({', '.join(absent)}) are not in {FOLDER.name}/; set CONNECTOR_SPECS"


@dataclass(frozen=True)
class Operation:
    """One method of one path. `uri` is where the document was registered."""

    vendor: str
    method: str
    template: str
    pattern: re.Pattern[str]
    node: Json
    document: Json
    uri: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.template}"

    @functools.cached_property
    def parameters(self) -> list[Json]:
        shared = self.document["paths"][self.template].get("parameters", [])
        return [self._resolved(each) for each in [*shared, *self.node.get("parameters", [])]]

    @functools.cached_property
    def body(self) -> dict[str, Any]:
        """Media type -> schema of the request, empty when it has none."""
        content = self._resolved(self.node.get("requestBody", {})).get("content", {})
        return {media: value.get("schema", {}) for media, value in content.items()}

    def answer(self, status: int) -> Json | None:
        """Media type -> schema of an answer, empty when it has no body; None when the status is not documented."""
        answers = self.node["responses"]
        found = answers.get(str(status)) or answers.get(f"{status // 100}XX") or answers.get("default")
        if found is None:
            return None
        content = self._resolved(found).get("content", {})
        return {media: value.get("schema", {}) for media, value in content.items()}

    def security(self) -> set[str]:
        """Names of the schemes of which one is enough."""
        wanted = self.node.get("security", self.document.get("security")) or []
        return {name for each in wanted for name in each}

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


@dataclass(frozen=True, eq=False)
class Library:
    """Every operation of one vendor."""

    operations: tuple[Operation, ...]
    registries: Mapping[bool, jsonschema_rs.Registry]  # by: for requests

    def find(self, method: str, path: str) -> Operation | None:
        """The operation that serves this path; the one with the fewest parameters in it wins."""
        found = [one for one in self._methods.get(method.lower(), ()) if one.pattern.fullmatch(path)]
        return min(found, key=lambda one: one.template.count("{"), default=None)

    @functools.cached_property
    def _methods(self) -> dict[str, list[Operation]]:
        found: dict[str, list[Operation]] = {}
        for one in self.operations:
            found.setdefault(one.method, []).append(one)
        return found

    @functools.cache  # noqa: B019  (libraries live as long as the process)
    def validator(self, uri: str, schema: str, request: bool) -> Any:
        """The compiled validator of a schema, given as JSON text."""
        there = f"{uri}-request" if request else uri
        made = _schema(json.loads(schema), there, request, frozenset())
        return jsonschema_rs.Draft202012Validator(
            made, registry=self.registries[request], validate_formats=True, mask="the value"
        )


@functools.cache
def of(vendor: str) -> Library:
    """All documents of a vendor, corrected."""
    operations: list[Operation] = []
    resources: dict[bool, list[tuple[str, Json]]] = {False: [], True: []}
    for file in sorted((FOLDER / vendor).glob("*.json")):
        document = corrections.corrected(vendor, json.loads(file.read_text(encoding="utf-8")))
        uri = f"urn:{vendor}:{file.stem}"
        operations += _operations(vendor, document, uri)
        apart = _composed(document)
        for request, kept in resources.items():
            here = f"{uri}-request" if request else uri
            schemas = document["components"]["schemas"]
            made = {name: _schema(one, here, request, apart, name) for name, one in schemas.items()}
            kept.append((here, {"components": {"schemas": made}}))
    registries = {
        request: jsonschema_rs.Registry(kept, draft=jsonschema_rs.Draft202012) for request, kept in resources.items()
    }
    return Library(tuple(operations), registries)


def _operations(vendor: str, document: Json, uri: str) -> Iterator[Operation]:
    for template, path in document["paths"].items():
        pattern = re.compile(BASES[vendor] + re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template.rstrip("/"))) + "/?")
        for method in METHODS:
            if method in path:
                yield Operation(vendor, method, template, pattern, path[method], document, uri)


def _composed(node: Any) -> frozenset[str]:
    """Names of the schemas that are a part of another one (allOf): these cannot be closed by themselves."""
    if isinstance(node, list):
        return frozenset().union(*map(_composed, node))
    if not isinstance(node, dict):
        return frozenset()
    inside = frozenset().union(*map(_composed, node.values()))
    return inside | {part["$ref"].rsplit("/", 1)[1] for part in node.get("allOf", []) if "$ref" in part}


def _schema(node: Any, uri: str, request: bool, apart: frozenset[str], name: str = "", part: bool = False) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema. `apart` and `part`: not to be closed."""
    if isinstance(node, list):
        return [_schema(each, uri, request, apart) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found: Any = {"$ref": f"{uri}{node['$ref']}"}
    else:
        found = _inner(node, uri, request, apart)
        closed = request and not part and name not in apart
        if closed and ("properties" in node or "allOf" in node) and "additionalProperties" not in node:
            found["unevaluatedProperties"] = False
    if node.get("nullable") is True and len(found):
        return {"anyOf": [found, {"type": "null"}]}
    return found


def _inner(node: Json, uri: str, request: bool, apart: frozenset[str]) -> Json:
    found: Json = {}
    for key, value in node.items():
        if key == "properties":
            kept = {each: one for each, one in value.items() if not (request and one.get("readOnly"))}
            found[key] = {each: _schema(one, uri, request, apart) for each, one in kept.items()}
        elif key == "allOf":
            found[key] = [_schema(one, uri, request, apart, part=True) for one in value]
        elif key == "required" and request:
            hidden = {each for each, one in node.get("properties", {}).items() if one.get("readOnly")}
            found[key] = [each for each in value if each not in hidden]
        elif key in ("oneOf", "anyOf", "items", "additionalProperties", "not"):
            found[key] = _schema(value, uri, request, apart)
        elif key in ("type", "enum", "format", "pattern", "required") or key.startswith(("min", "max", "unique")):
            found[key] = value
    return found
