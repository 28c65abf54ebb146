"""Consent of the rehearsed Klaviyo: bulk suppression and subscription.

Owns: their endpoints, caps and traps. Must not: store anything itself (klaviyo_store, klaviyo_jobs).

A suppression acts at once while its job still reads `processing`; a subscription job answers nothing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.klaviyo import lists, store, wire
from connector.rehearsal.klaviyo.jobs import ROWS, SUPPRESS, UNSUPPRESS, answer, open_job, rows_of
from connector.rehearsal.klaviyo.wire import Trouble

SUBSCRIBE, UNSUBSCRIBE = "profile-subscription-bulk-create-job", "profile-subscription-bulk-delete-job"
CAPS = {SUPPRESS: 100, UNSUPPRESS: 100, SUBSCRIBE: 1000, UNSUBSCRIBE: 100}
_CONSENT_ONLY = {"email", "phone_number", "subscriptions", "age_gated_date_of_birth"}


def routes() -> list[Route]:
    return [
        Route("POST", "/api/profile-suppression-bulk-create-jobs", _suppress),
        Route("POST", "/api/profile-suppression-bulk-delete-jobs", _unsuppress),
        Route("POST", "/api/profile-subscription-bulk-create-jobs", _subscribe),
        Route("POST", "/api/profile-subscription-bulk-delete-jobs", _unsubscribe),
    ]


# -- suppression --------------------------------------------------------------------------------------------------


def _suppress(world: World, request: Request) -> Response:
    affected, now = _affected(world, request, SUPPRESS), wire.stamp(world.now())
    changed = store.suppress(world.db, affected, "USER_SUPPRESSED", now)
    return _closed(world, request, SUPPRESS, len(affected), changed)


def _unsuppress(world: World, request: Request) -> Response:
    affected = _affected(world, request, UNSUPPRESS)
    return _closed(world, request, UNSUPPRESS, len(affected), store.unsuppress(world.db, affected, ["USER_SUPPRESSED"]))


def _closed(world: World, request: Request, kind: str, total: int, changed: int) -> Response:
    number = open_job(world, kind, total)
    world.db.execute("UPDATE kl_job SET skipped = ? WHERE n = ?", (total - changed, number))
    return answer(world, request, number, 202)


def _affected(world: World, request: Request, kind: str) -> list[int]:
    """Profiles named by address, or everybody in a list."""
    data = wire.body_data(request, kind)
    if named := ((data.get("relationships") or {}).get("list") or {}).get("data"):
        if not lists.exists(world.db, named.get("id")):
            raise wire.invalid(Trouble("List not found.", "/data/relationships/list/data/id"))
        return lists.members_of(world.db, named["id"])
    return list(_people(world, rows_of(data, CAPS[kind])).values())


def _people(world: World, rows: Sequence[Any]) -> dict[str, int]:
    """Address -> profile of consent rows; a row without a good address refuses all."""
    given = [row.get("attributes") if isinstance(row, dict) else None for row in rows]
    bad = [
        Trouble("Invalid email address.", f"{ROWS}/{index}/attributes/email")
        for index, attributes in enumerate(given)
        if not isinstance(attributes, dict) or not store.plausible(attributes.get("email"))
    ]
    if bad:
        raise wire.invalid(*bad)
    return store.pks(world.db, [attributes["email"] for attributes in given if attributes], wire.stamp(world.now()))


# -- subscription -------------------------------------------------------------------------------------------------


def _subscribe(world: World, request: Request) -> Response:
    """Lifts unsubscribes, complaints and manual suppressions: why a sync must not call it without fresh consent."""
    data = wire.body_data(request, SUBSCRIBE)
    rows, list_id = rows_of(data, CAPS[SUBSCRIBE]), _one_list(world, data)
    historical = bool(data["attributes"].get("historical_import"))
    people = _people(world, rows)
    if bad := [one for index, row in enumerate(rows) for one in _unfit(world, row, index, people, historical)]:
        raise wire.invalid(*bad)
    if list_id and lists.opt_in(world.db, list_id) == "double_opt_in" and not historical:
        return Response(202, None)  # a mail goes out; nothing changes before it is confirmed
    now = wire.stamp(world.now())
    for row in rows:
        pk, at = people[store.clean(row["attributes"]["email"])], _consented_at(row) or now
        store.set_consent(world.db, [pk], store.SUBSCRIBED, at)
    store.touch(world.db, people.values(), now)
    store.unsuppress(world.db, people.values(), store.LIFTED_BY_SUBSCRIBING)
    if list_id:  # that this lifts the unsubscribe from the list, too, is not documented
        store.unsuppress(world.db, people.values(), store.LIFTED_BY_SUBSCRIBING, list_id)
        lists.join(world.db, list_id, people.values(), now)
    return Response(202, None)


def _unfit(world: World, row: dict[str, Any], index: int, people: dict[str, int], historical: bool) -> list[Trouble]:
    attributes, there = row["attributes"], f"{ROWS}/{index}/attributes"
    found = [
        Trouble(f"'{name}' is not a valid field for the resource 'profile'.", f"{there}/{name}")
        for name in attributes.keys() - _CONSENT_ONLY
    ]
    at, moment = _consented_at(row), f"{there}/subscriptions/email/marketing/consented_at"
    if historical != bool(at):
        found.append(Trouble("consented_at and historical_import need each other.", moment))
    elif at and at > wire.stamp(world.now()):
        found.append(Trouble("consented_at must be in the past.", moment))
    elif at and at < _said_no_at(world, people[store.clean(attributes["email"])]):
        found.append(Trouble("The profile has unsubscribed since consented_at.", moment))
    return found


def _consented_at(row: dict[str, Any]) -> str:
    marketing = ((row["attributes"].get("subscriptions") or {}).get("email") or {}).get("marketing") or {}
    try:
        return wire.stamp(datetime.fromisoformat(marketing["consented_at"])) if marketing.get("consented_at") else ""
    except ValueError:
        raise wire.invalid(Trouble("A datetime is expected.", ROWS)) from None


def _said_no_at(world: World, pk: int) -> str:
    query = "SELECT coalesce(max(at), '') FROM kl_suppression WHERE profile = ? AND reason = 'UNSUBSCRIBE'"
    return str(world.db.execute(query, (pk,)).fetchone()[0])


def _unsubscribe(world: World, request: Request) -> Response:
    """From one list; but who is not in that list is unsubscribed from everything."""
    data = wire.body_data(request, UNSUBSCRIBE)
    people, list_id = _people(world, rows_of(data, CAPS[UNSUBSCRIBE])), _one_list(world, data)
    now = wire.stamp(world.now())
    inside = set(lists.members_of(world.db, list_id)) & set(people.values()) if list_id else set()
    store.suppress(world.db, inside, "UNSUBSCRIBE", now, list_id)
    lists.leave(world.db, list_id, inside)
    everywhere = [pk for pk in people.values() if pk not in inside]
    store.suppress(world.db, everywhere, "UNSUBSCRIBE", now)
    store.set_consent(world.db, everywhere, store.UNSUBSCRIBED, now)
    return Response(202, None)


def _one_list(world: World, data: dict[str, Any]) -> str:
    named = ((data.get("relationships") or {}).get("list") or {}).get("data") or {}
    key = str(named.get("id") or "")
    if key and not lists.exists(world.db, key):
        raise wire.invalid(Trouble(f"List not found with id {key}.", "/data/relationships/list/data/id"))
    return key
