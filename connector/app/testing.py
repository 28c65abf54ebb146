"""`sync test`: the tests of segments.yaml and of the file beside it, run without exports, keys or state.

Owns: where tests are looked for, and the order of these steps. Must not: print, or judge an outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.config.load import load_tests
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    from connector.config.sections.cases import Case
    from connector.segments.testing.run import Outcome
    from connector.segments.testing.starter import Starter


@dataclass(frozen=True, slots=True)
class Tested:
    """Every test that was run, in the order of the files. `untested` are segments that no test expects anything of."""

    outcomes: tuple[Outcome, ...]
    untested: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return any(outcome.misses for outcome in self.outcomes)


def beside(workspace: Workspace) -> Path:
    """segments.yaml -> segments_test.yaml, in the same folder."""
    path = workspace.config.path
    return path.with_name(f"{path.stem}_test{path.suffix}")


def test(workspace: Workspace, segments: Sequence[str], names: Sequence[str] = ()) -> Tested:
    """Run the tests that expect something of `segments` (all of them when these are all), of those called `names`.

    Raises ConfigError when there is none, and for a test that cannot be read."""
    from connector.segments.testing.run import run

    found = _cases(workspace)
    chosen = [case for case in found if not names or case.name in names]
    everything = len(segments) == len(workspace.config.segments)
    chosen = [case for case in chosen if everything or _about(case, segments)]
    if not chosen:
        such = " such" if found else ""
        text = f"There is no{such} test in {workspace.config.path.name} (`tests:`) or {beside(workspace).name}."
        text += "" if found else " `sync test --sample 20` writes some to begin with."
        raise ConfigError([Problem(Place(workspace.config.path.as_posix()), "no-tests", text)])
    outcomes = run(workspace.config, chosen)
    tested = {one.what for case in found for person in case.people for one in person.expected}
    return Tested(tuple(outcomes), tuple(name for name in workspace.config.segments if name not in tested))


def sample(workspace: Workspace, count: int, into: Path | None) -> tuple[Path, Starter]:
    """Write starter tests of `count` masked people of the exports; never over an existing file (ConfigError)."""
    from connector.app.offline import load
    from connector.app.workspace import open_state
    from connector.segments.testing.starter import starter
    from connector.state.open import exists

    path = into or beside(workspace)
    if path.exists():
        text = f"{path.name} exists already and is left as it is. Write another with --output NAME."
        raise ConfigError([Problem(Place("--sample"), "file-exists", text)])
    with ExitStack() as stack:
        store = stack.enter_context(open_state(workspace)) if exists(workspace.state_url) else None
        found = starter(workspace.config, load(workspace, store), workspace.as_of, count)
    path.write_text(found.text, encoding="utf-8")
    return path, found


def _cases(workspace: Workspace) -> list[Case]:
    path = beside(workspace)
    more = load_tests(path, workspace.config) if path.exists() else ()
    here = {case.name for case in workspace.config.tests}
    for case in more:
        if case.name in here:
            text = f"A test of {workspace.config.path.name} is called “{case.name[:60]}”, too. Rename one."
            raise ConfigError([Problem(case.place, "twice", text)])
    return [*workspace.config.tests, *more]


def _about(case: Case, segments: Sequence[str]) -> bool:
    return any(one.what in segments for person in case.people for one in person.expected)
