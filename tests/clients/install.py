"""The clients' packages in a folder that is kept, so that a second run is quick.

Owns: npm and pip, asked for packages by name and version. Must not: run a client, touch another environment.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.clients.report import Failed

PATIENCE = 900  # seconds for one package and what it needs


def npm(folder: Path, package: str, version: str) -> Path:
    """Its node_modules. Install scripts of packages are not run."""
    place = folder / "npm" / package.strip("@").replace("/", "-") / version
    place.mkdir(parents=True, exist_ok=True)
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _once(place, [["npm", "install", "--prefix", str(place), *options, f"{package}@{version}"]])
    return place / "node_modules"


def venv(folder: Path, name: str, *requirements: str) -> Path:
    """The bin folder of an environment with these."""
    place = folder / "pip" / name / "-".join(requirements).replace("/", "-").replace("==", "-")
    place.mkdir(parents=True, exist_ok=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _once(place, [[sys.executable, "-m", "venv", str(place)], [*pip, *requirements]])
    return place / "bin"


def _once(place: Path, commands: Sequence[list[str]]) -> None:
    """Nothing when it was done before. Raises Failed."""
    done = place / ".complete"
    if done.exists():
        return
    for command in commands:
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"cannot be installed: {error}") from None
        if ended.returncode:
            raise Failed(f"cannot be installed: {' / '.join(ended.stderr.strip().splitlines()[-3:])}")
    done.touch()
