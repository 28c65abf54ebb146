"""Contacts as HubSpot exports them.

Owns: what its columns mean (knowledge.hubspot.com, “Export your records”, read 2026-11-29). Must not: apply the API's
rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.rehearsal.core.exports import Row, cell, flag, folded
from connector.rehearsal.core.world import World
from connector.rehearsal.hubspot import store
from connector.rehearsal.hubspot.contacts import definitions
from connector.rehearsal.hubspot.wire import millis

_OPTED_OUT = ("Unsubscribed from all email", "hs_email_optout")
_BOUNCED = ("Email hard bounce reason", "hs_email_hard_bounce_reason_enum")


def load(world: World, rows: Sequence[Row], file: str) -> int:
    """Take in the rows whose address nobody has yet; how many there were."""
    known, at, count = definitions(world), millis(world.now()), 0
    plain = {name for name, one in known.items() if one["type"] in ("string", "enumeration") and name != "email"}
    named = {folded(text): name for name in plain for text in (name, known[name]["label"])}
    for row in rows:
        email = cell(row, "Email", "Email Address").lower()
        taken = world.db.execute("SELECT 1 FROM hs_address WHERE email = ?", (email,)).fetchone()
        if "@" not in email or taken:
            continue
        found = {
            named[folded(header)]: text.strip()
            for header, text in row.items()
            if folded(header or "") in named and text
        }
        values = {name: kept for name, text in found.items() if (kept := _taken(known[name], text)) is not None}
        if flag(cell(row, *_OPTED_OUT)):
            values["hs_email_optout"] = "true"
            world.db.execute("INSERT OR IGNORE INTO hs_optout VALUES (?, ?)", (email, at))
        if cell(row, *_BOUNCED):
            values |= {"hs_email_bounce": "1", "hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"}
        number = cell(row, "Record ID", "Contact ID")
        held = number.isdigit() and world.db.execute("SELECT 1 FROM hs_contact WHERE id = ?", (int(number),)).fetchone()
        store.add_contact(world, int(number) if number.isdigit() and not held else None, {"email": email} | values, at)
        count += 1
    return count


def _taken(definition: Mapping[str, Any], text: str) -> str | None:
    """The value as it is kept: of an option its internal value; None for one that it has not."""
    if definition["type"] != "enumeration":
        return text
    values = {
        folded(shown): str(one["value"]) for one in definition["options"] for shown in (one["label"], one["value"])
    }
    picked = [values.get(folded(part)) for part in text.split(";")]
    return None if None in picked else ";".join(filter(None, picked))
