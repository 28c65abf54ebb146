"""The whole path as a user walks it: the installed command, real files, the rehearsal platforms."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.demo.exports import exports
from connector.demo.folder import EXPORTS, FILE, TEXT
from connector.rehearsal.core.process import Running, start
from tests import launcher, shared

ROOT = Path(__file__).parent.parent.parent
AS_OF = "2026-11-20"
SAMPLED = ("mailchimp", "klaviyo", "hubspot")


@dataclass(frozen=True)
class Desk:
    """A folder with the demo as of AS_OF, and the command that is run in it."""

    folder: Path

    def sync(
        self, *words: str, as_of: str | None = AS_OF, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return launcher.sync(self.folder, *words, *(["--as-of", as_of] if as_of else []), env=env)

    def json(self, *words: str, code: int = 0, **more: Any) -> dict[str, Any]:
        done = self.sync(*words, "--format", "json", **more)
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def edit(self, old: str, new: str, name: str = "segments.yaml") -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    @contextmanager
    def rehearsal(self) -> Iterator[Running]:
        """The rehearsal platforms as the commands left them."""
        place = self.folder / ".connector" / "rehearsal"
        place.mkdir(parents=True, exist_ok=True)
        with start(place / "platforms.db") as running:
            yield running

    def writes(self) -> dict[str, int]:
        """Writing requests that each platform of the sample has seen so far."""
        with self.rehearsal() as running:
            return {name: count for name, count in running.writes().items() if name in SAMPLED}


@functools.cache
def _exports() -> Mapping[str, bytes]:
    return exports(date.fromisoformat(AS_OF))


def new_desk(folder: Path) -> Desk:
    (folder / FILE).write_text(TEXT, encoding="utf-8")
    (folder / EXPORTS).mkdir()
    for name, content in _exports().items():
        (folder / EXPORTS / name).write_bytes(content)
    return Desk(folder)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def pushed_desk(folder: Path) -> Desk:
    """A desk whose first push is done, by the command, once per run: this one is a copy."""
    shutil.copytree(shared.once("pushed", _push), folder, dirs_exist_ok=True)
    return Desk(folder)


def _push() -> Path:
    folder = shared.folder() / "pushed"
    folder.mkdir()
    done = new_desk(folder).sync("push", "--rehearse", "--yes")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def pushed(tmp_path: Path) -> Desk:
    return pushed_desk(tmp_path)
