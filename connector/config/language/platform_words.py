"""The words behind a destination's name that are columns of a contact: DESTINATION.status, DESTINATION.last_open_at …

Owns: the words and their types. Must not: name a platform, or know where the values come from.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.vendors import VENDORS

STATUS_WORDS: Mapping[str, ColumnType] = {"status": "text", "suppressed": "boolean", "status_at": "timestamp"}
ENGAGEMENT_WORDS: Mapping[str, ColumnType] = {
    "last_open_at": "timestamp",
    "last_click_at": "timestamp",
    "last_send_at": "timestamp",
    "sends": "integer",
    "bounces": "integer",
}
WORDS: Mapping[str, ColumnType] = {**STATUS_WORDS, **ENGAGEMENT_WORDS}


def columns(config: Config) -> dict[str, ColumnType]:
    """Every column that the file's destinations give: "NAME.status" -> text … Engagement only where the platform
    tells it in bulk: elsewhere everybody would look inactive."""
    return {
        f"{name}.{word}": type_
        for name, account in config.destinations.items()
        for word, type_ in (WORDS if VENDORS[account.platform].engagement else STATUS_WORDS).items()
    }
