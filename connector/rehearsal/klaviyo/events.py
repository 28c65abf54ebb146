"""Metrics and events of the rehearsed Klaviyo: who opened and clicked, and what a shop tells of.

Owns: kl_metric, kl_event and their endpoints. Must not: know how profiles are merged. Subscriptions are null inside an
include.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connector.rehearsal.core.campaigns import record
from connector.rehearsal.core.world import Did, Refusal, Request, Response, Route, World
from connector.rehearsal.klaviyo import profiles, store, wire
from connector.rehearsal.klaviyo.wire import Trouble

METRICS = ("Received Email", "Opened Email", "Clicked Email", "Bounced Email", "Marked Email as Spam")
_ORDER = ("greater-than", "greater-or-equal", "less-than", "less-or-equal")
_FILTERS: dict[str, Sequence[str]] = {
    "metric_id": ("equals",),
    "profile_id": ("equals",),
    "datetime": _ORDER,
    "timestamp": _ORDER,  # seconds since 1970
}
_SIGNS = {"equals": "=", "greater-than": ">", "greater-or-equal": ">=", "less-than": "<", "less-or-equal": "<="}
_COLUMNS = {"metric_id": "e.metric", "profile_id": "p.id", "datetime": "e.at", "timestamp": "e.at"}
_TABLES = """
CREATE TABLE IF NOT EXISTS kl_metric (id TEXT PRIMARY KEY, name TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kl_event (
    pk INTEGER PRIMARY KEY, metric TEXT NOT NULL, profile INTEGER NOT NULL, at TEXT NOT NULL, properties TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS kl_event_at ON kl_event (metric, at);
"""


def install(db: sqlite3.Connection, now: str) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";"))):
        db.execute(statement)
    rows = [(f"M{number:05d}", name, now) for number, name in enumerate(METRICS, 1)]
    db.executemany("INSERT OR IGNORE INTO kl_metric VALUES (?, ?, ?)", rows)


def add(db: sqlite3.Connection, metric: str, profile: int, at: str, **properties: Any) -> None:
    key = db.execute("SELECT id FROM kl_metric WHERE name = ?", (metric,)).fetchone()[0]
    row = (key, profile, at, json.dumps({name.replace("_", " "): value for name, value in properties.items()}))
    db.execute("INSERT INTO kl_event (metric, profile, at, properties) VALUES (?, ?, ?, ?)", row)


def engage(world: World, events: Sequence[Did]) -> None:
    """Events of addresses that have no profile are dropped."""
    named = "SELECT id FROM kl_list WHERE name = ?"
    record(world, "klaviyo", events, lambda name: (world.db.execute(named, (name,)).fetchone() or ("",))[0])
    metrics = {"send": METRICS[0], "open": METRICS[1], "click": METRICS[2], "bounce": METRICS[3]}
    for event in events:
        row = world.db.execute("SELECT pk FROM kl_profile WHERE email = ?", (event.email.lower(),)).fetchone()
        if row:
            more = {"Apple_Privacy_Open": event.proxy} if event.did == "open" else {}
            add(world.db, metrics[event.did], row[0], wire.stamp(event.at), **more)


def routes() -> list[Route]:
    return [
        Route("GET", "/api/metrics", _metrics),
        Route("GET", "/api/metrics/{id}", _metric),
        Route("GET", "/api/events", _events),
        Route("POST", "/api/events", _create),
    ]


def _metrics(world: World, request: Request) -> Response:
    rows = world.db.execute("SELECT id, name, created FROM kl_metric ORDER BY id").fetchall()
    return wire.many(request, [_object(request, row) for row in rows])


def _metric(world: World, request: Request) -> Response:
    query = "SELECT id, name, created FROM kl_metric WHERE id = ?"
    row = world.db.execute(query, (request.params["id"],)).fetchone()
    if row is None:
        raise wire.missing("metric", request.params["id"])
    return wire.one(_object(request, row))


def _object(request: Request, row: Sequence[Any]) -> dict[str, Any]:
    key, name, created = row
    integration = {"object": "integration", "id": "0rehearsal", "name": "Klaviyo", "category": "Internal"}
    attributes = {"name": name, "created": created, "updated": created, "integration": integration}
    return wire.resource(request, "metric", key, attributes)


def _events(world: World, request: Request) -> Response:
    size = wire.page_size(request, 200, 1000)
    key, descending = wire.sort_key(request, {"datetime": "e.at", "timestamp": "e.at"}, "e.at")
    where, values = ["true"], list[Any]()
    for operator, field, given in wire.conditions(request, _FILTERS):
        where.append(f"{_COLUMNS[field]} {_SIGNS[operator]} ?")
        values += given
    if (after := wire.position(request)) is not None:
        where.append(f"({key}, e.pk) {'<' if descending else '>'} (?, ?)")
        values += after[:2]
    way = "DESC" if descending else "ASC"
    query = (
        "SELECT e.pk, e.metric, e.at, e.properties, p.id FROM kl_event e JOIN kl_profile p ON p.pk = e.profile "
        f"WHERE {' AND '.join(where)} ORDER BY {key} {way}, e.pk {way} LIMIT {size + 1}"
    )
    rows = world.db.execute(query, values).fetchall()
    following = wire.cursor(rows[size - 1][2], rows[size - 1][0]) if len(rows) > size else ""
    wanted = wire.words(request, "include")
    more = {"included": _included(world, request, rows[:size], wanted)} if wanted else {}
    return wire.many(request, [_event(request, row) for row in rows[:size]], following, **more)


def _create(world: World, request: Request) -> Response:
    """An event of the profile that one identifier names; it is made if there is none, as its metric is. Of events with
    the same unique_id the first one stays."""
    there, given = "/data/attributes", wire.body_data(request, "event").get("attributes") or {}
    for name in ("properties", "metric", "profile"):
        if not isinstance(given.get(name), dict):
            raise wire.invalid(Trouble(f"'{name}' is a required field.", f"{there}/{name}"))
    if given.get("value_currency"):
        raise Refusal(wire.problem(501, Trouble("The rehearsal does not have this.", f"{there}/value_currency")))
    name = str(((given["metric"].get("data") or {}).get("attributes") or {}).get("name") or "")
    if not 0 < len(name) < 128:
        raise wire.invalid(
            Trouble("A name of less than 128 characters is required.", f"{there}/metric/data/attributes")
        )
    row, now = given["profile"].get("data"), wire.stamp(world.now())
    if found := profiles.troubles(row, f"{there}/profile/data"):
        raise wire.invalid(*found)
    at = _moment(given["time"]) if given.get("time") else wire.stamp(world.now().replace(microsecond=0))
    written = store.upsert(world.db, [row], now, null_clears=True)
    profile = written.profiles[0]
    if profile is None:
        raise Refusal(profiles.conflict(written.conflicts[0]))
    named = {"$value": given.get("value"), "$event_id": given.get("unique_id")}
    properties = given["properties"] | {key: value for key, value in named.items() if value is not None}
    metric = _metric_of(world.db, name, now)
    if not _known(world.db, metric, profile.pk, properties.get("$event_id")):
        insert = "INSERT INTO kl_event (metric, profile, at, properties) VALUES (?, ?, ?, ?)"
        world.db.execute(insert, (metric, profile.pk, at, json.dumps(properties)))
    return Response(202, None)


def _moment(text: Any) -> str:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise wire.invalid(Trouble("A datetime is expected.", "/data/attributes/time")) from None
    return wire.stamp((at if at.tzinfo else at.replace(tzinfo=UTC)).replace(microsecond=0))


def _metric_of(db: sqlite3.Connection, name: str, now: str) -> str:
    found = db.execute("SELECT id FROM kl_metric WHERE name = ?", (name,)).fetchone()
    if found:
        return str(found[0])
    (count,) = db.execute("SELECT count(*) FROM kl_metric").fetchone()
    key = f"M{count + 1:05d}"
    db.execute("INSERT INTO kl_metric VALUES (?, ?, ?)", (key, name, now))
    return key


def _known(db: sqlite3.Connection, metric: str, profile: int, unique: Any) -> bool:
    query = (
        "SELECT 1 FROM kl_event WHERE metric = ? AND profile = ? AND json_extract(properties, '$.\"$event_id\"') = ?"
    )
    return unique is not None and db.execute(query, (metric, profile, unique)).fetchone() is not None


def _event(request: Request, row: Sequence[Any]) -> dict[str, Any]:
    number, metric, at, properties, profile = row
    seconds = int(wire.instant(at).timestamp())
    attributes = {"timestamp": seconds, "event_properties": json.loads(properties), "datetime": at, "uuid": f"{number}"}
    found = wire.resource(request, "event", f"E{number:09d}", attributes)
    named = {"profile": profile, "metric": metric}
    found["relationships"] = {
        kind: {
            "data": {"type": kind, "id": key},
            "links": {
                "self": f"{found['links']['self']}/relationships/{kind}",
                "related": f"{found['links']['self']}/{kind}",
            },
        }
        for kind, key in named.items()
    }
    return found


def _included(
    world: World, request: Request, rows: Sequence[Sequence[Any]], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """Profiles and metrics of these events, as far as they are wanted."""
    found = profiles.by_id(world, request, sorted({row[4] for row in rows})) if "profile" in wanted else []
    if "metric" in wanted:
        query = "SELECT id, name, created FROM kl_metric WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        metrics = world.db.execute(query, (json.dumps([row[1] for row in rows]),)).fetchall()
        found += [_object(request, metric) for metric in metrics]
    return found
