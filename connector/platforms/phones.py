"""Phone numbers before they are sent: one that is none may be dropped there without a word.

Owns: which records have a number that the platform does not take. Must not: send, mend a number, know a platform.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.core.counts import count_of
from connector.core.errors import BadRecords
from connector.vendors import Vendor

WRONG, TWICE = "invalid_phone_number", "duplicate_phone_number"


def shared(vendor: Vendor) -> str:
    """Why the second person of a number is refused."""
    return f"Another contact has the number, and {vendor.title} takes it for one alone."


def check(records: Sequence[Mapping[str, Any]], vendor: Vendor, destination: str) -> None:
    """Raises BadRecords for numbers that are no numbers, and for all but the first person of one."""
    bad: dict[int, tuple[str, str]] = {}
    names: dict[int, tuple[str, ...]] = {}
    for name, (pattern, form, example, _) in vendor.phones.items():
        first: dict[str, int] = {}
        for index, value in _numbers(records, name):
            if not re.fullmatch(pattern, value):
                bad[index] = WRONG, f"{vendor.title} takes {form}, for example {example}."
            elif first.setdefault(_digits(value), index) != index:
                bad[index] = TWICE, shared(vendor)
            else:
                continue
            names[index] = (*names.get(index, ()), name)
    if bad:
        one, many = "phone number is not such that {} takes it", "phone numbers are not such that {} takes them"
        text = f"{destination}: {count_of(len(bad), one, many).format(vendor.title)}."
        raise BadRecords(text, bad, destination=destination, code=WRONG, fields=names)


def _numbers(records: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[int, str]]:
    for index, record in enumerate(records):
        if name in (record["fields"] or "") and (value := json.loads(record["fields"]).get(name)) is not None:
            yield index, str(value)


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number).removeprefix("00")
