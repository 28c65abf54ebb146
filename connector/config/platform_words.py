"""The words behind a destination's name that are columns of a contact: DESTINATION.status, DESTINATION.last_open_at …

Owns: the words and their types. Must not: know which platform offers what, or where the values come from.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.config.models import ColumnType, Config

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
    """Every column that the file's destinations give: "mailchimp.status" -> text …"""
    return {f"{name}.{word}": type_ for name in config.destinations for word, type_ in WORDS.items()}
