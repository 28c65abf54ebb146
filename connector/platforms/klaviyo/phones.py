"""A phone number that Klaviyo says is another profile's.

Owns: what that refusal is. Must not: send, check numbers (platforms/phones.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.platforms import phones
from connector.platforms.base import RecordOutcome
from connector.vendors.klaviyo import KLAVIYO

(FIELD,) = KLAVIYO.phones


def shared(record: Mapping[str, Any], error: RecordOutcome) -> RecordOutcome:
    """A profile that is refused as a duplicate and has a number: the number is another's, and may be left out."""
    if error.code != "duplicate" or not json.loads(record["fields"] or "{}").get(FIELD):
        return error
    return replace(error, code=phones.TWICE, detail=phones.shared(KLAVIYO), fields=(FIELD,))
