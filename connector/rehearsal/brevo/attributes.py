"""Attributes of the rehearsed Brevo: their definitions, and which value fits which type.

Owns: bv_attribute, its endpoints, and the merging of values. Must not: write a contact.

A value of an attribute that does not exist, or of another type, is silently ignored. In an import every value is
text; there JSON's false, 0 and null count as empty (sendinblue/APIv3-python-library issue 95), and lists are ignored
(nothing documents them there).
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from connector.rehearsal.brevo import wire
from connector.rehearsal.core.world import Request, Response, Route, World

CATEGORIES = ("normal", "transactional", "category", "calculated", "global")
TYPES = ("text", "date", "float", "boolean", "id", "category", "multiple-choice", "user")
FIRST = (("FIRSTNAME", "text"), ("LASTNAME", "text"), ("SMS", "text"), ("BIRTHDAY", "date"), ("OPT_IN", "boolean"),
         ("LTV", "float"))  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_TABLE = """CREATE TABLE IF NOT EXISTS bv_attribute (
    name TEXT PRIMARY KEY, category TEXT NOT NULL, type TEXT NOT NULL, options TEXT NOT NULL)"""


class Definition(NamedTuple):
    category: str
    type: str
    options: list[str]


def install(db: sqlite3.Connection) -> None:
    db.execute(_TABLE)
    if not db.execute("SELECT 1 FROM bv_attribute").fetchone():
        db.executemany("INSERT INTO bv_attribute VALUES (?, 'normal', ?, '[]')", FIRST)


def routes() -> list[Route]:
    return [
        Route("GET", "/v3/contacts/attributes", _all),
        Route("POST", "/v3/contacts/attributes/{category}/{name}", _create),
        Route("PUT", "/v3/contacts/attributes/{category}/{name}", _update),
        Route("DELETE", "/v3/contacts/attributes/{category}/{name}", _delete),
    ]


def definitions(db: sqlite3.Connection) -> dict[str, Definition]:
    found = db.execute("SELECT name, category, type, options FROM bv_attribute")
    return {name: Definition(category, kind, json.loads(options)) for name, category, kind, options in found}


# -- values -------------------------------------------------------------------------------------------------------


def merged(known: Mapping[str, Definition], held: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a contact has after a write of one contact. "" and null clear."""
    result = dict(held)
    for name, value in given.items():
        if name not in known or name == "EMAIL":
            continue
        if value in ("", None) and not isinstance(value, bool):
            result.pop(name, None)
        elif (fitting := _fitting(known[name], value)) is not None:
            result[name] = fitting
    return result


def imported(
    known: Mapping[str, Definition], held: Mapping[str, Any], given: Mapping[str, Any], empties: bool
) -> dict[str, Any]:
    """What a contact has after a row of an import. `given` has every column of the table; with `empties` the empty
    ones erase."""
    result = dict(held)
    for name, value in given.items():
        if name not in known or name == "EMAIL" or isinstance(value, list | dict):
            continue
        text = str(value).strip() if value else ""
        if text:
            fitting = _fitting(known[name], text)
            if fitting is not None:
                result[name] = fitting
        elif empties:
            result.pop(name, None)
    return result


def _fitting(definition: Definition, value: Any) -> Any:
    """The value as it is stored, None when it does not fit the type."""
    match definition.type:
        case "text" if isinstance(value, str):
            return value
        case "float":
            return _number(value)
        case "boolean":
            return _truth(value)
        case "date" if isinstance(value, str):
            return _day(value)
        case "multiple-choice" if isinstance(value, list):
            return [option for option in value if option in definition.options]
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _truth(value: Any) -> bool | None:
    text = str(value).lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _day(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None


# -- endpoints ----------------------------------------------------------------------------------------------------


def _all(world: World, request: Request) -> Response:
    shown: list[dict[str, Any]] = [{"name": "EMAIL", "category": "normal", "type": "text"}]
    for name, (category, kind, options) in definitions(world.db).items():
        more = {"multiCategoryOptions": options} if kind == "multiple-choice" else {}
        shown.append({"name": name, "category": category, "type": kind, **more})
    return Response(200, {"attributes": shown})


def _named(request: Request) -> tuple[str, str]:
    category, name = request.params["category"], request.params["name"]
    if category not in CATEGORIES:
        raise wire.refuse(wire.INVALID, "Invalid attribute category")
    if not _NAME.fullmatch(name):
        raise wire.refuse(wire.INVALID, "Attribute name should only contain alphanumeric characters and underscores")
    return category, name.upper()


def _create(world: World, request: Request) -> Response:
    (category, name), given = _named(request), wire.body(request)
    kind, options = given.get("type"), given.get("multiCategoryOptions") or []
    if kind not in TYPES:
        raise wire.refuse(wire.INVALID, "Invalid attribute type")
    if kind == "multiple-choice" and (category != "normal" or not options):
        raise wire.refuse(wire.MISSING, "multiCategoryOptions is missing")
    _check(options)
    if name == "EMAIL" or name in definitions(world.db):
        raise wire.refuse(wire.DUPLICATE, "Attribute name must be unique")
    world.db.execute("INSERT INTO bv_attribute VALUES (?, ?, ?, ?)", (name, category, kind, json.dumps(options)))
    return Response(201)


def _check(options: Any) -> None:
    if not isinstance(options, list) or any(not isinstance(one, str) or len(one) > 200 for one in options):
        raise wire.refuse(wire.INVALID, "Each of multiCategoryOptions is a text of at most 200 characters")


def _update(world: World, request: Request) -> Response:
    """Options are added to those that there are."""
    (category, name), given = _named(request), wire.body(request)
    found = definitions(world.db).get(name)
    if found is None or found.category != category:
        raise wire.absent("Attribute")
    _check(given.get("multiCategoryOptions") or [])
    options = list(dict.fromkeys([*found.options, *(given.get("multiCategoryOptions") or [])]))
    world.db.execute("UPDATE bv_attribute SET options = ? WHERE name = ?", (json.dumps(options), name))
    return Response(204)


def _delete(world: World, request: Request) -> Response:
    """With its values."""
    category, name = _named(request)
    found = definitions(world.db).get(name)
    if found is None or found.category != category:
        raise wire.absent("Attribute")
    world.db.execute("DELETE FROM bv_attribute WHERE name = ?", (name,))
    world.db.execute("UPDATE bv_contact SET attributes = json_remove(attributes, ?)", (f'$."{name}"',))
    return Response(204)
