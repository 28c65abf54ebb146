"""HubSpot's communication preferences: who may be mailed what.

Owns: …/communication-preferences/…, opting out of everything, and the contact properties that show it. An address
needs no contact to have a status. Must not: create contacts.
"""

from __future__ import annotations

import json
from typing import Any

from connector.rehearsal.core.world import Request, Response, World
from connector.rehearsal.hubspot.contacts import save
from connector.rehearsal.hubspot.store import SUBSCRIPTIONS
from connector.rehearsal.hubspot.values import valid_email
from connector.rehearsal.hubspot.wire import Trouble, batch, from_millis, inputs, iso, mapping, millis, refuse

STATES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
NAMES = dict(SUBSCRIPTIONS)


def definitions(world: World, request: Request) -> Response:
    at = iso(world.now())
    results = [
        {
            "id": number,
            "name": name,
            "description": f"{name}, invented for the rehearsal",
            "purpose": "Marketing",
            "communicationMethod": "Email",
            "isActive": True,
            "isDefault": number == SUBSCRIPTIONS[0][0],
            "isInternal": False,
            "createdAt": at,
            "updatedAt": at,
        }
        for number, name in SUBSCRIPTIONS
    ]
    return batch(world, results)


def definitions_v3(world: World, request: Request) -> Response:
    body = definitions(world, request).body
    return Response(body={"subscriptionDefinitions": body["results"]})


# ---------------------------------------------------------------- one address


def _email(value: Any) -> str:
    email = str(value or "").strip().lower()
    if not valid_email(email):
        raise Trouble(400, f"{email} is not a valid email address.")
    return email


def _opted_out(world: World, email: str) -> int | None:
    row = world.db.execute("SELECT at FROM hs_optout WHERE email = ?", (email,)).fetchone()
    return int(row[0]) if row else None


def _statuses(world: World, email: str) -> list[dict[str, Any]]:
    """The status of every subscription; opted out of everything is out of each."""
    query = "SELECT subscription, status, at, basis, explanation FROM hs_status WHERE email = ?"
    held = {row[0]: row for row in world.db.execute(query, (email,))}
    out = _opted_out(world, email)
    return [_status(email, number, held.get(number), out, millis(world.now())) for number, _ in SUBSCRIPTIONS]


def _status(email: str, number: str, row: Any, out: int | None, now: int) -> dict[str, Any]:
    _, status, at, basis, explanation = row or (number, "NOT_SPECIFIED", now, None, None)
    found = {
        "subscriberIdString": email,
        "subscriptionId": int(number),
        "subscriptionName": NAMES[number],
        "channel": "EMAIL",
        "status": "UNSUBSCRIBED" if out is not None else status,
        "source": "PORTAL_WIDE_STATUS" if out is not None else "SUBSCRIPTION_STATUS",
        "timestamp": iso(from_millis(at if out is None else out)),
    }
    return found | ({"legalBasis": basis} if basis else {}) | ({"legalBasisExplanation": explanation} if basis else {})


def _wide(world: World, email: str) -> dict[str, Any]:
    out = _opted_out(world, email)
    return {
        "subscriberIdString": email,
        "channel": "EMAIL",
        "wideStatusType": "PORTAL_WIDE",
        "status": "NOT_SPECIFIED" if out is None else "UNSUBSCRIBED",
        "timestamp": iso(world.now() if out is None else from_millis(out)),
    }


def _opt_out(world: World, email: str) -> list[dict[str, Any]]:
    world.db.execute("INSERT OR IGNORE INTO hs_optout VALUES (?, ?)", (email, millis(world.now())))
    _mirror(world, email)
    return _statuses(world, email)


def _write(world: World, email: str, body: dict[str, Any]) -> dict[str, Any]:
    """Set one subscription. SUBSCRIBED lifts an opt-out: that is what makes it dangerous. Raises Trouble."""
    number, state = str(body.get("subscriptionId", "")), body.get("statusState")
    if number not in NAMES or state not in STATES or body.get("channel", "EMAIL") != "EMAIL":
        raise Trouble(400, "subscriptionId, statusState or channel is not valid.")
    before = next(each["status"] for each in _statuses(world, email) if str(each["subscriptionId"]) == number)
    was_out = _opted_out(world, email) is not None
    if state == "SUBSCRIBED" and was_out:
        world.db.execute("DELETE FROM hs_optout WHERE email = ?", (email,))
    world.db.execute(
        "INSERT OR REPLACE INTO hs_status VALUES (?, ?, ?, ?, ?, ?)",
        (email, number, state, millis(world.now()), body.get("legalBasis"), body.get("legalBasisExplanation")),
    )
    _mirror(world, email)
    reason = "REQUESTED_CHANGE_OCCURRED" if before != state else "NO_STATUS_CHANGE"
    if state == "SUBSCRIBED" and before == "UNSUBSCRIBED":
        reason = "RESUBSCRIBE_OCCURRED"
    after = next(each for each in _statuses(world, email) if str(each["subscriptionId"]) == number)
    return after | {"setStatusSuccessReason": reason}


def _mirror(world: World, email: str) -> None:
    """Show the state in the properties of the contact that has this primary address."""
    query = (
        "SELECT id, properties, created FROM hs_contact JOIN hs_address ON id = contact WHERE email = ? AND is_primary"
    )
    row = world.db.execute(query, (email,)).fetchone()
    if row is None:
        return
    shown = {f"hs_email_optout_{each['subscriptionId']}": each["status"] for each in _statuses(world, email)}
    changed = {name: "true" if status == "UNSUBSCRIBED" else "" for name, status in shown.items()}
    changed["hs_email_optout"] = "true" if _opted_out(world, email) is not None else ""
    held = json.loads(row[1])
    after = {name: value for name, value in (held | changed).items() if value}
    if after != held:
        save(world, row[0], after, row[2])


# ---------------------------------------------------------------- handlers


def _each(world: World, request: Request, one: Any) -> Response:
    """Run `one` for each address of the batch; bad ones are errors beside the results, under status 200."""
    results, errors = [], []
    for value in inputs(request):
        try:
            results.append(one(value))
        except Trouble as trouble:
            errors.append(trouble.standard({"inputs": [str(value)]}))
    answer = batch(world, results, errors)
    answer.status = 200
    return answer


def batch_read(world: World, request: Request) -> Response:
    def one(value: Any) -> dict[str, Any]:
        email = _email(value)
        return {"subscriberIdString": email, "statuses": _statuses(world, email)}

    return _each(world, request, one)


def batch_unsubscribe_all(world: World, request: Request) -> Response:
    def one(value: Any) -> dict[str, Any]:
        email = _email(value)
        statuses = _opt_out(world, email)
        verbose = request.first("verbose") == "true"
        return {"subscriberIdString": email} | ({"statuses": statuses} if verbose else {})

    return _each(world, request, one)


def batch_read_wide(world: World, request: Request) -> Response:
    def one(value: Any) -> dict[str, Any]:
        email = _email(value)
        return {"subscriberIdString": email, "wideStatuses": [_wide(world, email)]}

    return _each(world, request, one)


def batch_write(world: World, request: Request) -> Response:
    def one(value: Any) -> dict[str, Any]:
        body = mapping(value)
        return _write(world, _email(body.get("subscriberIdString")), body)

    return _each(world, request, one)


def _checked(request: Request, name: str) -> str:
    try:
        return _email(request.params[name])
    except Trouble as trouble:
        raise refuse(400, trouble.message) from None


def read(world: World, request: Request) -> Response:
    return batch(world, _statuses(world, _checked(request, "subscriberIdString")))


def write(world: World, request: Request) -> Response:
    try:
        return batch(world, [_write(world, _checked(request, "subscriberIdString"), mapping(request.json()))])
    except Trouble as trouble:
        return trouble.response()


def read_wide(world: World, request: Request) -> Response:
    return batch(world, [_wide(world, _checked(request, "subscriberIdString"))])


def unsubscribe_all(world: World, request: Request) -> Response:
    return batch(world, _opt_out(world, _checked(request, "subscriberIdString")))


# v3, which the vendor's Python client still speaks


def read_v3(world: World, request: Request) -> Response:
    email = _checked(request, "emailAddress")
    listed = [
        {
            "id": str(each["subscriptionId"]),
            "name": each["subscriptionName"],
            "description": "",
            "status": {"UNSUBSCRIBED": "NOT_SUBSCRIBED"}.get(each["status"], each["status"]),
            "sourceOfStatus": each["source"],
        }
        for each in _statuses(world, email)
    ]
    return Response(body={"recipient": email, "subscriptionStatuses": listed})


def write_v3(world: World, request: Request) -> Response:
    """…/subscribe and …/unsubscribe. The former cannot bring an opted-out address back."""
    body = mapping(request.json())
    state = "UNSUBSCRIBED" if request.path.rstrip("/").endswith("/unsubscribe") else "SUBSCRIBED"
    try:
        email = _email(body.get("emailAddress"))
        if state == "SUBSCRIBED" and "UNSUBSCRIBED" in {each["status"] for each in _statuses(world, email)}:
            raise Trouble(400, "This contact has unsubscribed and cannot be resubscribed.")
        done = _write(world, email, {"subscriptionId": body.get("subscriptionId"), "statusState": state})
    except Trouble as trouble:
        return trouble.response()
    answer = {"recipient": email, "id": str(done["subscriptionId"]), "name": done["subscriptionName"]}
    status = "NOT_SUBSCRIBED" if state == "UNSUBSCRIBED" else "SUBSCRIBED"
    return Response(body=answer | {"description": "", "status": status, "sourceOfStatus": "SUBSCRIPTION_STATUS"})
