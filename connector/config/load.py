"""segments.yaml -> Config, or every problem at once.

Owns: reading the file, and the order of the work. Must not: know a section (build.py) or a rule (conditions.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from connector.config.language.scope import CONTACTS
from connector.config.sections.build import build
from connector.config.sections.cases import Case
from connector.config.sections.collector import Collector
from connector.config.sections.models import Config
from connector.config.sections.quotable import allow, raw
from connector.config.sections.rule_tests import Known, cases, moment
from connector.config.yaml.nodes import Document, Unreadable, place_at, read
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem


def load(path: Path) -> Config:
    """Read and validate the file. Raises ConfigError with all problems, sorted by place."""
    label = path.as_posix()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        text = "There is no such file. `sync init` writes one; `--file` names another."
        raise ConfigError([Problem(Place(label), "no-file", text)]) from None
    except OSError as error:
        text = f"The file cannot be opened: {error.strerror or 'unreadable'}."
        raise ConfigError([Problem(Place(label), "no-file", text)]) from None
    return load_text(_decoded(content, label), path)


def load_text(text: str, path: Path) -> Config:
    """The same for text that is in hand; `path` says where it would stand and is not opened."""
    document = _document(text, path)
    return build(document, path, Collector(document))


def load_tests(path: Path, config: Config) -> tuple[Case, ...]:
    """The tests of a file beside segments.yaml. Raises ConfigError with all problems, sorted by place."""
    try:
        text = _decoded(path.read_bytes(), path.as_posix())
    except OSError as error:
        message = f"The file cannot be opened: {error.strerror or 'unreadable'}."
        raise ConfigError([Problem(Place(path.as_posix()), "no-file", message)]) from None
    return read_tests(text, path, config)


def read_tests(text: str, path: Path, config: Config) -> tuple[Case, ...]:
    """The same for text that is in hand; `path` says where it would stand."""
    document = _document(text, path)
    allow(document)
    problems = Collector(document)
    data = document.data if isinstance(document.data, dict) else {}
    for key in data.keys() - {"tests", "as_of"}:
        problems.add_unknown((key,), ("tests", "as_of"))
    if "tests" not in data:
        problems.add_missing((), "tests", "`tests` is missing: a list of - {name: …, as_of: …, expect: …}.")
    as_of = moment(data["as_of"], ("as_of",), problems) if "as_of" in data else None
    known = Known(list(config.segments), [name for name in config.sources if name != CONTACTS])
    found = cases(data.get("tests", []), ("tests",), known, problems, as_of)
    problems.finish()
    return found


def _document(text: str, path: Path) -> Document:
    try:
        return read(text.removeprefix("\ufeff"), path.as_posix())
    except Unreadable as broken:
        found = {(problem.place, problem.code): problem for problem in _quoted((*broken.before, broken.problem), text)}
        raise ConfigError(sorted(found.values(), key=lambda problem: (problem.place, problem.code))) from None


def _quoted(problems: Iterable[Problem], text: str) -> Iterator[Problem]:
    """Each with its line of a file that is no YAML, as far as it may be shown."""
    lines = raw(text.removeprefix("\ufeff"))
    return (replace(problem, place=replace(problem.place, lines=lines)) for problem in problems)


def _decoded(content: bytes, label: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        place = place_at(before, len(before), label)
        text = "The file is not UTF-8 from here on; save it as UTF-8."
        problem = Problem(place, "encoding", text)
        raise ConfigError([*_quoted([problem], content.decode("utf-8-sig", "replace"))]) from None
