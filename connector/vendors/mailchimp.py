"""Mailchimp's facts.

Owns: what the rest of the house may know of Mailchimp. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import Vendor

MAILCHIMP = Vendor(
    name="mailchimp",
    title="Mailchimp",
    secret="api_key",
    settings={},
    kinds=frozenset({Kind.TAG}),
    new_contacts=frozenset(NewContacts),
    retire="archive",
    unsubscribes=True,
    audience=True,
)
