"""Who may talk to the rehearsal: programs on this machine, and its own page. A page of the web that somebody has open
in a browser may not, neither by a request of its own (Origin) nor under a name that leads here (Host).

Owns: that judgement, and which values a setting takes. Must not: know a platform or a path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from connector.rehearsal.core.world import REHEARSED, Request, Response


def refused(request: Request) -> Response | None:
    """The answer to a request that comes from elsewhere; None for one that may go on."""
    host, origin = request.headers.get("host"), request.headers.get("origin")
    if host is not None and not _here(host):
        return _no("the header Host names another machine")
    if origin is not None and (host is None or urlsplit(origin).netloc != host):
        return _no("the header Origin is of another page")
    return None


def _here(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _no(what: str) -> Response:
    return Response(403, {"error": f"Refused: {what}. The rehearsal answers programs on this machine only."})


def checked(name: str, value: Any, default: Any) -> None:
    """Raises ValueError when a value is of another kind than the setting's default."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "contacts_allowed":
        fits = isinstance(value, Mapping) and all(map(_is_limit, value.values())) and value.keys() <= REHEARSED.keys()
        kind = f"for each platform ({', '.join(REHEARSED)}) a whole number, 0 or more, or null for no limit"
    elif isinstance(default, bool):
        fits, kind = isinstance(value, bool), "true or false"
    elif isinstance(default, float):
        fits = number and math.isfinite(value) and (value >= 0 or name == "clock_ahead_s")
        kind = "a number, 0 or more" if name != "clock_ahead_s" else "a number"
    elif isinstance(default, int):
        fits, kind = number and isinstance(value, int) and value >= 0, "a whole number, 0 or more"
    elif isinstance(default, Mapping):
        fits = isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair)
        kind = "names and texts"
    else:
        fits, kind = isinstance(value, str), "a text"
    if not fits:
        raise ValueError(f"The setting {name} takes {kind}.")


def _is_limit(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
