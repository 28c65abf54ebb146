"""Which scopes a Klaviyo key has, asked for by requests that do nothing.

Owns: one request per scope. Must not: read an answer.

Each endpoint needs the scope that it is asked for and no other (`x-klaviyo-scopes`, revision 2026-07-15, read
2026-11-29). A writing one names a profile or list that cannot exist, or no profile at all; a key without the scope is
answered by 403 and any other by 404 or 400.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from connector.platforms import rights
from connector.platforms.http.client import Http

_NOBODY = "0"  # no id of Klaviyo's: those have letters


def _body(kind: str, attributes: Mapping[str, object], *, named: bool = True) -> dict[str, object]:
    return {"data": {"type": kind, **({"id": _NOBODY} if named else {}), "attributes": attributes}}


_UNSUPPRESS = "profile-suppression-bulk-delete-job"
_PROBES: Mapping[str, tuple[str, str, str, object]] = {
    "profiles:read": ("GET", "/api/profiles", "profiles", None),
    "profiles:write": ("PATCH", f"/api/profiles/{_NOBODY}", "import", _body("profile", {})),
    "lists:read": ("GET", "/api/lists", "lists", None),
    "lists:write": ("PATCH", f"/api/lists/{_NOBODY}", "lists.create", _body("list", {"name": "none"})),
    "subscriptions:write": (
        "POST",
        f"/api/{_UNSUPPRESS}s",
        "suppress",
        _body(_UNSUPPRESS, {"profiles": {"data": []}}, named=False),
    ),
    "metrics:read": ("GET", "/api/metrics", "metrics", None),
    "events:read": ("GET", "/api/events", "events", None),
}


def lacking(http: Http, wanted: Collection[str], account: rights.Probe) -> Mapping[str, str]:
    """See Adapter. `account` reads the account."""

    def probe(method: str, path: str, bucket: str, body: object) -> object:
        sized = {"page[size]": 1} if path in ("/api/profiles", "/api/lists") else {}
        return http.send(method, path, query=sized, body=body, replayable=method == "GET", bucket=bucket)

    probes = {scope: partial(probe, *asked) for scope, asked in _PROBES.items()}
    return rights.lacking({"accounts:read": account} | probes, wanted)
