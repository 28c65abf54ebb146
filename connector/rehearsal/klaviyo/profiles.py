"""Profiles of the rehearsed Klaviyo: reading with filters, sorts and cursors; writing one at a time; erasing.

Owns: the profile endpoints and the profile object. Must not: hold rules of merging or consent (klaviyo_store).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, Route, World
from connector.rehearsal.klaviyo import store, wire
from connector.rehearsal.klaviyo.wire import Trouble

PAGE, MAX_PAGE, MAX_PROFILE = 20, 100, 100_000
_MAIL, _LIST = "subscriptions.email.marketing.", "list_suppressions."
_ORDER = ("greater-than", "greater-or-equal", "less-than", "less-or-equal")
_SIGNS = dict(zip(_ORDER, (">", ">=", "<", "<="), strict=True))
_SAME = ("any", "equals")
FILTERS: dict[str, Sequence[str]] = {
    "id": _SAME,
    "email": _SAME,
    "phone_number": _SAME,
    "external_id": _SAME,
    "created": ("greater-than", "less-than"),
    "updated": ("greater-than", "less-than"),
    f"{_MAIL}suppression.reason": ("equals",),
    f"{_MAIL}suppression.timestamp": _ORDER,
    f"{_MAIL}list_suppressions.reason": ("equals",),
    f"{_MAIL}list_suppressions.timestamp": _ORDER,
    f"{_MAIL}list_suppressions.list_id": ("equals",),
}
MEMBER_FILTERS: dict[str, Sequence[str]] = {"email": _SAME, "phone_number": _SAME, "joined_group_at": _ORDER}
_NEWEST = "coalesce((SELECT max(at) FROM kl_suppression s WHERE s.profile = p.pk AND s.list {} ''), '')"
SORTS = {
    "id": "p.id",
    "created": "p.created",
    "updated": "p.updated",
    "email": "coalesce(p.email, '')",
    f"{_MAIL}suppression.timestamp": _NEWEST.format("="),
    f"{_MAIL}list_suppressions.timestamp": _NEWEST.format("!="),
}
MEMBER_SORTS = {"joined_group_at": "m.joined"}
_PREDICTED = (
    *("historic_clv", "predicted_clv", "total_clv", "historic_number_of_orders", "predicted_number_of_orders"),
    *("average_days_between_orders", "average_order_value", "churn_probability", "expected_date_of_next_order"),
)
_COLUMNS = (
    "p.pk, p.id, p.email, p.phone_number, p.external_id, p.data, p.properties, p.created, p.updated, "
    "p.consent, p.consent_at, p.method"
)


def routes() -> list[Route]:
    return [
        Route("GET", "/api/profiles", _read_many),
        Route("POST", "/api/profiles", _create),
        Route("GET", "/api/profiles/{id}", _read_one),
        Route("PATCH", "/api/profiles/{id}", _update),
        Route("POST", "/api/profile-import", _upsert),
        Route("POST", "/api/profile-merge", _merge),
        Route("POST", "/api/data-privacy-deletion-jobs", _erase),
    ]


# -- reading ------------------------------------------------------------------------------------------------------


def _read_many(world: World, request: Request) -> Response:
    asked = wire.conditions(request, FILTERS)
    if request.first("sort") and any(field.startswith(_MAIL) for _, field, _ in asked):
        raise wire.bad_parameter("sort", "Sorting cannot be combined with a filter on suppressions.")
    _refuse_suppressions(asked)
    return page(world, request, "kl_profile p", [], asked, SORTS)


def page(
    world: World,
    request: Request,
    source: str,
    arguments: list[Any],
    asked: list[wire.Condition],
    sorts: Mapping[str, str],
    *,
    ids_only: bool = False,
) -> Response:
    """One page of profiles. `source` is a FROM clause with p, and m for members; `arguments` are its parameters."""
    size = wire.page_size(request, PAGE, MAX_PAGE)
    key, descending = wire.sort_key(request, sorts, "p.pk")
    where, values = _where(asked)
    if (after := wire.position(request)) is not None:
        where.append(f"({key}, p.pk) {'<' if descending else '>'} (?, ?)")
        values += _two(after)
    joined = "m.joined" if " m " in source else "NULL"
    way = "DESC" if descending else "ASC"
    query = (
        f"SELECT {_COLUMNS}, {joined}, {key} FROM {source} WHERE {' AND '.join(where) or 'true'} "
        f"ORDER BY {key} {way}, p.pk {way} LIMIT {size + 1}"
    )
    rows = world.db.execute(query, [*arguments, *values]).fetchall()
    following = wire.cursor(rows[size - 1][-1], rows[size - 1][0]) if len(rows) > size else ""
    if ids_only:
        return wire.many(request, [{"type": "profile", "id": row[1]} for row in rows[:size]], following)
    return wire.many(request, objects(world, request, rows[:size]), following)


def _two(after: list[Any]) -> list[Any]:
    if len(after) != 2:
        raise wire.bad_parameter("page[cursor]", "Invalid cursor.")
    return after


def _refuse_suppressions(asked: list[wire.Condition]) -> None:
    """The rules of filters on suppressions (changelog of revision 2023-10-15, read 2026-11-29)."""
    fields = [field.removeprefix(_MAIL) for _, field, _ in asked if field.startswith(_MAIL)]
    if len({field.partition(".")[0] for field in fields}) > 1:
        raise wire.bad_parameter("filter", "Filters on list suppressions and on global ones cannot be combined.")
    if any(field.startswith(_LIST) for field in fields) and f"{_LIST}list_id" not in fields:
        raise wire.bad_parameter("filter", "A filter on list suppressions must name a list_id.")
    if fields and sum(operator in _ORDER for operator, _, _ in asked) > 1:
        raise wire.bad_parameter("filter", "Only one date can be filtered by, together with suppressions.")


def _where(asked: list[wire.Condition]) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if mail := [one for one in asked if one[1].startswith(_MAIL)]:
        where.append(_suppressed([(field.removeprefix(_MAIL), operator) for operator, field, _ in mail]))
        values += [value for _, _, given in mail for value in given]
    for operator, field, given in asked:
        if field.startswith(_MAIL):
            continue
        if operator in _SAME:
            where.append(f"p.{field} IN ({','.join('?' * len(given))})")
        else:
            where.append(f"{'m.joined' if field == 'joined_group_at' else f'p.{field}'} {_SIGNS[operator]} ?")
        values += [store.clean(value) for value in given] if field == "email" else given
    return where, values


def _suppressed(asked: list[tuple[str, str]]) -> str:
    """One suppression meets all of these (field, operator)."""
    columns = {"reason": "reason", "timestamp": "at", "list_id": "list"}
    tests = [f"s.{columns[field.split('.')[1]]} {_SIGNS.get(operator, '=')} ?" for field, operator in asked]
    here = "!= ''" if asked[0][0].startswith(_LIST) else "= ''"
    return f"p.pk IN (SELECT profile FROM kl_suppression s WHERE s.list {here} AND {' AND '.join(tests)})"


def objects(world: World, request: Request, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Profile objects; `subscriptions` only when additional-fields asks for it."""
    asked = wire.words(request, "additional-fields[profile]")
    if strange := [name for name in asked if name not in ("subscriptions", "predictive_analytics")]:
        raise wire.bad_parameter("additional-fields[profile]", f"'{strange[0]}' is not a valid additional field.")
    held = store.suppressions(world.db, [row[0] for row in rows]) if "subscriptions" in asked else {}
    return [_object(request, row, asked, held.get(row[0], [])) for row in rows]


def _object(
    request: Request, row: Sequence[Any], asked: Sequence[str], held: list[tuple[str, str, str]]
) -> dict[str, Any]:
    key, email, phone, external, data, properties, created, updated, consent, at, method = row[1:12]
    kept = json.loads(data)
    place = kept.get("location") or {}
    attributes: dict[str, Any] = {"email": email, "phone_number": phone, "external_id": external}
    attributes |= {name: kept.get(name) for name in store.TEXTS}
    attributes |= {"created": created, "updated": updated, "last_event_date": None}
    attributes |= {"location": {name: place.get(name) for name in store.LOCATION}, "properties": json.loads(properties)}
    if len(row) > 12 and row[12]:
        attributes["joined_group_at"] = row[12]
    if "subscriptions" in asked:
        attributes["subscriptions"] = store.subscriptions(consent, at, method, held)
    if "predictive_analytics" in asked:
        attributes["predictive_analytics"] = dict.fromkeys(_PREDICTED)  # nothing was ever bought
    return wire.resource(request, "profile", key, attributes)


def by_id(world: World, request: Request, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Profile objects without subscriptions, as an include has them."""
    query = f"SELECT {_COLUMNS} FROM kl_profile p WHERE p.id IN ({','.join('?' * len(keys))}) ORDER BY p.pk"
    return [_object(request, row, (), []) for row in world.db.execute(query, keys)]


def _read_one(world: World, request: Request) -> Response:
    return _answer(world, request, request.params["id"], 200)


def _answer(world: World, request: Request, key: str, status: int) -> Response:
    rows = world.db.execute(f"SELECT {_COLUMNS} FROM kl_profile p WHERE p.id = ?", (key,)).fetchall()
    if not rows:
        raise wire.missing("profile", key)
    return wire.one(objects(world, request, rows)[0], status)


# -- writing one --------------------------------------------------------------------------------------------------


def troubles(row: Any, pointer: str) -> list[Trouble]:
    """What makes Klaviyo refuse a profile before it looks whether it holds it. `pointer` is the profile's place."""
    attributes = row.get("attributes") if isinstance(row, dict) else None
    if not isinstance(attributes, dict) or row.get("type") != "profile":
        return [Trouble("A profile with type and attributes is expected.", pointer)]
    there = f"{pointer}/attributes"
    found = [
        Trouble(f"'{name}' is not a valid field for the resource 'profile'.", f"{there}/{name}")
        for name in attributes.keys() - store.ATTRIBUTES
    ]
    if not row.get("id") and not any(attributes.get(name) for name in store.IDENTIFIERS):
        found.append(Trouble("One of email, phone_number, external_id or id is required.", there))
    if attributes.get("email") is not None and not store.plausible(attributes["email"]):
        found.append(Trouble("Invalid email address.", f"{there}/email"))
    for name in ("properties", "location"):
        if not isinstance(attributes.get(name) or {}, dict):
            found.append(Trouble("An object is expected.", f"{there}/{name}"))
    return found


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_PROFILE:
        raise Refusal(wire.problem(413, Trouble("A profile may be at most 100 KB.")))
    row = wire.body_data(request, "profile")
    found = troubles(row | {"id": row.get("id") or request.params.get("id")}, "/data")
    phone = row.get("attributes", {}).get("phone_number")
    if phone and not store.is_phone(phone):
        found.append(
            Trouble(
                "Invalid phone number format (Example of a valid format: +12345678901)", "/data/attributes/phone_number"
            )
        )
    if found:
        raise wire.invalid(*found)
    return row


def _create(world: World, request: Request) -> Response:
    row = _body(request)
    if holder := _holder(world, row):
        raise Refusal(conflict(holder))
    return _write(world, request, row, 201)


def _update(world: World, request: Request) -> Response:
    row = _body(request) | {"id": request.params["id"]}
    if not world.db.execute("SELECT 1 FROM kl_profile WHERE id = ?", (row["id"],)).fetchone():
        raise wire.missing("profile", row["id"])
    return _write(world, request, row, 200)


def _upsert(world: World, request: Request) -> Response:
    row = _body(request)
    return _write(world, request, row, 200 if _holder(world, row) else 201)


def _holder(world: World, row: Mapping[str, Any]) -> str:
    """The id of a profile that one of the identifiers names."""
    for name, value in (store.identifiers(row["attributes"]) | {"id": row.get("id")}).items():
        found = world.db.execute(f"SELECT id FROM kl_profile WHERE {name} = ?", (value,)).fetchone()
        if value and found:
            return str(found[0])
    return ""


def _write(world: World, request: Request, row: Mapping[str, Any], status: int) -> Response:
    written = store.upsert(world.db, [row], wire.stamp(world.now()), null_clears=True)
    if written.conflicts:
        raise Refusal(conflict(written.conflicts[0]))
    profile = written.profiles[0]
    assert profile is not None
    return _answer(world, request, profile.id, status)


def conflict(holder: str) -> Response:
    detail = "A profile already exists with one of these identifiers."
    return wire.problem(409, Trouble(detail, "/data/attributes", meta={"duplicate_profile_id": holder}))


def _merge(world: World, request: Request) -> Response:
    """The source is gone, and its address belongs to nobody any more."""
    data = wire.body_data(request, "profile-merge")
    sources = ((data.get("relationships") or {}).get("profiles") or {}).get("data") or []
    if len(sources) != 1:
        raise wire.invalid(Trouble("Exactly one source profile is expected.", "/data/relationships/profiles/data"))
    ids = [str(data.get("id")), str(sources[0].get("id"))]
    found = [world.db.execute("SELECT pk FROM kl_profile WHERE id = ?", (one,)).fetchone() for one in ids]
    for one, row in zip(ids, found, strict=True):
        if row is None or ids[0] == ids[1]:
            raise wire.missing("profile", one)
    store.absorb(world.db, found[0][0], found[1][0], wire.stamp(world.now()))
    for table in ("kl_member", "kl_event"):
        world.db.execute(f"UPDATE OR IGNORE {table} SET profile = ? WHERE profile = ?", (found[0][0], found[1][0]))
        world.db.execute(f"DELETE FROM {table} WHERE profile = ?", found[1])
    return wire.one(
        {"type": "profile", "id": ids[0], "links": {"self": f"{request.base_url}/api/profiles/{ids[0]}"}}, 201
    )


def _erase(world: World, request: Request) -> Response:
    data = wire.body_data(request, "data-privacy-deletion-job")
    profile = (data["attributes"].get("profile") or {}).get("data") or {}
    named = {"id": profile.get("id")} | store.identifiers(profile.get("attributes") or {})
    given = {name: value for name, value in named.items() if value}
    if len(given) != 1:
        raise wire.invalid(Trouble("Exactly one identifier is required.", "/data/attributes/profile"))
    ((name, value),) = given.items()
    found = world.db.execute(f"SELECT pk FROM kl_profile WHERE {name} = ?", (value,)).fetchone()
    for table, column in (("kl_profile", "pk"), ("kl_suppression", "profile"), ("kl_member", "profile")):
        world.db.execute(f"DELETE FROM {table} WHERE {column} = ?", found or (0,))
    return Response(202, None)
