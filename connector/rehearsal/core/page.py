"""The page at /: what each rehearsed platform now holds, for a person to look at.

Owns: two server-rendered pages (templates/). Must not: change anything, or let a name from the data become markup.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from connector.rehearsal.core import log
from connector.rehearsal.core.world import Platform, Request, Response, World

REQUESTS = 25
MEMBERS = 100
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@cache
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def home(world: World, platforms: list[Platform], request: Request) -> Response:
    """Accounts, contacts by status, targets, counters and the last requests; ?live=1 keeps it fresh."""
    counts = log.counts(world.db, [platform.NAME for platform in platforms])
    shown = [
        {"name": one.NAME, "title": one.TITLE, "holds": one.overview(world), "counts": counts[one.NAME]}
        for one in platforms
    ]
    return _render(
        "home.html",
        platforms=shown,
        requests=log.last(world.db, REQUESTS),
        settings=world.settings,
        faults=[str(fault) for fault in world.settings.faults],
        live=bool(request.first("live")),
    )


def target(world: World, platforms: list[Platform], request: Request) -> Response:
    """The members of one target, a hundred at a time."""
    platform = next((one for one in platforms if request.first("platform") == one.NAME), None)
    offset = max(0, int(request.first("offset", "0")))
    key = request.first("key")
    found = platform.members(world, key, MEMBERS, offset) if platform else None
    if platform is None or found is None:
        return Response(404, b"There is no such target.", {"content-type": "text/plain"})
    place = {"name": platform.NAME, "title": platform.TITLE, "key": key, "offset": offset, "step": MEMBERS}
    return _render("target.html", platform=place, target=found)


def _render(template: str, **values: object) -> Response:
    return Response(200, _templates().get_template(template).render(**values).encode(), dict(_HEADERS))
