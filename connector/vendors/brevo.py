"""Brevo's facts.

Owns: what the rest of the house may know of Brevo. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import Vendor

BREVO = Vendor(
    name="brevo",
    title="Brevo",
    secret="api_key",
    settings={"tag_property": "SEGMENT_TAGS"},
    kinds=frozenset(Kind),
    # A new contact can be mailed at once: none is held without consent, and none awaits a confirmation.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.SUBSCRIBED}),
    unsubscribes=True,
    engagement=False,
)
