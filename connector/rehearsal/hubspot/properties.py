"""HubSpot's property definitions of contacts: create, change, archive, groups.

Owns: …/properties/…/contacts. A PATCH with `options` replaces the whole list: what is left out is gone. Creating an
archived property again brings it back. Must not: touch contacts' values.
"""

from __future__ import annotations

import json
import re
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, World
from connector.rehearsal.hubspot.store import option
from connector.rehearsal.hubspot.wire import Trouble, batch, inputs, iso, mapping, refuse

OBJECTS = ("contacts", "contact", "0-1")
FIELD_TYPES = {
    "string": ("text", "textarea", "html", "phonenumber", "file"),
    "number": ("number",),
    "date": ("date",),
    "datetime": ("date",),
    "bool": ("booleancheckbox",),
    "enumeration": ("checkbox", "select", "radio", "booleancheckbox"),
    "phone_number": ("phonenumber",),
}
_CHANGEABLE = ("label", "description", "groupName", "displayOrder", "hidden", "formField", "fieldType", "type")


def _object(request: Request) -> None:
    if request.params["objectType"] not in OBJECTS:
        raise refuse(404, f"Unable to infer object type from: {request.params['objectType']}")


def _find(world: World, name: str, archived: bool = False) -> dict[str, Any]:
    query = "SELECT definition FROM hs_property WHERE name = ? AND archived = ?"
    row = world.db.execute(query, (name, int(archived))).fetchone()
    if row is None:
        raise refuse(404, f'Property "{name}" does not exist')
    definition: dict[str, Any] = json.loads(row[0])
    return definition | {"archived": archived}


def _save(world: World, definition: dict[str, Any]) -> None:
    definition["updatedAt"] = iso(world.now())
    text = json.dumps({key: value for key, value in definition.items() if key != "archived"})
    world.db.execute("INSERT OR REPLACE INTO hs_property VALUES (?, ?, 0)", (definition["name"], text))


def listing(world: World, request: Request) -> Response:
    _object(request)
    archived = request.first("archived") == "true"
    query = "SELECT definition FROM hs_property WHERE archived = ? ORDER BY name"
    rows = world.db.execute(query, (int(archived),))
    return Response(body={"results": [json.loads(text) | {"archived": archived} for (text,) in rows]})


def read(world: World, request: Request) -> Response:
    _object(request)
    return Response(body=_find(world, request.params["propertyName"], request.first("archived") == "true"))


def create(world: World, request: Request) -> Response:
    _object(request)
    try:
        return Response(201, _create(world, mapping(request.json())))
    except Trouble as trouble:
        return trouble.response()


def _create(world: World, body: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in ("name", "label", "type", "fieldType", "groupName") if not body.get(name)]
    if missing:
        raise Trouble(400, f"Some required fields were not set: {missing}")
    name = str(body["name"])
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise Trouble(400, "The property name must start with a letter and hold lower-case letters, digits and _ only.")
    if body["fieldType"] not in FIELD_TYPES.get(body["type"], ()):
        raise Trouble(400, f"Property type {body['type']} does not go with fieldType {body['fieldType']}.")
    if not world.db.execute("SELECT 1 FROM hs_group WHERE name = ?", (body["groupName"],)).fetchone():
        raise Trouble(400, f'Property group "{body["groupName"]}" does not exist.')
    if world.db.execute("SELECT 1 FROM hs_property WHERE name = ? AND NOT archived", (name,)).fetchone():
        raise Trouble(409, f'A property named "{name}" already exists.', context={"propertyName": [name]})
    definition = _new(world, body, name)
    _save(world, definition)
    return definition


def _new(world: World, body: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": str(body["label"]),
        "type": body["type"],
        "fieldType": body["fieldType"],
        "description": str(body.get("description") or ""),
        "groupName": body["groupName"],
        "options": _options(body.get("options") or []),
        "displayOrder": body.get("displayOrder", -1),
        "calculated": False,
        "externalOptions": bool(body.get("externalOptions")),
        "hasUniqueValue": bool(body.get("hasUniqueValue")),
        "hidden": bool(body.get("hidden")),
        "hubspotDefined": False,
        "formField": bool(body.get("formField")),
        "createdAt": iso(world.now()),
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        "archived": False,
    }


def _options(found: Any) -> list[dict[str, Any]]:
    """The options as kept. Raises Trouble for missing parts, and for a value or label that is there twice."""
    if not isinstance(found, list) or any(not mapping(each).get("value") or not each.get("label") for each in found):
        raise Trouble(400, "Every option needs a label and a value.")
    for part in ("value", "label"):
        seen = [str(each[part]).casefold() for each in found]
        if len(set(seen)) < len(seen):
            raise Trouble(400, f"Property option {part}s must be unique.")
    if any(";" in str(each["value"]) for each in found):
        raise Trouble(400, "Property option values cannot contain a semicolon.")
    return [
        option(
            str(each["value"]),
            str(each["label"]),
            int(each.get("displayOrder", index)),
            description=str(each.get("description") or ""),
            hidden=bool(each.get("hidden")),
        )
        for index, each in enumerate(found)
    ]


def change(world: World, request: Request) -> Response:
    _object(request)
    definition, body = _find(world, request.params["propertyName"]), mapping(request.json())
    if definition["modificationMetadata"]["readOnlyDefinition"]:
        raise refuse(400, f'Property "{definition["name"]}" is defined by HubSpot and cannot be changed.')
    definition |= {key: body[key] for key in _CHANGEABLE if key in body}
    if "options" in body:
        try:
            definition["options"] = _options(body["options"])
        except Trouble as trouble:
            raise Refusal(trouble.response()) from None
    _save(world, definition)
    return Response(body=definition)


def archive(world: World, request: Request) -> Response:
    _object(request)
    _archive(world, request.params["propertyName"])
    return Response(204)


def _archive(world: World, name: str) -> None:
    row = world.db.execute("SELECT definition FROM hs_property WHERE name = ?", (name,)).fetchone()
    if row and json.loads(row[0])["hubspotDefined"]:
        raise refuse(400, f'Property "{name}" is defined by HubSpot and cannot be archived.')
    world.db.execute("UPDATE hs_property SET archived = 1 WHERE name = ?", (name,))


def batch_create(world: World, request: Request) -> Response:
    _object(request)
    results, errors = [], []
    for each in inputs(request):
        try:
            results.append(_create(world, mapping(each)))
        except Trouble as trouble:
            errors.append(trouble.standard({}))
    return batch(world, results, errors, 201)


def batch_read(world: World, request: Request) -> Response:
    _object(request)
    wanted = [str(mapping(each).get("name", "")) for each in inputs(request)]
    archived = bool(mapping(request.json()).get("archived"))
    among = "name IN (SELECT value FROM json_each(?)) AND archived = ?"
    query = f"SELECT name, definition FROM hs_property WHERE {among}"
    found = dict(world.db.execute(query, (json.dumps(wanted), int(archived))))
    missing = [name for name in wanted if name not in found]
    errors = [Trouble(404, "Some properties do not exist.").standard({"names": missing})] if missing else []
    return batch(world, [json.loads(text) | {"archived": archived} for text in found.values()], errors)


def batch_archive(world: World, request: Request) -> Response:
    _object(request)
    for each in inputs(request):
        _archive(world, str(mapping(each).get("name", "")))
    return Response(204)


def groups(world: World, request: Request) -> Response:
    _object(request)
    rows = world.db.execute("SELECT name, label FROM hs_group ORDER BY name")
    return Response(body={"results": [_group(name, label) for name, label in rows]})


def create_group(world: World, request: Request) -> Response:
    _object(request)
    body = mapping(request.json())
    if not body.get("name") or not body.get("label"):
        raise refuse(400, "Some required fields were not set: [name, label]")
    if world.db.execute("SELECT 1 FROM hs_group WHERE name = ?", (body["name"],)).fetchone():
        raise refuse(409, f'A property group named "{body["name"]}" already exists.')
    world.db.execute("INSERT INTO hs_group VALUES (?, ?)", (body["name"], body["label"]))
    return Response(201, _group(body["name"], body["label"]))


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}
