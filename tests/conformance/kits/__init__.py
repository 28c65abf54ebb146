"""The outside world of each platform: people who sign up, leave, bounce; and what the platform holds, by plain HTTP.

A platform joins the conformance suite with one Kit in KITS. Owns: writing statuses behind the connector's back, and
reading memberships, fields and consent. Must not: use an adapter.
"""

from __future__ import annotations

from tests.conformance.kits.base import Kit, Meaning
from tests.conformance.kits.brevo import Brevo
from tests.conformance.kits.hubspot import HubSpot
from tests.conformance.kits.klaviyo import Klaviyo
from tests.conformance.kits.mailchimp import Mailchimp

__all__ = ["KITS", "Kit", "Meaning"]

KITS: dict[str, type[Kit]] = {kit.name: kit for kit in (Mailchimp, Klaviyo, HubSpot, Brevo)}
