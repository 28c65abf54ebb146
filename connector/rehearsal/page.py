"""stub"""

from __future__ import annotations

from connector.rehearsal.world import Platform, Request, Response, World


def home(world: World, platforms: list[Platform]) -> Response:
    return Response(body=b"stub", headers={"content-type": "text/html"})


def target(world: World, platforms: list[Platform], request: Request) -> Response:
    return Response(404)
