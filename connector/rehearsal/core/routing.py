"""Which route a path means.

Owns: templates, matching, decoding of path params. Must not: run handlers or read bodies.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from connector.rehearsal.core.world import Route


class Match(NamedTuple):
    """The route and its decoded params; without one, whether another method would have matched."""

    route: Route | None
    params: dict[str, str]
    other_method: bool = False


def absent(method: str, path: str, match: Match) -> tuple[int, str]:
    """Status and words for what the rehearsal does not have: never a 404, which would look as if the platform had the
    endpoint, and not what is asked for."""
    return 405 if match.other_method else 501, f"The rehearsal does not have this endpoint: {method} {path}"


class Router:
    """Routes of one platform, most literal template first."""

    def __init__(self, routes: list[Route]) -> None:
        ordered = sorted((Route(*route) for route in routes), key=lambda route: route.path.count("{"))
        self._routes = [(re.compile(_pattern(route.path)), route) for route in ordered]

    def match(self, method: str, raw_path: str) -> Match:
        other = False
        for pattern, route in self._routes:
            found = pattern.fullmatch(raw_path)
            if found and route.method == method:
                return Match(route, {name: unquote(value) for name, value in found.groupdict().items()})
            other = other or bool(found)
        return Match(None, {}, other)


def _pattern(template: str) -> str:
    parts = re.split(r"\{(\w+)\}", template.rstrip("/"))
    return "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)) + "/?"
