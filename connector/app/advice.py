"""`sync check` and `sync schema`: the whole file held against the export, and what an editor completes.

Owns: the order of these steps. Must not: print, or call a platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.app.offline import load
from connector.app.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.app.alike import Looked
    from connector.segments.advice.model import Advice
    from connector.segments.advice.quality import SegmentQuality
    from connector.segments.evaluate import Evaluation
    from connector.sources.model import Loaded


@dataclass(frozen=True, slots=True)
class Checked:
    """A file without errors: what was read, how much it is, and the advice about it."""

    segments: int
    contacts: int
    loaded: Loaded
    advice: list[Advice]
    quality: list[SegmentQuality]
    not_looked_at: dict[str, str]  # code of advice -> why


def check(workspace: Workspace) -> Checked:
    """Read and evaluate everything in one pass. Raises ConfigError or SourceError with every error and its place."""
    from connector.segments.advice.check import advise
    from connector.segments.advice.members import probes
    from connector.segments.advice.model import Evidence
    from connector.segments.advice.quality import quality
    from connector.segments.checks import types_of
    from connector.segments.probes import with_probes

    config, loaded = workspace.config, load(workspace)
    history, alike = _past(workspace)
    evaluation = _evaluate(workspace, with_probes(config, probes(config)), loaded)
    given = Evidence(
        config,
        loaded,
        evaluation,
        workspace.as_of,
        types_of(config, loaded, workspace.as_of),
        {name for name, value in workspace.secrets.items() if value.strip()},
        history,
        alike.rates,
    )
    unlooked = {"behaves-alike": alike.why} if alike.why else {}
    judged = quality(config, evaluation, workspace.as_of, given.history, given.rates)
    return Checked(len(config.segments), evaluation.contacts, loaded, advise(given), judged, unlooked)


def check_without_data(workspace: Workspace) -> list[Advice]:
    """The advice that segments.yaml alone gives; no export is read."""
    from connector.segments.advice.check import advise_without_data

    known = {name for name, value in workspace.secrets.items() if value.strip()}
    return advise_without_data(workspace.config, workspace.as_of, known)


def _past(workspace: Workspace) -> tuple[pa.Table | None, Looked]:
    """What pushes and snapshots kept of the segments' sizes, None before the first, and what was measured."""
    from connector.app.alike import look
    from connector.app.workspace import open_state
    from connector.measure.history import sizes
    from connector.state.open import exists

    if not exists(workspace.state_url):
        return None, look(workspace, None)
    with open_state(workspace) as store:
        return sizes(store), look(workspace, store)


def _evaluate(workspace: Workspace, config: Any, loaded: Loaded) -> Evaluation:
    from connector.segments.evaluate import evaluate

    return evaluate(config, loaded, workspace.as_of)


def schema(file: Path | None, as_of: str | None = None) -> dict[str, Any]:
    """JSON Schema of segments.yaml; for a file also its own columns, traits, sources, segments and destinations."""
    from connector.config.language.schema import Names, json_schema

    if file is None:
        return json_schema()
    from connector.app.offline import described
    from connector.app.workspace import moment
    from connector.config.language import platform_words
    from connector.config.load import load as load_config
    from connector.segments.names import trait_names

    config = load_config(file)
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    found = described(config.model_copy(update={"sources": sources}), moment(as_of, config.zone))
    return json_schema(
        Names(
            columns=(*found["contacts"].columns, *platform_words.columns(config)),
            traits=trait_names(config),
            sources=tuple(name for name in config.sources if name != "contacts"),
            segments=tuple(config.segments),
            destinations=tuple(config.destinations),
        )
    )
