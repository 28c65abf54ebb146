"""Which records of a batch may go to an endpoint of Klaviyo that would create a missing profile: those it holds.

Owns: what a reading by id says about a batch. Must not: ask Klaviyo, build a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.platforms.base import LEFT_LIST, NOT_HELD

Held = Mapping[str, Mapping[str, Any]]  # id -> row of CONTACT_SCHEMA


def culprits(records: Sequence[Mapping[str, Any]], held: Held, list_id: str | None) -> dict[int, tuple[str, str]]:
    """index -> code, detail of those whose id Klaviyo does not hold (any more), who unsubscribed from the list that
    they are to join, and of further rows of one profile."""
    gone = [index for index, record in enumerate(records) if record["remote_id"] not in held]
    found = dict.fromkeys(gone, (NOT_HELD, "gone from Klaviyo"))
    left = {key for key, row in held.items() if list_id is not None and list_id in (row["left"] or ())}
    out = [index for index, record in enumerate(records) if record["remote_id"] in left]
    found |= dict.fromkeys(out, (LEFT_LIST, "unsubscribed from this list"))
    return found | dict.fromkeys(_repeated(records, held), ("duplicate", "another row is the same profile"))


def _repeated(records: Sequence[Mapping[str, Any]], held: Held) -> Iterator[int]:
    """Of several rows with one id, which happens after somebody else gave a profile another address, all but the row of
    its present address, or all but the first."""
    counts = Counter(record["remote_id"] for record in records)
    twice = {key for key, count in counts.items() if count > 1 and key in held}
    kept: dict[str, int] = {}
    for index, record in enumerate(records):
        key = record["remote_id"]
        if key in twice and (key not in kept or record["email"] == held[key]["email"]):
            kept[key] = index
    yield from (i for i, each in enumerate(records) if each["remote_id"] in twice and kept[each["remote_id"]] != i)
