"""Who is held, before something is written that would create the others.

Owns: the arithmetic of asking by id or reading everybody, and naming those who are gone. Must not: write.

An import finds contacts by address. So before one that is no CREATE, each contact is looked at by its id: it must be
there, and under the address that we know. A deleted contact would come back as one that gets mail, and so would the
former address of a contact that has another one: that contact is written to alone, by its id.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.core.counts import count_of
from connector.core.errors import BadRecords
from connector.platforms.brevo import wire
from connector.platforms.brevo.client import Client
from connector.platforms.brevo.facts import IDS, OVERLAP, PAGE

GONE = ("not_held", "gone from Brevo")


def held(client: Client, keys: Sequence[str]) -> dict[str, wire.Contact]:
    """id -> contact of those of `keys` that are held: 20 a request, or everybody 1,000 a request where that is less."""
    asking = math.ceil(len(keys) / IDS)
    found: dict[str, wire.Contact] = {}
    if asking > 3:
        first = client.page()
        if math.ceil(first.count / (PAGE - OVERLAP)) < asking:
            wanted = set(keys)
            for page in client.pages(first):
                found |= _by_id(one for one in page.contacts if str(one.id) in wanted)
    missing = [key for key in keys if key not in found]
    for some in client.by_ids(missing):
        found |= _by_id(some)
    return found


def _by_id(contacts: Iterable[wire.Contact]) -> dict[str, wire.Contact]:
    return {str(one.id): one for one in contacts}


def certain(client: Client, records: Sequence[Mapping[str, Any]]) -> dict[str, wire.Contact]:
    """id -> contact of all of `records`. Raises BadRecords: it names those who are gone, and nobody (the batch is then
    halved) when one of several has another address now."""
    found = held(client, [record["remote_id"] for record in records])
    bad = {index: GONE for index, record in enumerate(records) if record["remote_id"] not in found}
    if bad:
        who = count_of(len(bad), "contact to update is", "contacts to update are")
        text = f"{client.name}: {who} no longer held by Brevo."
        raise BadRecords(text, bad, destination=client.name, code="not_held")
    if len(records) > 1 and any(found[each["remote_id"]].address != each["email"] for each in records):
        text = f"{client.name}: a contact has another address at Brevo now."
        raise BadRecords(text, {}, destination=client.name, code="other_address")
    return found
