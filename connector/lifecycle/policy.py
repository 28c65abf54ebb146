"""The policies of the file at one moment: durations as instants, stages in order, and the hash that tells them apart.

Owns: Policy, and the targets that a stage has at a destination. Must not: look at people, know a platform's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.config.language.rules import Duration
from connector.config.sections.lifecycle import Lifecycle, Returned, Stage
from connector.core.model import Kind, Op, Target
from connector.platforms.base import Capabilities, TagStyle

RETURNED, RETIRED = "returned", "retired"  # stages that no policy names: they follow from what a person or we did
HOLDOUT = "holdout"  # the part of a split that gets neither tag nor list
SEPARATOR = "@"  # of what an entry records of its policy


@dataclass(frozen=True, slots=True)
class Policy:
    """`section`, the `number`-th of the file, at `as_of`. Activity at `alive_since` or later means not inactive
    (None: no time limit, only mails count); an entry into the stage before number i at `due[i]` or earlier has lasted
    for its time (due[0] is never asked); the returned tag is over for those who came back at `returned_before` or
    earlier, None: never. `key` is what an entry records of its policy: `hash`, and `whose` where it has a `for`."""

    section: Lifecycle
    as_of: datetime
    alive_since: datetime | None
    never_since: datetime | None  # the same for those who never showed a signal
    due: tuple[datetime, ...]
    returned_before: datetime | None
    hash: str
    number: int = 0
    whose: str = ""

    @property
    def key(self) -> str:
        return f"{self.hash}{SEPARATOR}{self.whose}" if self.whose else self.hash

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.section.stages)

    @property
    def last(self) -> Stage:
        return self.section.stages[-1]

    @property
    def sends(self) -> tuple[int | None, int | None]:
        """At least so many mails, and of those who never showed a signal."""
        inactive = self.section.inactive
        never = inactive.never_engaged
        return inactive.sends, never.sends if never and never.sends is not None else inactive.sends

    @property
    def timeless(self) -> bool:
        """Somebody is measured by mails alone."""
        return self.alive_since is None or self.never_since is None

    def at(self, destination: str) -> bool:
        return self.section.at(destination)


# The policies of one destination in the order of the file: the first that is a person's counts.
Policies = Sequence[Policy]


def policy(
    section: Lifecycle,
    as_of: datetime,
    within: Callable[[Duration], datetime],
    ago: Callable[[Duration], datetime],
    number: int = 0,
) -> Policy:
    """`within` gives the begin of a window of calendar days, `ago` the moment so long before `as_of`."""
    returned, inactive = section.returned, section.inactive
    never = (inactive.never_engaged or inactive).after
    return Policy(
        section,
        as_of,
        within(inactive.after) if inactive.after else None,
        within(never) if never else None,
        tuple(ago(stage.after) if stage.after else as_of for stage in section.stages),
        ago(returned.for_) if returned and returned.for_ else None,
        policy_hash(section),
        number,
        _digest(section.for_.written, 4) if section.for_ else "",
    )


def policy_hash(section: Lifecycle) -> str:
    """Over what decides who moves when; tags, ramp and splits may change without making another policy of it."""
    inactive = section.inactive
    never = inactive.never_engaged
    what = [
        sorted(section.signals),
        [str(inactive.after), inactive.sends, *([str(never.after), never.sends] if never else [])],
        sorted(section.protect),
        [[stage.name, str(stage.after), stage.action] for stage in section.stages],
    ]
    return _digest(json.dumps(what), 6)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def targets(stage: Stage | Returned | None, destination: str, can: Capabilities) -> tuple[Target, ...]:
    """The tag and the list of a stage, as far as the platform has such; the tag first."""
    if stage is None:
        return ()
    written = ((Kind.TAG, stage.tag), (Kind.LIST, stage.list_))
    return tuple(Target(destination, kind, name) for kind, name in written if name and offers(can, kind))


def offers(can: Capabilities, kind: Kind) -> bool:
    """Whether there are targets of this kind."""
    return (Op.ADD, kind) in can.operations or (kind is Kind.TAG and can.tag_style is TagStyle.PROPERTY)
