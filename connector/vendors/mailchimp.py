"""Mailchimp's facts.

Owns: what the rest of the house may know of Mailchimp. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import WRITING, Known, Longest, Rehearsal, Vendor

# Collected on 2026-11-21 from published export samples; headers that an account can rename are those of the English
# interface.
_PRESET = {
    "email address": Known("email"),
    "first name": Known("first_name"),
    "fname": Known("first_name"),
    "last name": Known("last_name"),
    "lname": Known("last_name"),
    "phone number": Known("phone", "phone"),
    "phone": Known("phone", "phone"),
    "member_rating": Known("member_rating", "integer"),
    "optin_time": Known("created_at", "timestamp"),
    "confirm_time": Known("opted_in_at", "timestamp"),
    "last_changed": Known("updated_at", "timestamp"),
    "unsub_time": Known("unsubscribed_at", "timestamp"),
    "clean_time": Known("bounced_at", "timestamp"),
    "cc": Known("country", "country"),
    "country": Known("country", "country"),
    "region": Known("state"),
    "latitude": Known("latitude", "number"),
    "longitude": Known("longitude", "number"),
    "euid": Known("id", "text"),
    "leid": Known("list_member_id", "text"),
    "tags": Known("tags", "list", ","),
    "zip code": Known("postal_code", "text"),
    "birthday": Known("birthday", "day"),
}

MAILCHIMP = Vendor(
    name="mailchimp",
    title="Mailchimp",
    order=1,
    adapter="connector.platforms.mailchimp.adapter:Mailchimp",
    secret="api_key",
    variable="MAILCHIMP_API_KEY",
    auth_header="Authorization",
    sample_key="rehearsal-us1",
    kinds=frozenset({Kind.TAG}),
    # A key is of its user's level. Importing begins at Manager (help centre, “Manage user levels in your account”, read
    # 2026-11-29).
    rights={"Manager": WRITING},
    right="user level",
    names={Kind.TAG: Longest(100, "the interface's own message; the specification says nothing (2026-11-29)")},
    new_contacts=frozenset(NewContacts),
    retire="archive",
    unsubscribes=True,
    audience=True,
    erase="Audience > All contacts > the person > Actions > Delete permanently.",
    preset=_PRESET,
    campaigns=(
        "of campaigns to a tag; opens are told without those of privacy proxies, bounces hard and soft together"
    ),
    rehearsal=Rehearsal("connector.rehearsal.mailchimp.routes", path="/3.0", account="rehearsal0000000000000001"),
)
