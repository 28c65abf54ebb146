"""The one gate of consent: who may be touched on a platform, and if not, the reason.

Owns: the rule and its reason codes. Every add and create of every destination passes here; removals never do.
Must not: know a platform. The order of the reasons is the order of their weight: what the platform says about
the person wins over the export, always.
"""

from __future__ import annotations

from connector.core.model import BLOCKED, NewContacts, Status, quoted
from connector.vendors import title

# Plain words for each reason code, for plans and reports; {} is the platform.
REASONS = {
    "unsubscribed": "unsubscribed in {}",
    "bounced": "bounced in {}",
    "complained": "complained about spam in {}",
    "suppressed": "suppressed in {}",
    "archived": "archived in {}",
    "archived_later": "archived in {}, which takes nothing from them meanwhile; removed when they are back",
    "forgotten": "erased in {} for good",
    "no_consent": "no consent in the export",
    "no_proof": "no dated proof of consent, which a new subscribed contact needs",
    "gone": "was in {} before and is deleted, erased or under another address there; not created again",
    "not_held": "not in {}, and new_contacts is skip",
    "rejected": "refused by {} before; parked until the person's row changes",
    "forgotten_here": "forgotten here by `sync forget`, though the export names them",
    "hold": "came or went too recently; the segment's hold keeps them as they are",
}


def words(code: str, platform: str) -> str:
    """A reason code as people read it; `platform` as in Capabilities."""
    return REASONS.get(code, code).format(title(platform) or "the platform")


HELD = f"(status is not null and status <> '{Status.ABSENT}')"


# Whoever is archived comes back with all their tags, and no removal reaches them before: it waits, and they stay ours.
REMOVED_LATER = f"case when status = '{Status.ARCHIVED}' then 'archived_later' end"


def reason(policy: NewContacts, *, gone_is_final: bool) -> str:
    """SQL over status, held_before, consent, consent_at: null when the contact may be added, else the code why not.

    `gone_is_final`: on this platform, a contact that was held and is absent was erased, or has another address."""
    said_no = quoted(BLOCKED)
    gone = f"when status = '{Status.ABSENT}' and held_before = 1 then 'gone'" if gone_is_final else ""
    new = {
        NewContacts.SKIP: f"when not {HELD} then 'not_held'",
        NewContacts.SUBSCRIBED: f"when not {HELD} and consent_at is null then 'no_proof'",
    }.get(policy, "")
    return f"case when status in ({said_no}) then status when not consent then 'no_consent' {gone} {new} end"
