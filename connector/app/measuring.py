"""snapshot, history, measure: what an evaluation tells the history, and what history and events tell of segments.

Owns: the order of these steps. Must not: print, compute a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.app.offline import decisive
from connector.app.workspace import Workspace, matching

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.sections.models import Config, Destination
    from connector.core.plan import Moment
    from connector.measure.experiment import Result
    from connector.measure.facts import Facts
    from connector.measure.history import Course
    from connector.measure.mail import Readback
    from connector.measure.performance import Performance
    from connector.measure.periods import Stretch
    from connector.segments.evaluate import Evaluation
    from connector.segments.names import Names
    from connector.sources.load import Needed
    from connector.sources.model import Loaded
    from connector.state.base import Store


def moment(workspace: Workspace, store: Store, evaluation: Evaluation, forgotten: pa.Array) -> Moment:
    """What the history learns when this evaluation is pushed or kept."""
    from connector.measure.moment import Meant
    from connector.measure.moment import moment as compared
    from connector.segments.definition import definition

    meant = []
    for name, segment in workspace.config.segments.items():
        if name in evaluation.left_out:
            continue
        found = definition(workspace.config, name)
        meant.append(Meant(name, found.hash, found.text, segment.renamed_from))
    return compared(store, meant, evaluation.table, forgotten)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`kept` is False when the history has a later moment already; `skipped` are segments of which nothing is known,
    and why."""

    moment: Moment
    kept: bool
    skipped: Mapping[str, str]


def snapshot(workspace: Workspace, store: Store) -> Snapshot:
    """Evaluate, and keep sizes, entries and exits. Calls no platform, plans nothing."""
    from connector.plan import rows

    evaluation, _ = decisive(workspace, store)
    emails = evaluation.table.column("email").combine_chunks()
    with store.lease("snapshot"):
        store.project.bind(workspace.config.project, workspace.config.path.name)
        forgotten = rows.forgotten(emails, *store.upkeep.tombstones())
        learnt = moment(workspace, store, evaluation, forgotten)
        kept = store.learn(learnt, workspace.as_of, evaluation.contacts)
        return Snapshot(learnt, kept, evaluation.left_out)


def history(workspace: Workspace, store: Store, segments: Sequence[str]) -> list[Course]:
    """The course of each segment that the history knows; `segments` are globs, none: all, in the order of the file,
    then those that are in it no longer. Raises ConfigError for a glob that fits nothing."""
    from connector.measure.history import courses

    found = {course.segment: course for course in courses(store)}
    order = dict.fromkeys([*(name for name in workspace.config.segments if name in found), *found])
    names = matching(list(segments), {**workspace.config.segments, **order}, "SEGMENT", "segment")
    return [found[name] for name in order if name in names]


@dataclass(frozen=True, slots=True)
class Measured:
    """What `sync measure` tells: figures of segments, or the result of an experiment; `hints` are what a reader should
    know of all of it."""

    performances: tuple[Performance, ...]
    results: tuple[Result, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """The exports with what is measured (`wanted`), and their evaluation."""

    loaded: Loaded
    evaluation: Evaluation


def wanted(config: Config) -> Callable[[Names], Needed]:
    """The columns that any figure of the file needs, beside those of the rules."""
    from connector.segments import events

    goals = [*(one.goal for one in config.segments.values()), *(one.goal for one in config.experiments.values())]
    return events.wanted(config, _sources(goals))


def measure(
    workspace: Workspace,
    store: Store,
    segments: Sequence[str],
    period: str,
    *,
    ask: bool = False,
    read: Read | None = None,
) -> Measured:
    """Every chosen segment in a period; with `ask` platforms are asked for their campaign reports. `read`: what was
    read already. Raises ConfigError for a period or a glob that means nothing."""
    from connector.app import campaigns
    from connector.measure import facts, history
    from connector.measure.campaigns import reported
    from connector.measure.performance import performances
    from connector.measure.periods import NOW
    from connector.measure.together import Asked

    config = workspace.config
    names = matching(list(segments), config.segments, "SEGMENT", "segment")
    stretches = _stretches(workspace, period)
    found = _facts(workspace, store, [config.segments[name].goal for name in names], read)
    reports = campaigns.told(workspace, store, stretches[NOW], ask=ask)
    silent = {item.name: _silence(item) for item in workspace.destinations()}
    told = {name: _told(silent, store, name, stretches[NOW]) for name in names}
    spells = history.spells_of(store, names)
    asked = [
        Asked(name, config.segments[name].title or name, config.segments[name].goal, spells[name], known)
        for name in names
        for known in [history.known_since(store, name)]
    ]
    with facts.opened(found) as connection:
        counted = performances(connection, found, asked, stretches)
    made = tuple(
        replace(
            one,
            told=told[one.segment],
            reported=reported(reports, campaigns.sent_to(config.segments[one.segment]), stretches[NOW]),
        )
        for one in counted
    )
    return Measured(made, (), _hints(workspace))


def experiment(workspace: Workspace, store: Store, name: str, read: Read | None = None) -> Measured:
    """One experiment of the file; `read`: what was read already. Raises ConfigError when there is none of this name."""
    from connector.config.sections.aims import split
    from connector.measure import facts, history
    from connector.measure.experiment import result
    from connector.measure.periods import between

    config = workspace.config
    one = config.experiments[matching([name], config.experiments, "--experiment", "experiment")[0]]
    splits = [split(config.segments[part]) for part in one.parts]
    shares = [dict(found.of)[found.part] for found in splits if found is not None]
    found = _facts(workspace, store, [one.goal], read)
    with facts.opened(found) as connection:
        spells = history.spells_of(store, one.parts)
        made = result(connection, found, one, between(one.from_, one.to, config.zone), spells, shares)
    return Measured((), (made,), ())


def _stretches(workspace: Workspace, period: str) -> Mapping[str, Stretch]:
    from connector.config.sections.codes import BadValue
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem
    from connector.measure.periods import stretches

    try:
        return stretches(period, workspace.as_of, workspace.config.zone)
    except BadValue as bad:
        raise ConfigError([Problem(Place("--period"), bad.code, bad.message)]) from None


def _facts(workspace: Workspace, store: Store, goals: Sequence[object], read: Read | None) -> Facts:
    """The exports are read once: what rules need, and what is measured."""
    from connector.measure.facts import KINDS, Facts
    from connector.segments import events

    config = workspace.config
    asked, sources = config.measure, _sources(goals)
    if read is None:
        read = _read(workspace, store, sources)
    loaded = read.loaded
    mail = None if asked is None else asked.mail
    return Facts(
        workspace.as_of,
        events.people(config, loaded, read.evaluation.table),
        None if mail is None else events.mail(config, loaded, mail),
        events.revenue(config, loaded),
        {source: events.happened(loaded, source) for source in sources},
        {} if mail is None else {kind: getattr(mail, kind) for kind in KINDS},
        mail is not None and mail.message is not None,
        mail is not None and mail.machine is not None,
    )


def _read(workspace: Workspace, store: Store, sources: frozenset[str]) -> Read:
    from connector.app.offline import evaluated, loaded_with
    from connector.segments import events

    loaded = loaded_with(workspace, store, events.wanted(workspace.config, sources))
    return Read(loaded, evaluated(workspace, loaded))


def _sources(goals: Iterable[object]) -> frozenset[str]:
    """Of goals that are measured."""
    from connector.config.sections.measure import Goal

    return frozenset(goal.source for goal in goals if isinstance(goal, Goal))


def _silence(item: Destination) -> str:
    """Why a destination tells nothing of a period, or empty."""
    from connector.app.workspace import capabilities
    from connector.platforms.base import Engagement

    kind = capabilities(item).engagement
    return "" if kind is Engagement.EVENTS else _SILENT if kind is None else _TOTALS


def _told(silent: Mapping[str, str], store: Store, segment: str, period: Stretch) -> tuple[Readback, ...]:
    """What each destination told of mail to members of a segment; `silent`: why it cannot."""
    import pyarrow.compute as pc

    from connector.measure.mail import readback

    sizes = store.history.sizes()
    numbers = set(sizes.filter(pc.equal(sizes["segment"], segment))["number"].to_pylist())
    return tuple(readback(name, store.history.mail(name), numbers, period, why) for name, why in silent.items())


_SILENT = "it does not tell of opens and clicks in bulk"
_TOTALS = "it tells totals of each contact, which say nothing of a period"


def _hints(workspace: Workspace) -> tuple[str, ...]:
    """What platforms that were read back cannot tell of a period."""
    measured = workspace.config.measure
    if measured is not None and measured.mail is not None:
        return ()
    return (
        "What platforms told is kept as sums by day from the first push on. For conversions and earlier periods name a "
        "source of mail events: measure: {mail: {source: …}}.",
    )
