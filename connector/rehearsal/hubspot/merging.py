"""HubSpot's merge of two contacts.

Owns: what becomes of both. Must not: know batches, decide what a property accepts.

Decisions where HubSpot's documentation is unclear, each the less comfortable one: the primary record keeps its id, its
address and every value it has; the other's addresses become hs_additional_emails, its lists and tags are added; who
opted out under either address is opted out. The id of the record that is gone means the primary, but in lists.
"""

from __future__ import annotations

import json
from typing import Any

from connector.rehearsal.core.world import Request, Response, World
from connector.rehearsal.hubspot import store
from connector.rehearsal.hubspot.contacts import DEFAULT, as_object, definitions, rows, save
from connector.rehearsal.hubspot.wire import mapping, millis, refuse


def merge(world: World, request: Request) -> Response:
    body = mapping(request.json())
    kept, gone = (_number(body, name) for name in ("primaryObjectId", "objectIdToMerge"))
    held = rows(world, [kept, gone])
    if kept == gone or len(held) < 2:
        raise refuse(400, "Contacts must exist and be different to be merged.")
    winner, loser = (json.loads(held[number][1]) for number in (kept, gone))
    world.db.execute("UPDATE hs_contact SET archived_at = modified WHERE id = ?", (gone,))
    world.db.execute("DELETE FROM hs_address WHERE contact = ?", (gone,))
    world.db.execute("INSERT INTO hs_merged VALUES (?, ?)", (gone, kept))
    world.db.execute("UPDATE hs_merged SET winner = ? WHERE winner = ?", (kept, gone))
    world.db.execute("UPDATE OR IGNORE hs_member SET contact = ? WHERE contact = ?", (kept, gone))
    world.db.execute("DELETE FROM hs_member WHERE contact = ?", (gone,))
    merged = _both(world, winner, loser)
    if merged.get("hs_email_optout") == "true" and merged.get("email"):
        now = millis(world.now())
        world.db.execute("INSERT OR IGNORE INTO hs_optout VALUES (?, ?)", (merged["email"], now))
    save(world, kept, merged, held[kept][2])
    return Response(body=as_object(rows(world, [kept])[kept], [*DEFAULT, "hs_additional_emails"]))


def _number(body: dict[str, Any], name: str) -> int:
    text = str(body.get(name, ""))
    if not text.isdigit():
        raise refuse(400, f"Some required fields were not set: [{name}]")
    return int(text)


def _both(world: World, winner: dict[str, str], loser: dict[str, str]) -> dict[str, str]:
    """The properties of the merged record: the winner's values, and those of the other that it lacks."""
    known = definitions(world)
    merged = loser | winner
    for name in loser.keys() & winner.keys():
        if known.get(name, {}).get("fieldType") == "checkbox" and name != "hs_additional_emails":
            options = [*winner[name].split(";"), *loser[name].split(";")]
            merged[name] = ";".join(dict.fromkeys(filter(None, options)))
    more = list(dict.fromkeys([*store.addresses(winner)[1:], *store.addresses(loser)]))
    merged["hs_additional_emails"] = ";".join(email for email in more if email != winner.get("email"))
    return {name: value for name, value in merged.items() if value}
