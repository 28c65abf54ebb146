"""HubSpot's facts.

Owns: what the rest of the house may know of HubSpot. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import UNTOLD, Known, Longest, Rehearsal, Use, Vendor

# Collected on 2026-11-21 from published export samples; headers that an account can rename are those of the English
# interface.
_PRESET = {
    "record id": Known("id"),
    "contact id": Known("id"),
    "email": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "country/region": Known("country", "country"),
    "country/region code": Known("country_code", "country"),
    "ip country code": Known("ip_country_code", "country"),
    "additional email addresses": Known("emails", "text"),
    "city": Known("city"),
    "state/region": Known("state"),
    "postal code": Known("postal_code", "text"),
    "phone number": Known("phone", "phone"),
    "mobile phone number": Known("mobile_phone", "phone"),
    "company name": Known("company"),
    "tags": Known("tags", "list", ";"),
    "create date": Known("created_at", "timestamp"),
    "last modified date": Known("updated_at", "timestamp"),
    "last activity date": Known("last_activity_at", "timestamp"),
    "time last seen": Known("last_site_visit_at", "timestamp"),
    "last marketing email send date": Known("last_sent_at", "timestamp"),
    "last marketing email open date": Known("last_open_at", "timestamp"),
    "last marketing email click date": Known("last_click_at", "timestamp"),
    "last marketing email reply date": Known("last_reply_at", "timestamp"),
    "marketing emails delivered": Known("emails_delivered", "integer"),
    "marketing emails opened": Known("emails_opened", "integer"),
    "marketing emails clicked": Known("emails_clicked", "integer"),
    "marketing emails bounced": Known("emails_bounced", "integer"),
    "sends since last engagement": Known("sends_since_engagement", "integer"),
    "unsubscribed from all email": Known("unsubscribed", "boolean"),
    "invalid email address": Known("invalid_email", "boolean"),
    "became a customer date": Known("became_customer_at", "timestamp"),
    "recent conversion date": Known("last_conversion_at", "timestamp"),
    "recent deal close date": Known("last_order_at", "timestamp"),
    "total revenue": Known("total_spent", "number"),
    "lifecycle stage": Known("lifecycle_stage", "text"),
}

# `security` of each operation in the OpenAPI documents of 2026-03, read 2026-11-29. Where one of several scopes is
# enough, it is the one that another line needs as well.
_RIGHTS = {
    "crm.objects.contacts.read": frozenset({Use.READ}),
    "crm.objects.contacts.write": frozenset({Use.CREATE, Use.FIELDS, Use.TAGS}),
    "crm.schemas.contacts.write": frozenset({Use.TAGS}),  # the options of the tag property
    "crm.lists.read": frozenset({Use.LISTS}),
    "crm.lists.write": frozenset({Use.LISTS}),
    "communication_preferences.statuses.batch.read": frozenset({Use.CREATE}),  # opt-outs of addresses without a contact
    "communication_preferences.statuses.batch.write": frozenset({Use.UNSUBSCRIBE}),
}

HUBSPOT = Vendor(
    name="hubspot",
    title="HubSpot",
    order=3,
    adapter="connector.platforms.hubspot.adapter:HubSpot",
    secret="access_token",
    variable="HUBSPOT_TOKEN",
    auth_header="Authorization",
    sample_key="pat-rehearsal",
    settings={"version": None, "tier": None, "tag_property": "segment_tags"},
    kinds=frozenset(Kind),
    # Consent is kept per subscription type, not on the contact: a new contact cannot be made subscribed or pending.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.TRANSACTIONAL}),
    rights=_RIGHTS,
    names={
        # An option has 3,000 characters for its label, value and description together, and ours has the name twice
        # (knowledge.hubspot.com/properties/property-field-types-in-hubspot, read 2026-11-29).
        Kind.TAG: Longest(1500, "knowledge.hubspot.com/properties/property-field-types-in-hubspot (2026-11-29)"),
        Kind.LIST: Longest(255, UNTOLD),
    },
    property_name=Longest(100, UNTOLD),
    unsubscribes=True,
    tag_separator=";",
    erase="the contact > Actions > Delete > Permanently (GDPR) delete.",
    preset=_PRESET,
    campaigns=(
        "of marketing emails to a list: totals of an email, opens of privacy proxies among them; it "
        "tells no revenue, and nothing of automated emails or of who did what"
    ),
    rehearsal=Rehearsal("connector.rehearsal.hubspot.routes", path="", account="4242424"),
)
