"""Klaviyo's facts.

Owns: what the rest of the house may know of Klaviyo. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import UNTOLD, WRITING, Known, Longest, Phone, Rehearsal, Use, Vendor

# Collected on 2026-11-21 from published export samples; headers that an account can rename are those of the English
# interface.
_SUBSCRIBED = ("subscribed",)
_NOT_SUBSCRIBED = (
    "unsubscribed",
    "never_subscribed",
    "never subscribed",
    "not_subscribed",
    "not subscribed",
    "pending",
)
_PRESET = {
    "klaviyo id": Known("id", "text"),
    "profile id": Known("id", "text"),
    "email": Known("email"),
    "email address": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "country": Known("country", "country"),
    "city": Known("city"),
    "state / region": Known("state"),
    "zip code": Known("postal_code", "text"),
    "phone number": Known("phone", "phone"),
    "organization": Known("company"),
    "tags": Known("tags", "list", ","),
    "profile created on": Known("created_at", "timestamp"),
    "created": Known("created_at", "timestamp"),
    "date added": Known("added_at", "timestamp"),
    "updated": Known("updated_at", "timestamp"),
    "last active": Known("last_activity_at", "timestamp"),
    "last open": Known("last_open_at", "timestamp"),
    "last click": Known("last_click_at", "timestamp"),
    "last purchase": Known("last_order_at", "timestamp"),
    "date of last purchase": Known("last_order_at", "timestamp"),
    "email marketing consent": Known("email_opt_in", "boolean", None, _SUBSCRIBED, _NOT_SUBSCRIBED),
    "email marketing consent timestamp": Known("opted_in_at", "timestamp"),
    "sms marketing consent": Known("sms_opt_in", "boolean", None, _SUBSCRIBED, _NOT_SUBSCRIBED),
    "historic customer lifetime value": Known("total_spent", "number"),
    "historic number of orders": Known("orders_count", "integer"),
}

# `x-klaviyo-scopes` of each operation in the OpenAPI documents of revision 2026-07-15, read 2026-11-29. Imports need
# lists:write, and their jobs lists:read, also without a list.
_IMPORTS = WRITING - {Use.UNSUBSCRIBE, Use.RETIRE}
_RIGHTS = {
    "accounts:read": frozenset({Use.READ}),
    "profiles:read": frozenset({Use.READ}),
    "profiles:write": WRITING,
    "lists:read": _IMPORTS,
    "lists:write": _IMPORTS,
    "subscriptions:write": frozenset({Use.RETIRE}),
    "metrics:read": frozenset({Use.SIGNALS}),
    "events:read": frozenset({Use.SIGNALS}),
}

KLAVIYO = Vendor(
    name="klaviyo",
    title="Klaviyo",
    order=2,
    adapter="connector.platforms.klaviyo.adapter:Klaviyo",
    secret="api_key",
    variable="KLAVIYO_API_KEY",
    auth_header="Authorization",
    sample_key="pk_rehearsal",
    settings={"revision": None, "tier": None, "tag_property": "segment_tags"},
    kinds=frozenset(Kind),
    # Its import leaves consent alone, and its subscription endpoint lifts an unsubscribe: nobody is subscribed there.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.TRANSACTIONAL}),
    rights=_RIGHTS,
    names={kind: Longest(255, UNTOLD) for kind in Kind},
    property_name=Longest(255, UNTOLD),
    # One that is not E.164 is dropped there without a word, and two profiles cannot have one.
    phones={"phone_number": Phone(r"\+[1-9]\d{6,14}", "E.164", "+493012345678", "reference, profile (2026-11-29)")},
    retire="suppress",
    erase="Profiles > the person > Delete profile (a privacy deletion request).",
    preset=_PRESET,
    campaigns=(
        "of campaigns to a list, not to a tag, which is a property there; opens of privacy proxies are among the opens"
    ),
    rehearsal=Rehearsal("connector.rehearsal.klaviyo.routes", path="", account="RHRSAL"),
)
