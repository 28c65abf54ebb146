"""Brevo's facts.

Owns: what the rest of the house may know of Brevo. Must not: hold behaviour.
"""

from __future__ import annotations

from connector.core.model import Kind, NewContacts
from connector.vendors.base import UNTOLD, WRITING, Longest, Phone, Rehearsal, Use, Vendor

BREVO = Vendor(
    name="brevo",
    title="Brevo",
    order=4,
    adapter="connector.platforms.brevo.adapter:Brevo",
    secret="api_key",
    variable="BREVO_API_KEY",
    auth_header="api-key",
    sample_key="xkeysib-rehearsal",
    settings={"tag_property": "SEGMENT_TAGS"},
    kinds=frozenset(Kind),
    # A new contact can be mailed at once: none is held without consent, and none awaits a confirmation.
    new_contacts=frozenset({NewContacts.SKIP, NewContacts.SUBSCRIBED}),
    # A key opens the whole account (help centre, “Create and manage your API keys”, read 2026-11-28). What it may
    # not do for all that, since the account is being validated or its plan lacks it, is told by a 403.
    rights={
        "contacts": WRITING | {Use.READ},
        "attributes": frozenset({Use.TAGS}),
        "lists": WRITING - {Use.UNSUBSCRIBE},  # an import has a list, also without one to join
    },
    right="permission for",
    names={kind: Longest(255, UNTOLD) for kind in Kind},
    property_name=Longest(255, UNTOLD),
    phones={
        "SMS": Phone(
            r"(\+|00)?[1-9]([ ()./-]*\d){6,14}",
            "numbers with the country code",
            "+493012345678",
            "reference “Create a contact”, changelog of 2020-04-29 (both read 2026-11-29)",
        )
    },
    unsubscribes=True,
    engagement=False,
    erase="Contacts > the person > Delete. An opt-out is deleted with the contact.",
    campaigns=(
        "of campaigns to a list, for about six months; opens of privacy proxies are among the opens, and "
        "it tells no revenue"
    ),
    rehearsal=Rehearsal("connector.rehearsal.brevo.routes", path="/v3", account="rehearsal-org"),
)
