"""Which scopes a HubSpot token has, asked for by requests that do nothing.

Owns: one request per scope. Must not: read an answer.

A batch of no inputs changes nothing, whether HubSpot takes or refuses it; neither does a property or list that does not
exist. A token without the scope is answered by 403, which names it (requiredGranularScopes). The endpoint that tells a
token's scopes (/oauth/v2/private-apps/get/access-token-info) knows private apps alone, and a scope does not help where
the portal's subscription lacks the tool: so what counts is asked. Specifications of 2026-03, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from connector.platforms import rights
from connector.platforms.http.client import Http
from connector.platforms.hubspot.wire import Paths

_EMAIL = {"channel": "EMAIL"}
_NO_INPUTS: dict[str, list[str]] = {"inputs": []}
_ASKED = {"inputs": ["nobody@example.com"]}  # a reading, of an address that is nobody's
_ABSENT = "segment_connector_absent"  # the name of no property


def lacking(http: Http, paths: Paths, wanted: Collection[str]) -> Mapping[str, str]:
    """See Adapter."""

    def probe(method: str, path: str, query: Mapping[str, object], body: object) -> object:
        return http.send(method, path, query=query, body=body, replayable=method == "GET")

    asked: Mapping[str, tuple[str, str, Mapping[str, object], object]] = {
        "crm.objects.contacts.read": ("GET", paths.contacts, {"limit": 1}, None),
        "crm.objects.contacts.write": ("POST", f"{paths.contacts}/batch/update", {}, _NO_INPUTS),
        "crm.schemas.contacts.write": ("PATCH", f"{paths.properties}/{_ABSENT}", {}, {}),
        "crm.lists.read": ("GET", f"{paths.lists}/0", {}, None),
        "crm.lists.write": ("PUT", f"{paths.lists}/0/memberships/remove", {}, []),
        "communication_preferences.statuses.batch.read": ("POST", paths.opted_out, _EMAIL, _ASKED),
        "communication_preferences.statuses.batch.write": ("POST", paths.opt_out, _EMAIL, _NO_INPUTS),
    }
    return rights.lacking({scope: partial(probe, *parts) for scope, parts in asked.items()}, wanted)
