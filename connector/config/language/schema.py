"""JSON Schema of segments.yaml as a person writes it.

Owns: json_schema and the shape of the sections; what pydantic reads comes from the models themselves.
Must not: decide what is valid (load() does): the schema helps while typing, and lets through what it cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from connector.config.language.schema_rules import condition, events, number_tests, tests, trait
from connector.config.language.schema_shapes import TEXT, Shape, items, mapping, or_list, ref
from connector.config.sections import platforms, rule_tests
from connector.config.sections.lifecycle import Cleanup, Lifecycle
from connector.config.sections.models import NONE_NEEDED, Config, Destination, Guards, Segment, Source
from connector.config.sections.notify import Notify
from connector.config.sections.quality import Quality
from connector.core.model import Kind, NewContacts, SyncMode
from connector.vendors import VENDORS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Names:
    """Real names to complete. `columns` are those of contacts."""

    columns: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # related ones
    segments: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()


def json_schema(names: Names | None = None) -> dict[str, Any]:
    """The whole file as JSON Schema 2020-12; with `names` it also completes what one project has."""
    known = names or Names()
    defs: dict[str, Shape] = {
        "condition": condition((*known.columns, *known.traits), known.sources, known.segments),
        "tests": tests(),
        "events": events(),
        "numberTests": number_tests(),
        "trait": trait(known.sources),
    }
    models: dict[str, type[BaseModel]] = {
        "Guards": Guards,
        "Lifecycle": Lifecycle,
        "Cleanup": Cleanup,
        "Notify": Notify,
        "Quality": Quality,
    }
    for name, model in models.items():
        defs[name] = _of_model(model, defs)
    defs["Lifecycle"]["properties"]["for"] = _whose(known)
    sections = {
        "version": {"const": 1, "description": "The version of the language."},
        **_some(_of_model(Config, {}), "project", "timezone", "engine", "silence"),
        "sources": _sources(defs),
        "traits": {"type": "object", "additionalProperties": ref("trait")},
        "consent": _consent(),
        "destinations": {"type": "object", "additionalProperties": _destination(defs)},
        "segments": {"type": "object", "minProperties": 1, "additionalProperties": _segment(known, defs)},
        "priorities": {"type": "array", "items": items(_segment_name(known))},
        "guards": ref("Guards"),
        "lifecycle": {"anyOf": [ref("Lifecycle"), items(ref("Lifecycle"))]},
        "cleanup": ref("Cleanup"),
        "notify": ref("Notify"),
        "quality": ref("Quality"),
        "tests": rule_tests.shape(known.segments),
    }
    shape = mapping(sections, ("version", "sources", "segments"))
    return {"$schema": DIALECT, "title": "segments.yaml", **shape, "$defs": _used(shape, defs)}


def _used(shape: Shape, defs: dict[str, Shape]) -> dict[str, Shape]:
    """Those that the file's shape refers to, directly or not (pydantic also brings the nodes of parsed rules)."""
    found: dict[str, Shape] = {}
    todo = [shape]
    while todo:
        names = {part.removeprefix("#/$defs/") for part in _refs(todo.pop())} - found.keys()
        found.update({name: defs[name] for name in names})
        todo.extend(defs[name] for name in names)
    return {name: found[name] for name in sorted(found)}


def _refs(shape: Any) -> Iterator[str]:
    if isinstance(shape, dict):
        if isinstance(shape.get("$ref"), str):
            yield shape["$ref"]
        for part in shape.values():
            yield from _refs(part)
    elif isinstance(shape, list):
        for part in shape:
            yield from _refs(part)


def _of_model(model: type[BaseModel], defs: dict[str, Shape]) -> Shape:
    """pydantic's schema of a model, with its parts moved to `defs`."""
    shape: Shape = _tidy(model.model_json_schema(by_alias=True))
    defs.update({name: part for name, part in shape.pop("$defs", {}).items() if name not in defs})
    return shape


def _tidy(shape: Any) -> Any:
    """Without titles, nulls and defaults of absent keys: nobody writes those."""
    if isinstance(shape, list):
        return [_tidy(item) for item in shape if item != {"type": "null"}]
    if not isinstance(shape, dict):
        return shape
    found = {key: _tidy(item) for key, item in shape.items() if not (key == "default" or _is_title(key, item))}
    options = found.get("anyOf")
    if isinstance(options, list) and len(options) == 1:
        return {**{key: item for key, item in found.items() if key != "anyOf"}, **options[0]}
    return found


def _is_title(key: str, item: Any) -> bool:
    """A title is text; the key “title” of a segment is a shape."""
    return key == "title" and isinstance(item, str)


def _some(shape: Shape, *keys: str) -> dict[str, Shape]:
    return {key: shape["properties"][key] for key in keys}


def _without(shape: Shape, *keys: str) -> dict[str, Shape]:
    return {key: part for key, part in shape["properties"].items() if key not in keys}


def _sources(defs: dict[str, Shape]) -> Shape:
    whole = _of_model(Source, defs)
    whole["properties"]["preset"] = {"enum": platforms.presets(), "default": platforms.NO_PRESET}
    people = mapping(_without(whole, "name", "join", "at"), ("email",))
    related = mapping(_without(whole, "name", "email", "emails", "updated_at"), ("join",))
    shape: Shape = {"type": "object", "properties": {"contacts": people}, "required": ["contacts"]}
    return {**shape, "additionalProperties": related}


def _whose(known: Names) -> Shape:
    """`for:` of a policy: names of segments or of destinations, a condition, or both."""
    accounts = or_list({"enum": sorted(known.destinations)} if known.destinations else TEXT)
    names = {"enum": sorted((*known.segments, *known.destinations))} if known.segments or known.destinations else TEXT
    both = mapping({"when": ref("condition"), "to": accounts}, minProperties=1)
    return {"anyOf": [*or_list(names)["anyOf"], both, ref("condition")]}


def _consent() -> Shape:
    proof = mapping({"at": TEXT, "source": TEXT}, ("at",))
    return {"anyOf": [mapping({"when": ref("condition"), "proof": proof}, ("when",)), {"const": NONE_NEEDED}]}


def _destination(defs: dict[str, Shape]) -> Shape:
    """One shape per platform, so that an editor offers only the keys that it has."""
    whole = _of_model(Destination, defs)
    shapes = []
    for platform, keys in VENDORS.items():
        common = _without(whole, "name", "secret", "settings", *(() if keys.audience else ("audience",)))
        own = {"platform": {"const": platform}, keys.secret: whole["properties"]["secret"]}
        own["new_contacts"] = {"enum": keys.policies, "default": str(NewContacts.SKIP)}
        required = ("platform", keys.secret, *(("audience",) if keys.audience else ()))
        shapes.append(mapping({**common, **own, **dict.fromkeys(keys.settings, TEXT)}, required))
    return {"anyOf": shapes}


def _segment_name(known: Names) -> Shape:
    return {"enum": sorted(known.segments)} if known.segments else TEXT


def _segment(known: Names, defs: dict[str, Shape]) -> Shape:
    plain = _without(_of_model(Segment, defs), "name", "when", "send_to")
    modes = {"enum": [str(mode) for mode in SyncMode]}
    target = mapping({**{str(kind): TEXT for kind in Kind}, "mode": modes}, minProperties=1)
    send_to: Shape = {"type": "object", "additionalProperties": target}
    if known.destinations:
        send_to = mapping(dict.fromkeys(known.destinations, target))
    return mapping({**plain, "when": ref("condition"), "send_to": send_to})
