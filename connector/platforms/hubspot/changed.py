"""What changed at HubSpot, read by search. A search is cut by offset, oldest change first: one that changes meanwhile
goes to its end, and the others move up.

Owns: that nobody is passed over. Each page is a search of its own, from the moment in which the page before ended. Only
within one moment (a millisecond) pages are turned; who leaves it makes it smaller, and then it is read again.
Must not: know what a contact means, keep state.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from connector.platforms.hubspot import wire
from connector.platforms.hubspot.portal import EVERYBODY, Among, Json, Portal


def since(portal: Portal, start: int, among: Among = EVERYBODY) -> Iterator[Json]:
    """Pages of contacts changed at or after `start` (ms), some twice. Everybody, when one moment holds more than a
    search can show."""
    while True:
        body = next(portal.changed(start, among=among))
        yield body
        if wire.after(body) is None:
            return
        newest = max([start, *map(wire.modified_ms, body["results"])])
        if newest == start:
            if not (yield from _moment(portal, start, among)):
                yield from portal.pages(among.properties)
                return
            newest += 1
        start = newest


def _moment(portal: Portal, at: int, among: Among) -> Generator[Json, None, bool]:
    """All that was changed in one millisecond; returns whether that were all. It only becomes smaller, so reading it
    again comes to an end."""
    while True:
        total, complete, smaller = 0, False, False
        for body in portal.changed(at, at, among=among):
            yield body
            here = int(body.get("total") or 0)
            smaller, total = smaller or here < total, here
            complete = wire.after(body) is None
        if not smaller:
            return complete
