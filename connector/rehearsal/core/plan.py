"""How many contacts the plan of an account holds.

Owns: Settings.contacts_allowed as a rule for writing requests. Must not: know which contacts a vendor counts, or how it
refuses.

Who is there already stays, also when the limit is below them, and can be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from connector.rehearsal.core.world import Handler, Refusal, Request, Response, Route, World

FULL = "You have reached the contact limit of your plan. Upgrade the plan to add more contacts."
Count = Callable[[World], int]


def allowed(world: World, platform: str) -> int | None:
    """How many contacts the account holds at most; None: as many as come."""
    return world.settings.contacts_allowed.get(platform)


def exceeded(world: World, platform: str, before: int, after: int) -> bool:
    """Whether contacts were added beyond what the plan holds."""
    most = allowed(world, platform)
    return most is not None and after > max(before, most)


def within(platform: str, routes: Iterable[Route], count: Count, refused: Callable[[], Response]) -> list[Route]:
    """The routes; those that write are refused, with all that they did, when the plan does not hold what they add."""
    return [
        route
        if route.method == "GET" or route.writes is False
        else route._replace(handler=_limited(platform, route.handler, count, refused))
        for route in routes
    ]


def _limited(platform: str, handler: Handler, count: Count, refused: Callable[[], Response]) -> Handler:
    def handle(world: World, request: Request) -> Response:
        if allowed(world, platform) is None:
            return handler(world, request)
        before = count(world)
        answer = handler(world, request)
        if exceeded(world, platform, before, count(world)):
            raise Refusal(refused())
        return answer

    return handle
