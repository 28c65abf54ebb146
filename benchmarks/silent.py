"""A platform with no news: a plan beside it costs what the connector itself needs, and no network.

Owns: the stand-in for an adapter in the benchmark of plans. Must not: be asked for anything but news.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.platforms.base import Identity
from connector.platforms.mailchimp.facts import CAPABILITIES

if TYPE_CHECKING:
    import pyarrow as pa


class Silent:
    """Nothing changed there since the last reading. Any other question is an error, so it cannot go unnoticed."""

    capabilities = CAPABILITIES

    def identity(self) -> Identity:
        return Identity("silent", "Silent")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        return iter(())

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        return iter(())
