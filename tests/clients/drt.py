"""drt, a command that brings rows of a warehouse to HubSpot and Klaviyo.

Owns: a project of drt, and what the rehearsal holds after its syncs. Must not: import drt.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from tests.clients import people
from tests.clients.desk import Client, Desk
from tests.path import platforms

KNOWN = people.PEOPLE[:15]  # there already: drt creates, is refused with 409, and updates
NEW = [f"d{number}@example.com" for number in range(15)]
PROJECT = """
name: clients
version: "0.1"
profile: default
"""
PROFILES = """
default:
  type: duckdb
  database: {folder}/warehouse.duckdb
"""
HUBSPOT = """
name: to_hubspot
model: ref('people')
destination:
  type: hubspot
  object_type: contacts
  id_property: email
  properties_template: '{"email": "{{ row.email }}", "firstname": "{{ row.first_name }}"}'
  auth: {type: bearer, token_env: HUBSPOT_TOKEN}
sync: {mode: full, on_error: skip, rate_limit: {requests_per_second: 9}}
"""
KLAVIYO = """
name: to_klaviyo
model: ref('people')
destination:
  type: klaviyo
  api_key_env: KLAVIYO_API_KEY
  list_id: LIST
  properties_template: '{"plan": "{{ row.first_name }}"}'
sync: {mode: full, on_error: skip, rate_limit: {requests_per_second: 50}}
"""
EVENTS = """
name: to_events
model: ref('people')
destination:
  type: klaviyo
  api_key_env: KLAVIYO_API_KEY
  endpoint: event
  metric_name: Became a reader
  unique_id_field: event_id
sync: {mode: full, on_error: skip, rate_limit: {requests_per_second: 50}}
"""


def run(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_hubspot(running)
    people.fill_klaviyo(running)
    drt = _project(desk, people.klaviyo_pages(running, "/api/lists")[0]["id"])
    wrote = {email: f"By drt {email}" for email in KNOWN + NEW}
    keys = {"HUBSPOT_TOKEN": "pat-rehearsal", "KLAVIYO_API_KEY": "pk_rehearsal"}
    for name in ("to_hubspot", "to_klaviyo", "to_events", "to_events"):  # the same events twice
        same(f"runs {name}", partial(_ended_well, desk, [drt, "run", "--select", name], keys))
    contacts = platforms.hubspot_properties(running.url, "firstname")
    names = {email: one["firstname"] for email, one in contacts.items()}
    profiles = people.klaviyo_profiles(running)
    plans = {email: one["attributes"]["properties"].get("plan") for email, one in profiles.items()}
    same("HubSpot: creates contacts, and updates those that are there", lambda: _written(names), wrote)
    same("HubSpot: nobody else is there", lambda: set(names), {*people.PEOPLE, *NEW})
    same("Klaviyo: creates profiles, and updates those that are there", lambda: _written(plans), wrote)
    same("Klaviyo: nobody else is there", lambda: set(plans), {*people.PEOPLE, *NEW})
    members = people.klaviyo_members(running, "Readers")
    same("Klaviyo: adds them to a list", lambda: members, {*people.READERS, *NEW})
    told = people.klaviyo_pages(running, "/api/events")
    same("Klaviyo: creates events, the same one only once", lambda: _events(told), _expected(wrote))


def _ended_well(desk: Desk, command: list[str], keys: dict[str, str]) -> bool:
    """Raises Failed otherwise."""
    desk.redirected(command, **keys)
    return True


def _written(found: dict[str, str | None]) -> dict[str, str | None]:
    return {email: text for email, text in found.items() if (text or "").startswith("By drt")}


def _events(told: list[dict[str, Any]]) -> list[str]:
    return sorted(one["attributes"]["event_properties"]["$event_id"] for one in told)


def _expected(wrote: Iterable[str]) -> list[str]:
    return sorted(f"reader-{email}" for email in wrote)


def _project(desk: Desk, key: str) -> str:
    """A warehouse, and the syncs. Returns the program."""
    programs = desk.programs()
    (desk.work / "syncs").mkdir()
    (desk.work / ".drt").mkdir()
    (desk.work / "drt_project.yml").write_text(PROJECT)
    (desk.work / ".drt" / "profiles.yml").write_text(PROFILES.replace("{folder}", str(desk.work)))
    (desk.work / "syncs" / "to_hubspot.yml").write_text(HUBSPOT)
    (desk.work / "syncs" / "to_klaviyo.yml").write_text(KLAVIYO.replace("LIST", key))
    (desk.work / "syncs" / "to_events.yml").write_text(EVENTS)
    lines = ["email,first_name,event_id", *(f"{email},By drt {email},reader-{email}" for email in KNOWN + NEW)]
    (desk.work / "people.csv").write_text("\n".join(lines) + "\n")
    made = "import duckdb; duckdb.connect('warehouse.duckdb').execute(\"CREATE TABLE people AS FROM 'people.csv'\")"
    desk.run([str(programs / "python"), "-c", made])
    return str(programs / "drt")


CLIENTS = (Client("drt", "pip", "drt-core[duckdb]", "1.2.1", run),)
