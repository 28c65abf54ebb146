"""Phone numbers before they are sent to Klaviyo: one that is none is dropped there without a word.

Owns: which records have a number that Klaviyo does not take. Must not: send, mend a number.

Facts: E.164, and unique among profiles (developers.klaviyo.com reference 2026-07-15, profile object, read 2026-11-29).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.core.errors import BadRecords
from connector.platforms.base import RecordOutcome

FIELD = "phone_number"
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_WRONG = ("invalid_phone_number", "Klaviyo takes E.164, for example +493012345678.")
_TWICE = (
    "duplicate_phone_number",
    "Another profile has the number, and Klaviyo takes it for one alone.",
)


def shared(record: Mapping[str, Any], error: RecordOutcome) -> RecordOutcome:
    """A profile that is refused as a duplicate and has a number: the number is another's, and may be left out."""
    if error.code != "duplicate" or not json.loads(record["fields"] or "{}").get(FIELD):
        return error
    return replace(error, code=_TWICE[0], detail=_TWICE[1], fields=(FIELD,))


def check(records: Sequence[Mapping[str, Any]], destination: str) -> None:
    """Raises BadRecords for numbers that are no numbers, and for all but the first person of one."""
    numbers = {
        index: value
        for index, record in enumerate(records)
        if FIELD in (record["fields"] or "") and (value := json.loads(record["fields"]).get(FIELD)) is not None
    }
    first: dict[str, int] = {}
    for index, value in numbers.items():
        first.setdefault(str(value), index)
    bad = {
        index: _TWICE if _E164.fullmatch(str(value)) else _WRONG
        for index, value in numbers.items()
        if not _E164.fullmatch(str(value)) or first[str(value)] != index
    }
    if bad:
        text = f"{destination}: {len(bad)} phone numbers are not such that Klaviyo takes them."
        named = dict.fromkeys(bad, (FIELD,))
        raise BadRecords(text, bad, destination=destination, code="invalid_phone_number", fields=named)
