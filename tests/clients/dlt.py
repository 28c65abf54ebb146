"""dlt, with the source for REST APIs that it ships: its own HubSpot source is no package.

Owns: what arrived, compared with what the rehearsal holds. Must not: import dlt.
"""

from __future__ import annotations

from tests.clients import people
from tests.clients.desk import Client, Desk


def run(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_mailchimp(running)
    people.fill_klaviyo(running)
    people.fill_hubspot(running)
    own = {"DLT_DATA_DIR": str(desk.work / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false"}  # it keeps and tells nothing
    seen = desk.python("dlt_rest.py", AUDIENCE=people.audience(running), **own)
    everybody = sorted(people.PEOPLE)
    same("HubSpot: all contacts arrive along paging.next.link", lambda: sorted(seen["contacts"]), everybody)
    same("Klaviyo: all profiles arrive along links.next", lambda: sorted(seen["profiles"]), everybody)
    same("Mailchimp: all members arrive by count and offset", lambda: sorted(seen["members"]), everybody)


CLIENTS = (Client("dlt", "pip", "dlt[duckdb]", "1.31.0", run),)
