"""Which scopes a Klaviyo key has, asked for by requests that do nothing.

Owns: one request per scope. Must not: read an answer.

Each endpoint needs the scope that it is asked for and no other (`x-klaviyo-scopes`, revision 2026-07-15, read
2026-11-29). A writing one names a profile or list that cannot exist; a key without the scope is answered by 403 and any
other by 404 or 400.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from connector.platforms import rights
from connector.platforms.http.client import Http

_NOBODY = "0"  # no id of Klaviyo's: those have letters


def _body(kind: str, attributes: Mapping[str, object]) -> dict[str, object]:
    return {"data": {"type": kind, "id": _NOBODY, "attributes": attributes}}


# The members of a list that cannot exist, and never an empty list of profiles, which might be taken for all of them.
# (The job that suppresses needs profiles:write as well.)
_UNSUPPRESS_NOBODY = {
    "data": {
        "type": "profile-suppression-bulk-delete-job",
        "attributes": {},
        "relationships": {"list": {"data": {"type": "list", "id": _NOBODY}}},
    }
}
_PROBES: Mapping[str, tuple[str, str, str, object]] = {
    "profiles:read": ("GET", "/api/profiles", "profiles", None),
    "profiles:write": ("PATCH", f"/api/profiles/{_NOBODY}", "import", _body("profile", {})),
    "lists:read": ("GET", "/api/lists", "lists", None),
    "lists:write": ("PATCH", f"/api/lists/{_NOBODY}", "lists.create", _body("list", {"name": "none"})),
    "subscriptions:write": (
        "POST",
        "/api/profile-suppression-bulk-delete-jobs",
        "suppress",
        _UNSUPPRESS_NOBODY,
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
