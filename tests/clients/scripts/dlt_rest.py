"""dlt's packaged source for REST APIs, with its own paginators, into DuckDB.

Owns: what arrives from HubSpot, Klaviyo and Mailchimp, as lines like those of steps.cjs. Must not: import anything of
this repository; it runs in the environment of dlt.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

URL = os.environ["REHEARSAL_URL"]
KLAVIYO = {"Authorization": "Klaviyo-API-Key pk_rehearsal", "revision": "2026-07-15"}


def source(headers: dict[str, str], paginator: dict[str, Any], name: str, path: str, rows: str, **query: Any) -> Any:
    endpoint = {"path": path, "params": query, "data_selector": rows}
    client: Any = {"base_url": URL, "headers": headers, "paginator": paginator}
    return rest_api_source({"client": client, "resources": [{"name": name, "endpoint": endpoint}]})


def loaded(step: str, found: Any, column: str) -> list[str]:
    """The column of the table that the pipeline wrote."""
    place = f"{step}.duckdb"
    pipeline = dlt.pipeline(step, destination=dlt.destinations.duckdb(place), dataset_name="held")
    pipeline.run(found)
    with pipeline.sql_client() as client:
        return [row[0] for row in client.execute_sql(f"SELECT {column} FROM {step}")]


def contacts() -> list[str]:
    headers = {"Authorization": "Bearer pat-rehearsal"}
    paginator = {"type": "json_link", "next_url_path": "paging.next.link"}
    query = {"limit": 100, "properties": "email"}
    found = source(headers, paginator, "contacts", "/crm/v3/objects/contacts", "results", **query)
    return loaded("contacts", found, "properties__email")


def profiles() -> list[str]:
    paginator = {"type": "json_link", "next_url_path": "links.next"}
    found = source(KLAVIYO, paginator, "profiles", "/api/profiles", "data", **{"page[size]": 100})
    return loaded("profiles", found, "attributes__email")


def members() -> list[str]:
    headers = {"Authorization": "Bearer rehearsal-us1"}
    paginator = {"type": "offset", "limit": 500, "limit_param": "count", "total_path": "total_items"}
    path = f"/3.0/lists/{os.environ['AUDIENCE']}/members"
    return loaded("members", source(headers, paginator, "members", path, "members"), "email_address")


for step in (contacts, profiles, members):
    try:
        line = {"step": step.__name__, "value": step()}
    except Exception as error:  # noqa: BLE001  the next step is tried, too
        line = {"step": step.__name__, "error": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(line) + "\n")
