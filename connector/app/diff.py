"""`sync diff-segments OLD NEW`: two files, or two git revisions of one, over the same exports.

Owns: finding the two versions, and evaluating both. Must not: print, or write anything into the repository.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.app.freezing import decided
from connector.app.observing import last_read
from connector.app.workspace import Options, Workspace, moment
from connector.config.load import load as load_config
from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.config.yaml.nodes import read
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    from connector.segments.compare import SegmentChange
    from connector.sources.model import Loaded


@dataclass(frozen=True, slots=True)
class Version:
    """One version of segments.yaml. `data` is the document as written, to quote from."""

    label: str
    config: Config
    data: Any


@dataclass(frozen=True, slots=True)
class Difference:
    old: Version
    new: Version
    changes: list[SegmentChange]


def diff(options: Options, old: str, new: str) -> Difference:
    """Raises ConfigError when a version cannot be found or read."""
    from connector.segments.compare import Evaluated, compare, parts
    from connector.segments.evaluate import evaluate
    from connector.segments.probes import with_probes

    before, after = version(old, options.file), version(new, options.file)
    as_of = moment(options.as_of, after.config.zone)
    configs = [before.config, after.config]
    sides = [
        Evaluated(config, evaluate(with_probes(config, parts(config)), loaded, as_of).table)
        for config, loaded in zip(configs, _loaded(options, configs, as_of), strict=True)
    ]
    return Difference(before, after, compare(*sides))


def version(written: str, file: Path) -> Version:
    """A file; else `REV:path` of the repository; else REV, in which `file` is meant.

    Exports are looked for where they stand now, beside the working copy of the file."""
    if Path(written).is_file():
        config = load_config(Path(written))
        return Version(written, config, read(_text(Path(written)), written).data)
    label = written if ":" in written else f"{written}:{file.name}"
    text, path = _from_git(written, file)
    config = load_text(text, Path(label)).model_copy(update={"path": path})
    return Version(label, config, read(text.removeprefix("\ufeff"), label).data)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _from_git(written: str, file: Path) -> tuple[str, Path]:
    """The text, and where a working copy of it would stand."""
    folder = file.absolute().parent
    revision, colon, path = written.partition(":")
    name = path if colon else f"./{file.name}"
    root = folder if name.startswith("./") else Path(_git(folder, written, "rev-parse", "--show-toplevel").strip())
    return _git(folder, written, "show", "--end-of-options", f"{revision}:{name}"), root / name


def _git(folder: Path, written: str, *command: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True, timeout=60, check=True)
        return done.stdout.decode("utf-8")
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        text = f'"{written}" is neither a file nor a git revision that holds one. Write a file, a revision (HEAD~1) or '
        raise ConfigError([Problem(Place(written), "no-file", text + "REV:path/segments.yaml.")]) from None


def _loaded(options: Options, configs: list[Config], as_of: datetime) -> Iterable[Loaded]:
    """The exports of each version; read once when both describe them alike. Platforms are as last read."""
    from connector.app.offline import described
    from connector.segments.names import needed
    from connector.sources.load import load

    found = [described(_ageless(config), as_of) for config in configs]
    wanted = [needed(config, info) for config, info in zip(configs, found, strict=True)]
    first, second = configs
    if _described(first) == _described(second):
        one = load(_ageless(first), found[0], as_of, _together(*wanted))
        return [_remembered(options, config, one, as_of) for config in configs]
    both = [
        load(_ageless(config), info, as_of, want) for config, info, want in zip(configs, found, wanted, strict=True)
    ]
    return [_remembered(options, config, loaded, as_of) for config, loaded in zip(configs, both, strict=True)]


def _remembered(options: Options, config: Config, loaded: Loaded, as_of: datetime) -> Loaded:
    """With what the state knows of platforms and of frozen segments."""
    workspace = Workspace(config, options, as_of, threading.Event(), {}, {})
    return replace(loaded, observed=last_read(workspace, None), frozen=decided(workspace, None))


def _described(config: Config) -> tuple[Any, ...]:
    """All that says what is read, the lists of `members_from` included."""
    lists = {name: item.members_from for name, item in config.segments.items() if item.members_from is not None}
    return config.sources, config.timezone, config.folder, config.engine, lists


def _ageless(config: Config) -> Config:
    """An old export is as good as a new one to compare rules on."""
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    return config.model_copy(update={"sources": sources})


def _together(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in {*one, *other}}
