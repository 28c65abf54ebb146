"""A machine of a CI: a fresh clone, a home and a temporary folder of its own, and the programs that recipes call.

Owns: how the commands of a recipe are run, in order, as the CI does. Must not: know what they should do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
_PROGRAMS = {
    "connector": f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.deploy.connector "$@"',
    "pip": 'echo "pip $*" >> "$CALLS"',  # the connector is there already
    "aws": 'echo "aws $*" >> "$CALLS"; mkdir -p exports; cp "$BUCKET"/* exports/',
    "gh": 'echo "gh $*" >> "$CALLS"',
}


def recipe(name: str) -> Any:
    """A YAML file of deploy/, with `on` as the word it is."""
    return yaml.load((DEPLOY / name).read_text(encoding="utf-8"), yaml.BaseLoader)


@dataclass
class Machine:
    """One that shares with others only what `env` names."""

    home: Path
    env: Mapping[str, str]
    clone: Path = field(init=False)

    def __post_init__(self) -> None:
        self.clone = self.home / "clone"
        for folder in ("bin", "tmp"):
            (self.home / folder).mkdir(parents=True)
        for name, text in _PROGRAMS.items():
            program = self.home / "bin" / name
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)

    def fetch(self, origin: Path, branch: str = "main") -> None:
        subprocess.run(["git", "clone", "-q", "-b", branch, origin, self.clone], check=True)

    def run(self, script: str, env: Mapping[str, str] | None = None, shell: Sequence[str] = ("bash", "-e")) -> Any:
        """A script as GitHub runs a step."""
        own = {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(self.home / "calls"),
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
        }
        kept = {name: value for name, value in os.environ.items() if name.startswith("TESTS_")}
        return subprocess.run(
            [*shell, "-c", script], cwd=self.clone, env={**kept, **own, **self.env, **(env or {})},
            capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def job(self, workflow: Any, name: str, known: Mapping[str, str]) -> list[tuple[str, Any]]:
        """(step, what it did) of a GitHub job. `known` has the value of every expression of its `env`."""
        job = workflow["jobs"][name]
        env = {key: filled(value, known) for key, value in {**workflow["env"], **job.get("env", {})}.items()}
        done: list[tuple[str, Any]] = []
        for step in (step for step in job["steps"] if "run" in step):
            assert "${{" not in step["run"], "an expression in a script runs whatever its value says"
            if all(not each.returncode for _, each in done) or step.get("if") == "always()":
                done.append((step["name"], self.run(step["run"], env)))
        return done

    @property
    def calls(self) -> str:
        return (self.home / "calls").read_text()


def filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], text)
