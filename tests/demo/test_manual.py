"""`sync docs` and shell completion: what comes with the package."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from connector.cli.main import app
from tests import launcher

ROOT = Path(__file__).parents[2]


def test_the_pages_are_listed_and_printed(tmp_path: Path) -> None:
    listed = json.loads(launcher.sync(tmp_path, "docs", "--format", "json").stdout)
    pages = {page["page"]: page["title"] for page in listed["pages"]}
    files = (ROOT / "docs").rglob("*.md")
    assert {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in files} == set(pages)
    assert launcher.sync(tmp_path, "docs", "errors").stdout == (ROOT / "docs" / "errors.md").read_text("utf-8") + "\n"
    unknown = launcher.sync(tmp_path, "docs", "langage")
    assert (unknown.returncode, "Did you mean" in unknown.stderr) == (2, True)


def test_the_wheel_holds_the_pages_where_they_are_looked_for() -> None:
    """The whole of it, an empty environment outside of the checkout, is `python -m tests.install`."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"docs": "connector/manual"}
    assert not (ROOT / "connector" / "manual").exists()


def test_shells_complete_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"bash": {"COMP_WORDS": "sync prun", "COMP_CWORD": "1"}, "zsh": {"_TYPER_COMPLETE_ARGS": "sync prun"}}
    words["fish"] = {"_TYPER_COMPLETE_ARGS": "sync prun", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for shell, given in words.items():
        for name, value in {**given, "_SYNC_COMPLETE": f"complete_{shell}"}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit):
            app(prog_name="sync")
        assert "prune" in capsys.readouterr().out, shell
