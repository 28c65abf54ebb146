"""What a report is made of, as the verbs gathered it.

Owns: Told and its parts. Must not: compute, word, or render.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.config.sections.models import Config
    from connector.lifecycle.overview import Overview
    from connector.measure.experiment import Result
    from connector.measure.performance import Performance
    from connector.report.page.course import Past
    from connector.segments.evaluate import Evaluation
    from connector.segments.picture.grid import Cell
    from connector.segments.picture.overlap import Overlaps
    from connector.segments.picture.profiles import Profile
    from connector.segments.picture.roles import Roles
    from connector.sources.model import Finding
    from connector.state.base import Counts


@dataclass(frozen=True, slots=True)
class Moves:
    """What a push would do at one target now, as far as this is known without asking the platform."""

    adds: int = 0
    removes: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """Contacts that stay out of a target, with the reason as a code of the gate."""

    reason: str
    contacts: int
    since: datetime | None  # the latest


@dataclass(frozen=True, slots=True)
class Person:
    """One contact that the report names, with --people alone."""

    email: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One destination: the ledger, and what is blocked."""

    name: str
    platform: str
    counts: Counts
    statuses: Mapping[str, int]  # as last read; "unknown" was never read
    segments: Mapping[tuple[str, str], str]  # (kind, target) -> the route that is sent to it
    hidden: frozenset[tuple[str, str]]  # targets of segments that the report is not about
    stages: frozenset[str]  # routes that are stages of the lifecycle, not segments
    moves: Mapping[tuple[str, str], Moves]
    blocked: Sequence[Blocked]
    lifecycle: Overview | None = None
    people: Sequence[Person] = ()  # blocked ones


@dataclass(frozen=True, slots=True)
class Quality:
    """The exports as they were read: rows per source, findings, and rows that are in no table, by source and reason."""

    rows: Mapping[str, int]
    findings: Sequence[Finding]
    quarantine: Sequence[tuple[str, str, int]]
    columns: Sequence[tuple[str, str, int, int]]  # source, column, filled, missing: of the columns that were read
    files: Sequence[tuple[str, str, datetime]]  # source, file, when it was written


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that one report says, before it is put into words."""

    config: Config
    names: Sequence[str]  # the segments that the report is about
    evaluation: Evaluation
    as_of: datetime
    consenting: Mapping[str, int]  # of each segment's members
    consent: int
    roles: Roles
    overlaps: Overlaps
    threshold: float
    profiles: Sequence[Profile]
    cells: Sequence[Cell]
    quality: Quality
    sides: Sequence[Side]
    past: Past
    alike: tuple[
        Sequence[tuple[str, str, float, float]], str
    ]  # pairs with their goal rates; or why none was looked for
    measured: tuple[Sequence[Performance], Sequence[Result], Sequence[str]]  # as report/measured takes it
    asked: bool  # whether the file says what is to be measured
    pushed: bool  # whether there is a state at all
    people: Mapping[str, Sequence[str]] | None = field(default=None)  # segment -> some members, with --people
