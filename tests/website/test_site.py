"""The site builds strictly, holds every command and option, and needs no network."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from typer.testing import CliRunner

from connector.cli.main import app
from connector.vendors import OWN
from website import reference

ROOT = Path(__file__).parent.parent.parent
COMMANDS = dict(reference.every_command())


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    """As `make docs` builds it; not among what is searched for keys, since it shows those of the rehearsal."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=folder)
        assert config.strict
        build(config)
        yield Path(folder)


@pytest.fixture(scope="module")
def commands() -> dict[str, str]:
    """Title -> text of each section of the reference of commands."""
    sections = re.split(r"^## ", reference.commands(), flags=re.MULTILINE)
    return {section.partition("\n")[0]: section for section in sections}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_help_is_in_the_reference(name: str, commands: dict[str, str]) -> None:
    helped = CliRunner().invoke(app, [*name.split()[1:], "--help"]).output
    words = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helped.partition("ptions:\n")[2]))
    text = commands[name] + commands["Options of every command"]
    assert words and not [word for word in words if not re.search(rf"{word}(?![\w-])", text)]
    arguments = re.findall(
        r"^  (\w+) ",
        re.split(r"^\w* ?[oO]ptions:", helped.partition("Arguments:")[2], flags=re.MULTILINE)[0],
        re.MULTILINE,
    )
    assert all(f"`{word}" in commands[name] for word in arguments)


def test_every_command_of_help_is_listed(commands: dict[str, str]) -> None:
    helped = CliRunner().invoke(app, ["--help"]).output
    listed = re.findall(r"^  ([a-z][a-z-]*)  ", helped.partition("Commands")[2], re.MULTILINE)
    assert len(listed) > 20
    assert {f"sync {name}" for name in listed} <= commands.keys()
    options = re.findall(r"--[a-z][a-z-]*", helped.partition("ptions:\n")[2].partition("Commands:")[0])
    assert options and all(word in commands["Options of sync itself"] for word in options)


def test_the_platforms_page_has_each_vendor_with_its_facts() -> None:
    page = reference.pages()["reference/platforms.md"]
    assert all(f"## {vendor.title}\n" in page and vendor.secret in page for vendor in OWN.values())


def test_the_site_is_whole_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {"index.html", "tasks/recover.html", "reference/commands.html", "deploy/index.html"} <= pages
    loaded = re.compile(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?https?:|url\(["']?https?:|@import""")
    texts = [path for suffix in ("html", "css") for path in site.rglob(f"*.{suffix}")]
    assert not [path.name for path in texts if loaded.search(path.read_text(encoding="utf-8"))]


def test_a_broken_link_stops_the_build(tmp_path: Path) -> None:
    """Otherwise the test above would show nothing."""
    from mkdocs.exceptions import Abort

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[lost](lost.md)")
    config = load_config(
        str(ROOT / "mkdocs.yml"), docs_dir=str(tmp_path / "docs"), site_dir=str(tmp_path / "site"), theme="mkdocs",
        nav=None, hooks=[], extra_css=[],
    )  # fmt: skip
    with pytest.raises(Abort):
        build(config)
