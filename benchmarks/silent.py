"""A platform with no news: a plan beside it costs what the connector itself needs, and no network.

Owns: the stand-in for an adapter in the benchmark of plans. Must not: be asked for anything but news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.core.model import Kind
from connector.platforms.base import Identity
from connector.platforms.mailchimp.facts import CAPABILITIES

if TYPE_CHECKING:
    import pyarrow as pa


class Silent:
    """Nothing changed there since the last reading, and `held` is still there: (kind, name) -> id. Any other question
    is an error, so it cannot go unnoticed."""

    capabilities = CAPABILITIES

    def __init__(self, held: Mapping[tuple[Kind, str], str]) -> None:
        self._held = held

    def identity(self) -> Identity:
        return Identity("silent", "Silent")

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        self._held = targets

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        return {key: remote_id for key, remote_id in self._held.items() if key[0] in kinds}

    def now(self) -> datetime:
        return datetime.now(UTC)

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        return iter(())

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        return iter(())
