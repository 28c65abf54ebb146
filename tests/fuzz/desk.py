"""A small desk that is damaged and asked: `sync check` in this process, and what may come of it.

What must hold: exit 0 (the damage left a legal file) or 2, never a traceback, and every problem with its place. A
damage that is certain to be an error must end with 2.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from unittest import mock

from connector.cli.main import main
from connector.demo.exports import exports
from connector.demo.folder import FILE, TEXT

ROOT = Path(__file__).parent.parent.parent
LINES = 150  # of each export
AS_OF = "2026-11-20"
_PROBLEM = re.compile(r"^(?P<file>\S.*?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?: error\[[a-z-]+\]: \S")


@dataclass
class Tally:
    """How the damaged files ended. `wrong` are (seed, what was done, what came of it)."""

    refused: int = 0
    legal: int = 0
    wrong: list[tuple[int, str, str]] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Tally:
        self.refused += other.refused
        self.legal += other.legal
        self.wrong += other.wrong
        return self

    def add(self, seed: int, damage: str, certain: bool, code: int, stderr: str) -> None:
        problem = wrong(code, stderr) or ("it was taken for legal" if certain and code == 0 else "")
        if problem:
            self.wrong.append((seed, damage, problem))
        elif code:
            self.refused += 1
        else:
            self.legal += 1


def wrong(code: int, stderr: str) -> str:
    """What is not as promised; "" when everything is."""
    if code not in (0, 2) or "Traceback" in stderr or "a bug in the connector" in stderr:
        return f"exit {code}: {stderr.strip()[-300:]}"
    problems = [line for line in stderr.splitlines() if "error[" in line]
    if code == 2 and not problems:
        return f"exit 2 without a problem: {stderr.strip()[-300:]}"
    return next((f"no place: {line[:200]}" for line in problems if not _PROBLEM.match(line)), "")


def small(folder: Path) -> Path:
    """The sample with the first lines of its exports, and its contacts in every other format beside them."""
    (folder / "exports").mkdir(parents=True)
    (folder / FILE).write_text(TEXT, encoding="utf-8")
    for name, content in exports(date.fromisoformat(AS_OF)).items():
        packed = name.endswith(".gz")
        text = gzip.decompress(content) if packed else content
        text = b"".join(text.splitlines(keepends=True)[:LINES])
        (folder / "exports" / name).write_bytes(gzip.compress(text) if packed else text)
    return folder


def check(folder: Path) -> tuple[int, str]:
    """`sync check` in `folder`: its exit code and what it said on standard error."""
    out, err = io.StringIO(), io.StringIO()
    words = ["sync", "check", "--as-of", AS_OF]
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _quiet(),
    ):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), err.getvalue()
    return 0, err.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
