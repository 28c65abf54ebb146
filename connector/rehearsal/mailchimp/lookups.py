"""Finding members by a text, and what one of them did with mails, as the rehearsed Mailchimp answers it.

Owns: /search-members and /lists/{id}/members/{hash}/activity. Must not: change a member.

Decisions where the vendor's documents are unclear: archived members are not found, letters count alike in either case,
and signs of a query stand for themselves.
"""

from __future__ import annotations

from typing import Any

from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.mailchimp import store, wire

MOST_FOUND, MOST_ACTIVITY = 30, 50
_ACTIONS = {"send": "sent"}  # the rest is called as it was put in
_FOUND = """list_id = ? AND status <> 'archived' AND (instr(lower(email), ?) OR instr(lower(
    json_extract(merge, '$.FNAME') || ' ' || coalesce(json_extract(merge, '$.LNAME'), '')), ?)
    OR instr(lower(json_extract(merge, '$.LNAME')), ?))"""
_DONE = """SELECT a.action, a.at, c.id, c.title FROM mc_activity a JOIN mc_campaigns c ON c.id = a.campaign
    WHERE c.list_id = ? AND a.email = ? ORDER BY a.at DESC"""


def routes() -> list[Route]:
    return [
        Route("GET", "/3.0/search-members", _search),
        Route("GET", "/3.0/lists/{list_id}/members/{subscriber_hash}/activity", _activity),
    ]


def _search(world: World, request: Request) -> Response:
    text, asked = request.first("query").strip().lower(), request.first("list_id")
    if not text:
        raise wire.invalid(("query", "This value should not be blank."))
    audiences = [key for (key,) in world.db.execute("SELECT id FROM mc_lists ORDER BY number") if asked in ("", key)]
    exact, full = _Found(), _Found()
    for list_id in audiences:
        exact.add(world, list_id, "list_id = ? AND status <> 'archived' AND hash = ?", [wire.subscriber_hash(text)])
        full.add(world, list_id, _FOUND, [text] * 3)
    return wire.select(request, {"exact_matches": exact.body(), "full_search": full.body(), "_links": []})


class _Found:
    """Members of any audience, and how many there are in all."""

    def __init__(self) -> None:
        self._members: list[dict[str, Any]] = []
        self._total = 0

    def add(self, world: World, list_id: str, where: str, values: list[str]) -> None:
        query = f"SELECT {store.COLUMNS} FROM mc_members WHERE {where} ORDER BY number"
        rows = world.db.execute(query, [list_id, *values]).fetchall()
        self._total += len(rows)
        shown = rows[: MOST_FOUND - len(self._members)]
        self._members += store.documents(world, list_id, list(map(store.from_row, shown)))

    def body(self) -> dict[str, Any]:
        return {"members": self._members, "total_items": self._total}


def _activity(world: World, request: Request) -> Response:
    """The latest first."""
    list_id = wire.audience(world, request)
    member = store.required(world, list_id, request.params["subscriber_hash"])
    wanted = {word for value in request.query.get("action", []) for word in value.split(",") if word}
    rows = world.db.execute(_DONE, (list_id, member.email.lower())).fetchall()
    found = [
        {"action": _ACTIONS.get(did, did), "timestamp": at, "campaign_id": campaign, "title": title, "type": "regular"}
        for did, at, campaign, title in rows
    ]
    shown = [one for one in found if not wanted or one["action"] in wanted]
    body = {
        "activity": shown[:MOST_ACTIVITY],
        "email_id": member.hash,
        "contact_id": store.contact_id(member.number),
        "list_id": list_id,
        "total_items": len(shown),
        "_links": [],
    }
    return wire.select(request, body)
