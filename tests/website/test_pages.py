"""What the pages tell people to type exists: commands, options, and the YAML of the tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.config.load import load_text
from tests.test_docs import blocks, whole
from website.reference import every_command

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "deploy" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [ROOT / "docs" / "marketers.md", *sorted((ROOT / "docs" / "tasks").glob("*.md"))]
OPTIONS = {
    name.partition(" ")[2]: {word for parameter in command.params for word in parameter.opts} | {"--help"}
    for name, command in every_command()
}
_CALL = re.compile(r"(?:^|[\s/(`])(?:sync|connector) ([a-z][a-z-]+)((?: [^`|\n#&;>)]*)?)")


def calls(text: str) -> Iterator[tuple[str, set[str]]]:
    """(command, options) of every call in a block of commands, or in one line of code."""
    code = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    code += re.findall(r"`((?:sync|connector) [^`\n]+)`", text)
    for part in code:
        for name, rest in _CALL.findall(re.sub(r"#.*", "", part)):
            group = f"{name} {rest.split()[0]}" if rest.split() else name
            yield (group if group in OPTIONS else name), set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_on_a_page_exists(page: Path) -> None:
    found = list(calls(page.read_text(encoding="utf-8")))
    assert {name for name, _ in found} <= OPTIONS.keys()
    wrong = {(name, word) for name, words in found for word in words - OPTIONS[name]}
    assert not wrong


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_the_yaml_of_a_task_is_read(page: Path) -> None:
    for _, _, block in blocks(page.read_text(encoding="utf-8")):
        load_text(whole(block), Path("segments.yaml"))


def test_there_is_a_call_on_many_pages() -> None:
    """Otherwise the test above would show nothing."""
    assert sum(bool(list(calls(page.read_text(encoding="utf-8")))) for page in PAGES) > 15
    assert list(calls("`sync plan --wrong`")) == [("plan", {"--wrong"})]
