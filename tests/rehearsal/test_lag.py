"""HubSpot's index lags: what was created a moment ago is not found by a search, and not taken into a list."""

from __future__ import annotations

from typing import Any

from connector.rehearsal.core.process import Running
from tests.path.platforms import HUBSPOT
from tests.rehearsal.test_unlike import CONTACTS, ask

ANN, BEA = "ann@example.com", "bea@example.com"


def create(running: Running, email: str) -> str:
    return str(ask(running, HUBSPOT, "POST", CONTACTS, {"properties": {"email": email}}).json()["id"])


def found(running: Running, email: str) -> int:
    filters = [{"propertyName": "email", "operator": "EQ", "value": email}]
    body = {"filterGroups": [{"filters": filters}]}
    return int(ask(running, HUBSPOT, "POST", f"{CONTACTS}/search", body).json()["total"])


def test_a_new_contact_is_seen_later(rehearsal: Running) -> None:
    body = {"name": "Readers", "objectTypeId": "0-1", "processingType": "MANUAL"}
    memberships = (
        f"/crm/v3/lists/{ask(rehearsal, HUBSPOT, 'POST', '/crm/v3/lists', body).json()['list']['listId']}/memberships"
    )

    def added(*keys: str) -> Any:
        answer = ask(rehearsal, HUBSPOT, "PUT", f"{memberships}/add", list(keys)).json()
        return answer["recordsIdsAdded"], answer["recordIdsMissing"]

    ann = create(rehearsal, ANN)
    rehearsal.settings(clock_ahead_s=60, lag_s=30)
    bea = create(rehearsal, BEA)
    assert (found(rehearsal, ANN), found(rehearsal, BEA)) == (1, 0)
    assert added(ann, bea) == ([ann], [bea])
    read = {"inputs": [{"id": BEA}], "idProperty": "email"}
    assert len(ask(rehearsal, HUBSPOT, "POST", f"{CONTACTS}/batch/read", read).json()["results"]) == 1
    assert ask(rehearsal, HUBSPOT, "GET", f"{CONTACTS}/{bea}").ok
    assert ask(rehearsal, HUBSPOT, "POST", CONTACTS, {"properties": {"email": BEA}}).status_code == 409
    assert ask(rehearsal, HUBSPOT, "PATCH", f"{CONTACTS}/{bea}", {"properties": {"firstname": "Bea"}}).ok
    rehearsal.settings(clock_ahead_s=91)
    assert found(rehearsal, BEA) == 1 and added(ann, bea) == ([bea], [])
