"""Plain professional English: words of a private vocabulary that texts do not use, and what is written instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTEAD = {
    r"a no|noes|(said|says?|saying) no(?! (more|longer|such))": "opted out, opt-outs",
    r"let(s|ting)? ([^\s.:;,]+ ){0,2}go(?! on)": "archive or suppress",
    r"falls? silent|(is|are|look|stay|stayed) silent": "inactive",
    r"signs? of life": "activity",
    r"guards? stands?|stands? (beside|behind|inside|nowhere|in the way|there|in it)": "trips, is beside, is set",
    r"lift(s|ed|ing)? (a|the|one|no) guards?|guards? (is|are|was|were) lifted": "override a guard",
    r"in doubt": "unknown outcome",
    r"last look": "recheck",
    r"anew": "again, rebuilds",
    r"whom|whoever": "contacts that, those who",
    r"nobody guards": "no locking",
    r"in silence": "silently, without an error",
    r"in step with|(kept|keeps?|destination|them) in step": "in sync",
    r"overrul\w+": "overrides",
    r"will not do": "is not supported",
    r"for once": "for this run",
    r"would get another address": "would change email address",
    r"Nobody can be asked": "Not a terminal; pass --yes",
    r"exit code tells": "the exit code reflects it",
}
_ANY = "|".join(INSTEAD).replace(" ", r"\s+")
OUT = re.compile(rf"(?<![\w-])(?:{_ANY})(?![\w-])", re.IGNORECASE)
TEXTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "mkdocs.yml")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for folder in ("deploy", "website") for path in (ROOT / folder).rglob("*.*") if path.suffix != ".pyc"),
]


def found(text: str) -> list[str]:
    """The lines that use such a word, with what is written instead; a word that two lines share, too."""
    lines = text.splitlines()
    places = [(text.count("\n", 0, match.start()), match[0]) for match in OUT.finditer(text)]
    return [f"{number + 1}: “{word}” in: {lines[number].strip()}" for number, word in places]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_texts_use_plain_words(path: Path) -> None:
    assert not found(path.read_text(encoding="utf-8")), f"write instead: {INSTEAD}"


@pytest.mark.parametrize("folder", ["connector", "tests", "benchmarks"])
def test_code_uses_plain_words(folder: str) -> None:
    """Messages, help, docstrings, comments, and the sample."""
    files = [path for suffix in ("py", "yaml", "html", "j2") for path in (ROOT / folder).rglob(f"*.{suffix}")]
    places = {path: found(path.read_text(encoding="utf-8")) for path in files if path != Path(__file__)}
    wrong = [f"{path.relative_to(ROOT)}:{line}" for path, lines in places.items() for line in lines]
    assert not wrong, f"write instead: {INSTEAD}"


def test_the_words_are_found() -> None:
    """Otherwise the test above would show nothing."""
    assert len(found("He said no.\nWhoever it is, the guard\n  stands.\nKept in step.\n")) == 4
    assert not found("It said no more, and has no target.\n")
