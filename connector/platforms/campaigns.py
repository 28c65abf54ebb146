"""What platforms report of their campaigns: an optional part of the adapter contract.

Owns: CampaignReport, and Campaigns, which an adapter may have beside Adapter. Must not: send, count, name a platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from connector.core import scrub
from connector.core.model import Kind


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """One campaign of mail, over its whole life. `targets`: the tags and lists (kind, id) that it was sent to, ours and
    others. Whatever is counted is counted by people, without the opens of machines where they are told apart
    (`machines`); None: it is not told. `name` is scrubbed here."""

    id: str
    name: str
    sent_at: datetime
    targets: frozenset[tuple[Kind, str]]
    sent: int | None
    delivered: int | None
    opened: int | None
    clicked: int | None
    bounced: int | None
    unsubscribed: int | None
    revenue: float | None = None
    machines: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", scrub.scrub(self.name))


@runtime_checkable
class Campaigns(Protocol):
    """An adapter that tells of campaigns. Raises only DestinationError and its subclasses."""

    def campaigns(self, since: datetime, until: datetime) -> Iterator[CampaignReport]:
        """Those that were sent from `since` until just before `until`, read in pages. Writes nothing."""


def count(told: Mapping[str, Any], name: str) -> int | None:
    """A number of people out of an answer; None for what is none."""
    value = told.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def instant(value: object) -> datetime | None:
    """A moment out of an answer, aware; None for what is none."""
    try:
        at = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
