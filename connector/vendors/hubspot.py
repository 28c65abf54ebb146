"""HubSpot's facts.

Owns: what the rest of the house may know of HubSpot. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import Vendor

HUBSPOT = Vendor(
    name="hubspot",
    title="HubSpot",
    secret="access_token",
    settings={"version": None, "tier": None, "tag_property": "segment_tags"},
    kinds=frozenset(Kind),
    # Consent is kept per subscription type, not on the contact: a new contact cannot be made subscribed or pending.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.TRANSACTIONAL}),
    unsubscribes=True,
)
