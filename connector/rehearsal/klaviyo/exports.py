"""Profiles as Klaviyo exports them, from a list or segment.

Owns: what its columns mean (help.klaviyo.com, “How to export profiles”, read 2026-11-29). Must not: apply the API's
rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.rehearsal.core.exports import Row, cell, flag, folded, several
from connector.rehearsal.core.world import World
from connector.rehearsal.klaviyo import store, wire

_TEXTS = {"first_name": "First Name", "last_name": "Last Name", "organization": "Organization", "title": "Title"}
_TAGS = folded("segment_tags")  # the property that the connector uses unless told otherwise


def load(world: World, rows: Sequence[Row], file: str) -> int:
    """Take the rows in; how many had an address."""
    db, at = world.db, wire.stamp(world.now())
    mine = [row for row in rows if store.plausible(cell(row, "Email", "Email Address"))]
    made = store.upsert(db, [{"attributes": _attributes(row)} for row in mine], at, null_clears=False).profiles
    for row, profile in zip(mine, made, strict=True):
        if profile is None:
            continue
        consent = cell(row, "Email Marketing Consent", "Email Consent", "Consent").casefold()
        said_no = "unsub" in consent or "unsub" in file.casefold()
        if said_no:
            store.set_consent(db, [profile.pk], store.UNSUBSCRIBED, at)
            store.suppress(db, [profile.pk], "UNSUBSCRIBE", at)
        elif consent.startswith("subscribed"):
            store.set_consent(db, [profile.pk], store.SUBSCRIBED, at)
        suppressed = cell(row, "Email Suppressed", "Suppressed", "Email Suppressions", "Suppressions")
        if not said_no and suppressed and (flag(suppressed) or suppressed.casefold() not in ("false", "no", "0", "[]")):
            store.suppress(
                db, [profile.pk], "HARD_BOUNCE" if "bounce" in suppressed.casefold() else "USER_SUPPRESSED", at
            )
    return len(mine)


def _attributes(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"email": cell(row, "Email", "Email Address")}
    found |= {name: text for name, header in _TEXTS.items() if (text := cell(row, header))}
    if phone := cell(row, "Phone Number"):
        found["phone_number"] = phone
    tags = next((text for header, text in row.items() if header and folded(header) == _TAGS), "")
    if tags:
        found["properties"] = {"segment_tags": several(tags.strip("[]").replace('"', "").replace("'", ""))}
    return found
