"""The policy of the file at one moment: durations as instants, stages in order, and the hash that tells policies apart.

Owns: Policy, and the targets that a stage has at a destination. Must not: look at people, know a platform's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connector.config.language.rules import Duration
from connector.config.sections.lifecycle import Lifecycle, Returned, Stage
from connector.core.model import Kind, Op, Target
from connector.platforms.base import Capabilities, TagStyle

RETURNED, RETIRED = "returned", "retired"  # stages that no policy names: they follow from what a person or we did
HOLDOUT = "holdout"  # the part of a split that gets neither tag nor list


@dataclass(frozen=True, slots=True)
class Policy:
    """`section` at `as_of`. Whoever showed life at `alive_since` or later is not inactive; who entered the stage before
    number i at `due[i]` or earlier has been there for its time (due[0] is never asked); `returned_before`: who came
    back then or earlier has worn the returned tag long enough, None: for ever."""

    section: Lifecycle
    as_of: datetime
    alive_since: datetime
    never_since: datetime  # the same for those who never showed a signal
    due: tuple[datetime, ...]
    returned_before: datetime | None
    hash: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.section.stages)

    @property
    def last(self) -> Stage:
        return self.section.stages[-1]


def policy(
    section: Lifecycle, as_of: datetime, within: Callable[[Duration], datetime], ago: Callable[[Duration], datetime]
) -> Policy:
    """`within` gives the begin of a window of calendar days, `ago` the moment so long before `as_of`."""
    returned = section.returned
    return Policy(
        section,
        as_of,
        within(section.inactive.after),
        within((section.inactive.never_engaged or section.inactive).after),
        tuple(ago(stage.after) if stage.after else as_of for stage in section.stages),
        ago(returned.for_) if returned and returned.for_ else None,
        policy_hash(section),
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
    return hashlib.blake2b(json.dumps(what).encode(), digest_size=6).hexdigest()


def targets(stage: Stage | Returned | None, destination: str, can: Capabilities) -> tuple[Target, ...]:
    """The tag and the list of a stage, as far as the platform has such; the tag first."""
    if stage is None:
        return ()
    written = ((Kind.TAG, stage.tag), (Kind.LIST, stage.list_))
    return tuple(Target(destination, kind, name) for kind, name in written if name and offers(can, kind))


def offers(can: Capabilities, kind: Kind) -> bool:
    """Whether there are targets of this kind."""
    return (Op.ADD, kind) in can.operations or (kind is Kind.TAG and can.tag_style is TagStyle.PROPERTY)
