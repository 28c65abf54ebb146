"""Is a request, or an answer, what the vendor's document says?

Owns: the rules of reading one: path, query, headers, credentials, body. Must not: send, record, or excuse anything
(corrections.py does, by name).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.contract import corrections, documents
from tests.contract.documents import Json, Operation

SCHEMES = {"basicAuth": "Basic", "Klaviyo-API-Key": "Klaviyo-API-Key", "oauth2": "Bearer"}
MOST = 4  # faults told per request


@dataclass(frozen=True)
class Exchange:
    """One request, and what was answered if that is known. Header names are lower case."""

    vendor: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None

    @functools.cached_property
    def operation(self) -> Operation | None:
        return documents.of(self.vendor).find(self.method, corrections.path(self.vendor, self.path))

    def __str__(self) -> str:
        return f"{self.vendor}: {self.method} {self.operation.template if self.operation else self.path}"


def request_faults(made: Exchange) -> list[str]:
    """What is wrong with a request, [] when nothing is."""
    if corrections.outside(made.vendor, made.path, ""):
        return []
    found = made.operation
    if found is None:
        return ["no such operation in the vendor's document"]
    faults = [*_query_faults(found, made), *_header_faults(found, made), *_body_faults(found, made)]
    return faults + [fault for inner in _inner(found, made) for fault in request_faults(inner)]


def answer_faults(made: Exchange) -> list[str]:
    """What is wrong with an answer, [] when nothing is."""
    media = made.answer_headers.get("content-type", "").split(";")[0]
    if corrections.outside(made.vendor, made.path, media):
        return []
    found = made.operation
    if found is None:
        return ["no such operation in the vendor's document"]
    content = found.answer(made.status)
    if content is None:
        return [f"status {made.status} is not documented"]
    if (made.answer is None) != (not content):
        return [f"status {made.status}: a body where there should be none, or none where there should be one"]
    if not content:
        return []
    if media not in content and "*/*" not in content:
        return [f"status {made.status}: {media or 'no content type'} is not documented"]
    schema = content.get(media, content.get("*/*"))
    return [f"status {made.status}: {fault}" for fault in _validate(found, schema, made.answer, request=False)]


def _inner(found: Operation, made: Exchange) -> Iterator[Exchange]:
    """The requests inside a Mailchimp batch."""
    if str(found) != "POST /batches":
        return
    for one in json.loads(made.body).get("operations", []):
        path = "/3.0/" + one.get("path", "").removeprefix("/").removeprefix("3.0/")
        query = "&".join(f"{name}={value}" for name, value in one.get("params", {}).items())
        yield Exchange(made.vendor, one.get("method", ""), path, query, made.headers, one.get("body", ""))


def _query_faults(found: Operation, made: Exchange) -> Iterator[str]:
    given = parse_qs(made.query, keep_blank_values=True, strict_parsing=bool(made.query))
    known = {one["name"]: one for one in found.parameters if one["in"] == "query"}
    for name in given.keys() - known.keys():
        yield f"query {name}: not documented"
    for name, one in known.items():
        if name not in given:
            if one.get("required"):
                yield f"query {name}: missing"
            continue
        try:
            value = _read(one, given[name])
        except ValueError:
            yield f"query {name}: not of type {one['schema'].get('type')}"
            continue
        yield from (f"query {name}: {fault}" for fault in _validate(found, one["schema"], value, request=True))


def _read(parameter: Json, values: list[str]) -> Any:
    """A query value as the document writes it. Raises ValueError for what cannot be of its type."""
    kind = parameter["schema"].get("type")
    if kind == "array":
        return values if parameter.get("explode", True) else ",".join(values).split(",")
    if len(values) != 1:
        raise ValueError(parameter["name"])
    if kind == "boolean":
        return {"true": True, "false": False}.get(values[0]) or json.loads(values[0])
    return {"integer": int, "number": float}.get(kind, str)(values[0])


def _header_faults(found: Operation, made: Exchange) -> Iterator[str]:
    for one in found.parameters:
        if one["in"] == "header" and one.get("required") and one["name"].lower() not in made.headers:
            yield f"header {one['name']}: missing"
    schemes = {SCHEMES[name] for name in found.security() if name in SCHEMES}
    scheme = made.headers.get("authorization", "").split(" ")[0]
    if schemes and scheme not in schemes:
        yield f"credentials: {scheme or 'none'} instead of {' or '.join(sorted(schemes))}"
    wanted = made.headers.get("accept", "*/*")
    answers = found.answer(200) or found.answer(201) or {}
    if answers and "*/*" not in wanted and not any(media in wanted for media in answers):
        yield f"header accept: {wanted} is not answered"


def _body_faults(found: Operation, made: Exchange) -> Iterator[str]:
    if not made.body:
        if found.body and found.node["requestBody"].get("required", True):
            yield "body: missing"
        return
    if not found.body:
        yield "body: not documented"
        return
    media = made.headers.get("content-type", "application/json").split(";")[0]
    if media not in found.body:
        yield f"body: {media} is not documented"
        return
    yield from (f"body {fault}" for fault in _validate(found, found.body[media], json.loads(made.body), request=True))


def _validate(found: Operation, schema: Any, value: Any, *, request: bool) -> list[str]:
    """Faults without the values: these may be addresses."""
    validator = documents.of(found.vendor).validator(found.uri, json.dumps(schema), request)
    if validator.is_valid(value):
        return []
    faults = []
    for error in validator.iter_errors(value):
        where = "/".join("*" if isinstance(part, int) else str(part) for part in error.instance_path)
        text = f"{where or '(whole)'}: {error.message[:300]}"
        if text not in faults:
            faults.append(text)
        if len(faults) == MOST:
            break
    return faults
