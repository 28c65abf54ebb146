"""What a profile of Klaviyo says of a person: address, status, tags, and the lists that they unsubscribed from.

Owns: the mapping to CONTACT_SCHEMA. Must not: send, or put a value of an answer (it may be an address) into a text.

Facts: developers.klaviyo.com reference 2026-07-15 (get_profiles, EmailMarketing), read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.core.errors import ContractError
from connector.core.model import Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.klaviyo.wire import Resource, instant

# The first reason that applies decides; the person's own opt-out weighs more than a technical one.
REASONS = {
    "SPAM_COMPLAINT": Status.COMPLAINED,
    "UNSUBSCRIBE": Status.UNSUBSCRIBED,
    "HARD_BOUNCE": Status.BOUNCED,
    "INVALID_EMAIL": Status.BOUNCED,
    "USER_SUPPRESSED": Status.SUPPRESSED,
}


def contacts(profiles: Sequence[Resource], tag_property: str, destination: str) -> pa.Table:
    """Profiles with an address as CONTACT_SCHEMA. Needs attributes email, properties and subscriptions.

    Raises ContractError when a profile comes without subscriptions: nobody may be taken for reachable by mistake."""
    try:
        return _contacts(profiles, tag_property, destination)
    except (AttributeError, TypeError, pa.ArrowInvalid):
        text = f"{destination}: a profile in Klaviyo's answer is not of the documented shape. Check its `revision:`."
        raise ContractError(text, destination=destination, code="shape") from None


def _contacts(profiles: Sequence[Resource], tag_property: str, destination: str) -> pa.Table:
    mine = [profile for profile in profiles if profile.attributes.get("email")]
    statuses = [status(profile.attributes, destination) for profile in mine]
    return pa.table(
        {
            "email": [profile.attributes["email"].strip().lower() for profile in mine],
            "remote_id": [profile.id for profile in mine],
            "status": [str(value) for value, _ in statuses],
            "status_at": [at for _, at in statuses],
            "tags": [tags(profile.attributes, tag_property) for profile in mine],
            "left": [left(profile.attributes) for profile in mine],
        },
        schema=CONTACT_SCHEMA,
    )


def tags(attributes: Mapping[str, Any], tag_property: str) -> list[str]:
    """The tag property as a list; somebody may have made it a single text."""
    value = (attributes.get("properties") or {}).get(tag_property)
    values = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return list(dict.fromkeys(str(each) for each in values))


def left(attributes: Mapping[str, Any]) -> list[str]:
    """The lists that the person unsubscribed from: `list_suppressions`, whatever their reason."""
    marketing = ((attributes["subscriptions"] or {}).get("email") or {}).get("marketing") or {}
    return [str(each["list_id"]) for each in marketing.get("list_suppressions") or [] if each.get("list_id")]


def status(attributes: Mapping[str, Any], destination: str = "") -> tuple[Status, datetime | None]:
    """What Klaviyo may do with this profile, and since when. A suppression outweighs the consent beside it."""
    if "subscriptions" not in attributes:
        raise ContractError(
            f"{destination}: Klaviyo answered profiles without subscriptions although they were asked for. "
            "Check `revision:` of the destination.",
            destination=destination,
            code="shape",
        )
    marketing = ((attributes["subscriptions"] or {}).get("email") or {}).get("marketing")
    if not marketing:
        return Status.SUPPRESSED, None  # unknown: nobody is taken for reachable
    found = {entry.get("reason"): entry.get("timestamp") for entry in marketing.get("suppression") or []}
    for reason, meaning in REASONS.items():
        if reason in found:
            return meaning, instant(found[reason])
    consent = marketing.get("consent")
    since = instant(marketing.get("consent_timestamp") or marketing.get("last_updated"))
    if consent == "UNSUBSCRIBED":
        return Status.UNSUBSCRIBED, since
    if found or not marketing.get("can_receive_email_marketing", True):
        return Status.SUPPRESSED, instant(next(iter(found.values()), None))
    if consent == "SUBSCRIBED":
        return Status.SUBSCRIBED, since
    return Status.NEVER_SUBSCRIBED, None
