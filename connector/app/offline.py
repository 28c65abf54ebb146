"""What is done at the desk, without a platform: load, evaluate, members.

Owns: the order of these steps. Must not: print, or call a platform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.core.errors import PredictionRefused, SourceError

if TYPE_CHECKING:
    from connector.config.sections.models import Config
    from connector.segments.evaluate import Evaluation, Look
    from connector.segments.names import Names
    from connector.sources.columns.model import SourceInfo
    from connector.sources.load import Needed
    from connector.sources.model import Loaded
    from connector.state.base import Store


def load(workspace: Workspace, store: Store | None = None) -> Loaded:
    """Find and read the exports: only the columns that the file's rules and fields use. Columns of platforms are as
    last read (observing.py), frozen segments as the state keeps them; `store` is the state, if it is open already."""
    return loaded_with(workspace, store, lambda names: {})


def loaded_with(workspace: Workspace, store: Store | None, more: Callable[[Names], Needed]) -> Loaded:
    """As `load`, with the further columns per source that `more` finds among the exports' names."""
    from connector.app.freezing import decided
    from connector.app.observing import last_read
    from connector.segments.names import Names, needed
    from connector.sources.load import load as load_sources

    found = headers(workspace)
    wanted = dict(needed(workspace.config, found))
    for source, columns in more(Names(workspace.config, found)).items():
        wanted[source] = wanted.get(source, frozenset()) | columns
    loaded = load_sources(workspace.config, found, workspace.as_of, wanted)
    loaded.observed, loaded.frozen = last_read(workspace, store), decided(workspace, store)
    return loaded


def headers(workspace: Workspace, *, any_age: bool = False) -> Mapping[str, SourceInfo]:
    """Every source's files and columns; `any_age` takes exports that `max_age` calls too old."""
    config = workspace.config
    if any_age or "stale" in workspace.options.allow:
        sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
        config = config.model_copy(update={"sources": sources})
    return described(config, workspace.as_of)


def described(config: Config, as_of: datetime) -> Mapping[str, SourceInfo]:
    """As sources.catalog; who tries the demo and has no exports of today is told how to make them."""
    from connector.demo.folder import explained
    from connector.sources.columns.catalog import catalog

    try:
        return catalog(config, as_of)
    except SourceError as error:
        raise SourceError([explained(problem, config.path) for problem in error.problems]) from None


def evaluate(workspace: Workspace, store: Store | None = None, *, leave_out: bool = False) -> Evaluation:
    """Every segment's members, with the values that destinations' fields need. Raises PredictionRefused, as `check`."""
    return check(workspace, store, leave_out=leave_out)[0]


def evaluated(workspace: Workspace, loaded: Loaded, look: Look | None = None) -> Evaluation:
    """What was loaded, evaluated for somebody who looks at it: segments whose prediction may not be used are left out,
    and a note says so. Raises PredictionRefused where more than segments depends on one."""
    from connector.segments.evaluate import evaluate as evaluate_segments

    try:
        return evaluate_segments(workspace.config, loaded, workspace.as_of, look=look)
    except PredictionRefused as refusal:
        return noted(_without(workspace, loaded, refusal, look))


def noted(evaluation: Evaluation) -> Evaluation:
    """With a note for each segment that was left out."""
    left = tuple(f"segment {name} is left out: {why}" for name, why in evaluation.left_out.items())
    return replace(evaluation, notes=(*left, *evaluation.notes), warnings=(*left, *evaluation.warnings))


def decisive(workspace: Workspace, store: Store) -> tuple[Evaluation, Loaded]:
    """Evaluate for what is about to change something, and note who consents with a word of an opt-out. Segments whose
    prediction may not be used are left out, the others go on. Raises SourceError where the events of a source find
    nobody: all of `never` and `not` would hold for everybody."""
    from connector.core.problem import Problem
    from connector.sources.related import FINDS_NOBODY

    evaluation, loaded = check(workspace, store, leave_out=True)
    lost = [
        Problem(workspace.config.place(("sources", finding.source, "join")), FINDS_NOBODY, finding.message)
        for finding in loaded.findings
        if finding.code == FINDS_NOBODY
    ]
    if lost:
        raise SourceError(lost)
    said = _let_in(workspace, loaded, evaluation)
    return replace(evaluation, notes=(*said, *evaluation.notes), warnings=(*said, *evaluation.warnings)), loaded


def _let_in(workspace: Workspace, loaded: Loaded, evaluation: Evaluation) -> list[str]:
    """Those who consent though a word of theirs says otherwise; `sync check` has it as advice."""
    from connector.segments.advice import consent

    config = workspace.config
    if consent.CODE in config.silenced:
        return []
    found = consent.let_in(config, loaded, evaluation.table)
    return [f"consent ({config.path.name} line {config.place(loc).line}): {text}" for loc, text in found]


def check(workspace: Workspace, store: Store | None = None, *, leave_out: bool = False) -> tuple[Evaluation, Loaded]:
    """Evaluate, and hand out what was found in the exports on the way. Raises PredictionRefused; with `leave_out` only
    where more than segments depends on the prediction."""
    from connector.segments.evaluate import evaluate as evaluate_segments

    loaded = load(workspace, store)
    try:
        evaluation = evaluate_segments(workspace.config, loaded, workspace.as_of)
    except PredictionRefused as refusal:
        if not leave_out:
            raise
        evaluation = _without(workspace, loaded, refusal)
    if store is not None:
        _follow(store, evaluation)
    return evaluation, loaded


def reduced(workspace: Workspace, loaded: Loaded, refusal: PredictionRefused) -> tuple[Config, dict[str, str]]:
    """The file without predictions that may not be used, and segment -> why it is left out. Raises the refusal where
    more than segments depends on one."""
    from connector.segments.predict.without import without

    found = without(workspace.config, refusal.why, loaded.frozen.keys())
    if found is None:
        raise refusal
    return found


def _without(workspace: Workspace, loaded: Loaded, refusal: PredictionRefused, look: Look | None = None) -> Evaluation:
    """Without the segments that depend on predictions that may not be used."""
    from connector.segments.evaluate import evaluate as evaluate_segments

    config, left_out = reduced(workspace, loaded, refusal)
    found = evaluate_segments(config, loaded, workspace.as_of, look=look)
    undecided = {name: members for name, members in found.undecided.items() if name not in left_out}
    return replace(found, undecided=undecided, left_out=left_out)


def _follow(store: Store, evaluation: Evaluation) -> None:
    """A forgotten person who has another address in the export, under the same CRM id, is forgotten there too."""
    from connector.plan import rows

    known = store.upkeep.tombstones()
    emails = rows.under_forgotten_ids(evaluation.table, *known)
    new = set(emails.to_pylist()) - set(rows.forgotten(emails, *known).to_pylist())
    if new:
        store.upkeep.forget_also(sorted(new))


def members(evaluation: Evaluation, segment: str) -> list[str]:
    """The addresses of one segment, sorted."""
    table = evaluation.table
    return sorted(table.filter(table.column(f"in:{segment}")).column("email").to_pylist())
