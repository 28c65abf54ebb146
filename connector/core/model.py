"""The words that every room shares: targets, operations, statuses, outcomes.

Owns: small frozen values and enumerations (the vocabulary of docs/architecture.md).
Must not: import another room, know a platform, read a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

ColumnType = Literal[
    "text", "integer", "number", "date", "timestamp", "boolean", "list", "country", "phone", "place", "day"
]


class Kind(StrEnum):
    """What a segment can be sent to in a destination."""

    TAG = "tag"
    LIST = "list"


class SyncMode(StrEnum):
    """MIRROR adds, and removes what we added. ADDITIVE never removes. ENRICH sends fields only, never creates."""

    MIRROR = "mirror"
    ADDITIVE = "additive"
    ENRICH = "enrich"


class NewContacts(StrEnum):
    """What happens with a desired contact that the platform does not hold."""

    SKIP = "skip"
    TRANSACTIONAL = "transactional"
    PENDING = "pending"
    SUBSCRIBED = "subscribed"


class Op(StrEnum):
    """One kind of change to one contact. ADOPT sends nothing: it records what is already there. DISOWN is its
    reverse: the person stays in the target, and is no longer ours. MOVE gives a contact the person's new address.
    RETIRE archives or suppresses, RESTORE undoes what our RETIRE did, and nothing that the person
    said. UNSUBSCRIBE records an opt-out in the person's name: nothing takes it back, so it is never a default."""

    CREATE = "create"
    UPDATE = "update"
    ADD = "add"
    REMOVE = "remove"
    UNSUBSCRIBE = "unsubscribe"
    RETIRE = "retire"
    RESTORE = "restore"
    MOVE = "move"
    ADOPT = "adopt"
    DISOWN = "disown"


class Outcome(StrEnum):
    """What happened to one record of a batch."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # the platform held it already
    SKIPPED = "skipped"  # our policy
    REJECTED = "rejected"  # the platform refused this person; parked until the person's row changes
    FAILED = "failed"  # transient, tries used up; the next run tries again
    UNKNOWN = "unknown"  # sent, no answer; reconciled before anything else


class Status(StrEnum):
    """May this platform mail this contact, and if not, why. One vocabulary for all platforms."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"  # awaits double opt-in
    NEVER_SUBSCRIBED = "never_subscribed"  # held without marketing consent
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"  # undeliverable, as the platform counts it
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    ARCHIVED = "archived"
    FORGOTTEN = "forgotten"  # erased for good; can never come back
    ABSENT = "absent"  # asked for, and the platform does not hold it


# Opted out, undeliverable, or gone for good: always wins over any export.
BLOCKED = frozenset(
    {
        Status.UNSUBSCRIBED,
        Status.BOUNCED,
        Status.COMPLAINED,
        Status.SUPPRESSED,
        Status.ARCHIVED,
        Status.FORGOTTEN,
    }
)

NO_OF_PERSON = BLOCKED - {Status.BOUNCED}  # which counts under every address of the person

KEPT = "value_kept"  # of an APPLIED record: it was taken, but for fields that have another value than was sent
FOUND = "found"  # of an APPLIED CREATE without an answer: the contact is there, and others may have made it

# What the lifecycle does at the end, in the platform's own way -> the status that it leads to.
RETIRED: Mapping[str, Status] = {"archive": Status.ARCHIVED, "suppress": Status.SUPPRESSED}


def quoted(words: Iterable[str]) -> str:
    """Words as the list of an SQL `IN`: statuses, operations, outcomes; never anybody's data."""
    return ", ".join(f"'{word}'" for word in sorted(map(str, words)))


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A tag or list in a destination that a segment is sent to."""

    destination: str
    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.destination} {self.kind} “{self.name}”"
