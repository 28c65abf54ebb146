"""`python -m tests.install [PYTHON …]`: the wheel, in an empty environment of each interpreter, outside the checkout;
once with the newest versions of what it needs, and once with the oldest that pyproject.toml allows.

It asks the package index for what the package needs, so the suite does not run it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = "Scripts" if os.name == "nt" else "bin"


def main(interpreters: list[str]) -> int:
    for interpreter in interpreters or [sys.executable]:
        for pins in ([], oldest()):
            with tempfile.TemporaryDirectory() as folder:
                _try(interpreter, Path(folder), pins)
    return 0


def oldest() -> list[str]:
    """What pyproject.toml gives a lower bound for, at that version."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return [str(one).replace(">=", "==") for one in needed if ">=" in one]


def _try(interpreter: str, folder: Path, pins: list[str]) -> None:
    environment, work = folder / "venv", folder / "work"
    work.mkdir()
    _run(interpreter, "-m", "venv", str(environment), folder=folder)
    python = str(environment / BIN / "python")
    _run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT), folder=folder)
    (wheel,) = folder.glob("*.whl")
    _run(python, "-m", "pip", "install", "--quiet", str(wheel), *pins, folder=folder)
    command = str(environment / BIN / "connector")
    version = _run(command, "--version", folder=work)
    _run(command, "demo", folder=work)
    assert "# Every code" in _run(command, "docs", "errors", folder=work)
    first = _run(command, "push", "--rehearse", "--yes", folder=work)
    second = _run(command, "push", "--rehearse", "--yes", folder=work)
    assert "applied" in first and "applied" not in second, second
    size = sum(file.stat().st_size for file in environment.rglob("*") if file.is_file()) / 2**20
    told = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{told}: {version.strip()}: demo, docs, push, push again; {size:,.0f} MB {' '.join(pins)}")  # noqa: T201


def _run(*words: str, folder: Path) -> str:
    """What it printed. Nothing of this environment counts."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        words, cwd=folder, env=clean, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"{words[1:]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
