"""Klaviyo's facts.

Owns: what the rest of the house may know of Klaviyo. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import Vendor

KLAVIYO = Vendor(
    name="klaviyo",
    title="Klaviyo",
    secret="api_key",
    settings={"revision": None, "tag_property": "segment_tags"},
    kinds=frozenset(Kind),
    # Its import leaves consent alone, and its subscription endpoint lifts an unsubscribe: nobody is subscribed there.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.TRANSACTIONAL}),
    retire="suppress",
)
