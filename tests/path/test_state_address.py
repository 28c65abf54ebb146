"""A mistyped --state at the command line: exit code 4, one line, no file, no password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import launcher

FILE = "version: 1\nsources: {contacts: {file: c.csv, email: email}}\n"
FILE += "segments: {all: {when: {email: {exists: true}}}}\n"


@pytest.mark.parametrize("command", ["plan", "status", "resume"])
@pytest.mark.parametrize(
    "state", ["host=h password=Hunter2", "postgresql://u:a/Hunter2@h/d", "memory://x/y", "s3://K:Hunter2@b/k", ""]
)
def test_it_is_refused(tmp_path: Path, command: str, state: str) -> None:
    (tmp_path / "segments.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "c.csv").write_text("email\nann@example.com\n", encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    for more in ((), ("--rehearse",)) if command != "status" else ((),):
        done = launcher.sync(tmp_path, command, *more, "--state", state)
        said = done.stdout + done.stderr
        assert done.returncode == 4 and "--state" in said, said
        assert "Hunter2" not in said and "Traceback" not in said
    assert {one for one in set(tmp_path.rglob("*")) - before if ".connector" not in one.parts} == set()
