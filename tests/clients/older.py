"""Older Python clients of HubSpot and Klaviyo, and mailchimp3, which others wrote for Mailchimp.

Owns: what they saw and wrote, compared with what the rehearsal holds. Must not: import a client. The newest of the
vendors' own run with the suite (tests/contract).
"""

from __future__ import annotations

from connector.rehearsal.mailchimp.routes import FORMED
from tests.clients import people
from tests.clients.desk import Client, Desk
from tests.path import platforms

NEW = {f"n{number}@example.com" for number in range(120)}


def mailchimp3(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_mailchimp(running)
    before = platforms.mailchimp_statuses(running.url)
    seen = desk.python("older.py", "mailchimp3", MAILCHIMP_KEY=FORMED)
    after = platforms.mailchimp_statuses(running.url)
    same("ping", lambda: seen["ping"], "Everything's Chimpy!")
    same(f"pages through all {len(before)} members, with their status", lambda: seen["everybody"], before)
    same("adds 120 members in one batch", lambda: [seen["created"], after.keys() >= NEW], [120, True])
    same("updates a member", lambda: seen["updated"], "Older")
    same("a search of members takes _ as it is", lambda: seen["searched"], ["a_b@example.com"])


def klaviyo(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_klaviyo(running)
    seen = desk.python("older.py", "klaviyo")
    after = set(people.klaviyo_profiles(running))
    same("reads the account", lambda: bool(seen["account"]))
    same(f"pages through all {people.COUNT} profiles", lambda: sorted(seen["everybody"]), sorted(people.PEOPLE))
    same("waits for an import of 120 profiles", lambda: [seen["created"], after], [120, {*people.PEOPLE, *NEW}])


def hubspot(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_hubspot(running)
    seen = desk.python("older.py", "hubspot")
    after = set(platforms.hubspot_properties(running.url))
    same(f"pages through all {people.COUNT} contacts", lambda: sorted(seen["everybody"]), sorted(people.PEOPLE))
    same("creates 120 contacts in batches", lambda: [seen["created"], after], [120, {*people.PEOPLE, *NEW}])


CLIENTS = (
    Client("mailchimp3", "pip", "mailchimp3", "3.0.21", mailchimp3),
    Client("klaviyo-older", "pip", "klaviyo-api", "17.0.0", klaviyo),
    Client("hubspot-older", "pip", "hubspot-api-client", "8.2.1", hubspot),
)
