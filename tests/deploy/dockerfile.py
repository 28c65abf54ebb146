"""The steps of deploy/Dockerfile, run in a fresh folder without Docker: `python -m tests.deploy.dockerfile`.

Each COPY and RUN is carried out with the image's paths below a temporary folder; then its command pushes the demo to
the rehearsal platforms twice, with the image's environment and, where this is root, as the image's user. The base image
itself is not pulled: the Python is the one that runs this. It installs from the package index, so the suite does not
run it; tests/deploy/test_files.py reads the same instructions.

Owns: reading a Dockerfile, running its steps. Must not: be needed by another test than that.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "deploy" / "Dockerfile"
SAY = logging.getLogger("dockerfile")
_PLACES = re.compile(r"(?<![\w./])/(src|opt/connector|data)\b")


def instructions() -> Iterator[tuple[str, str]]:
    """("RUN", "pip install …") of each instruction, in order."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text(encoding="utf-8"))
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


class Image:
    """What the instructions did so far."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.workdir = place
        self.env = {"PATH": f"{place}:/usr/bin:/bin"}
        (place / "python").symlink_to(sys.executable)
        self.user: int | None = None
        self.entrypoint: list[str] = []

    def here(self, text: str) -> str:
        return _PLACES.sub(lambda found: f"{self.place}/{found[1]}", text)

    def do(self, word: str, rest: str) -> None:
        getattr(self, f"_{word.lower()}", lambda rest: None)(rest)

    def _workdir(self, rest: str) -> None:
        self.workdir = Path(self.here(rest))
        self.workdir.mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            return  # all stages share the folder
        for name in sources:
            to = self.workdir / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, to)

    def _run(self, rest: str) -> None:
        if not rest.startswith("chown") or os.geteuid() == 0:
            SAY.info("RUN %s", rest)
            subprocess.run(["sh", "-ec", self.here(rest)], cwd=self.workdir, env=self._environment(), check=True)

    def _env(self, rest: str) -> None:
        for pair in shlex.split(self.here(rest)):
            name, _, value = pair.partition("=")
            self.env[name] = value.replace("$PATH", self.env["PATH"])

    def _user(self, rest: str) -> None:
        self.user = int(rest.partition(":")[0])

    def _entrypoint(self, rest: str) -> None:
        self.entrypoint = json.loads(rest)

    def _environment(self) -> dict[str, str]:
        index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        return {**index, **self.env}

    def start(self, *words: str) -> str:
        """The container's output."""
        user = {"user": self.user, "group": self.user, "extra_groups": []} if _others_may_run_this() else {}
        done = subprocess.run(
            [*self.entrypoint, *words], cwd=self.workdir, env=self.env, capture_output=True, text=True, check=False,
            **user,  # type: ignore[call-overload]
        )  # fmt: skip
        SAY.info("$ %s\n%s", shlex.join([*self.entrypoint, *words]), (done.stdout + done.stderr)[-1500:])
        assert done.returncode == 0, done.returncode
        return str(done.stdout)


def _others_may_run_this() -> bool:
    """Root can become the image's user, and that one may enter the folders of this Python."""
    base = Path(sys.base_prefix)
    return os.geteuid() == 0 and all(folder.stat().st_mode & 0o001 for folder in (base, *base.parents))


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        image = Image(Path(folder))
        for word, rest in instructions():
            image.do(word, rest)
        image.start("demo")
        assert "applied" in image.start("push", "--rehearse", "--yes")
        assert "No changes." in image.start("push", "--rehearse", "--yes")
    SAY.info("deploy/Dockerfile: every step was run, the second push had nothing to do.")


if __name__ == "__main__":
    main()
