"""The documentation is held to the code: every example is loaded, every word, key and code is explained."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from connector.config.language.event_words import EVENTS
from connector.config.language.platform_words import WORDS
from connector.config.language.traits import MEASURES
from connector.config.language.words import BESIDE, FAMILY, Word
from connector.config.language.words import WORDS as TESTS
from connector.config.load import load_text
from connector.config.sections.advice_codes import ADVICE
from connector.config.sections.codes import CODES
from connector.config.sections.lifecycle import Bounced, Cleanup, Inactive, Invalid, Lifecycle, Ramp, Returned, Stage
from connector.config.sections.models import Column, Config, Destination, Guards, Segment, Source
from connector.config.sections.quality import Quality
from connector.config.sections.validate import keys
from connector.plan.gate import REASONS
from connector.plan.guards.rules import NAMES as GUARDS
from connector.sources.columns.presets import PRESETS
from connector.vendors import OWN, Use
from tests.config.helpers import SECTIONS

ROOT = Path(__file__).parent.parent
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```yaml( condition)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MADE_UP = "email_events: {file: events.csv, join: {email: email}, at: at}"  # a source that the small file lacks
_BEFORE = {  # what an example may build on
    "sources": f"{SECTIONS['sources']}  {_MADE_UP}\n",
    "traits": "traits:\n  spent: {sum: orders.amount}\n  lifetime_value: {sum: orders.amount}\n",
    "destinations": SECTIONS["destinations"].replace("  klav:", "  mailchimp: {platform: mailchimp, "
    'api_key: "${M}", audience: A}\n  klaviyo: {platform: klaviyo, api_key: "${K}"}\n'
    '  hubspot: {platform: hubspot, access_token: "${H}"}\n  klav:'),
    "segments": "segments:\n  vip: {when: {spent: {at_least: 1000}}}\n",
}  # fmt: skip


def blocks(text: str) -> Iterator[tuple[int, bool, str]]:
    """(line, is it a list of conditions, the YAML) of every example."""
    for match in _BLOCK.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1] is not None, match[2]


def whole(block: str) -> str:
    """The example with the sections that it leaves out."""
    if re.search(r"^version:", block, re.MULTILINE):
        return block
    written = dict(re.findall(r"^(\w+)(:.*?)(?=^\w|\Z)", block, re.MULTILINE | re.DOTALL))
    sections = {**SECTIONS, **_BEFORE}
    kept = [text for name, text in sections.items() if name not in written]
    return "".join(kept) + "".join(f"{name}{text}" for name, text in written.items())


@pytest.mark.parametrize(("line", "conditions", "block"), list(blocks(LANGUAGE)), ids=lambda value: str(value)[:8])
def test_every_example_of_the_language_is_read(line: int, conditions: bool, block: str) -> None:
    if conditions:
        vip = "vip: {when: {spent: {at_least: 1000}}}"
        block = f"segments:\n  {vip}\n  example:\n    when:\n      all:\n{indent(block, ' ' * 8)}"
    load_text(whole(block), Path(f"language.md-{line}"))


@pytest.mark.parametrize("block", [block for _, _, block in blocks(README)])
def test_the_example_of_the_readme_is_read(block: str) -> None:
    load_text(whole(block), Path("README.md"))


def explained(text: str) -> set[str]:
    """Everything in code style, word by word, and the keys of the examples."""
    inline = " ".join(re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)))
    code = inline + " ".join(block for _, _, block in blocks(text))
    return set(re.findall(r"[a-z_0-9]+", code))


MODELS = (Config, Source, Column, Segment, Destination, Guards)
POLICIES = (Quality, Lifecycle, Inactive, Stage, Returned, Ramp, Cleanup, Bounced, Invalid)


@pytest.mark.parametrize("model", [*MODELS, *POLICIES], ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type) -> None:
    internal = {"path", "name", "secret", "settings", "proof_at", "proof_source"}
    assert set(keys(model)) - internal <= explained(LANGUAGE)


def test_every_word_of_traits_and_platforms_is_explained() -> None:
    assert {*MEASURES, *WORDS} <= explained(LANGUAGE)


def told(word: Word) -> str:
    """Its line of the reference, without its name."""
    said = {"timestamp": "date", "boolean": "yes/no"}
    columns = list(dict.fromkeys(said.get(family, family) for family in word.families))
    of = "any" if set(word.families) == set(FAMILY.values()) else ", ".join(columns)
    return f"{of} | {word.operand.text} | {word.help} | `{word.example}`"


RIGHTS = [
    f"| {vendor.title} | {vendor.right} `{right}` | {', '.join(use for use in Use if use in serves)} |"
    for vendor in OWN.values()
    for right, serves in vendor.rights.items()
]
TESTS_TOLD = {name: told(word) for name, word in {**TESTS, **BESIDE}.items()}
EVENTS_TOLD = {name: f"{word.help} | `{word.example}`" for name, word in EVENTS.items()}


@pytest.mark.parametrize(
    ("title", "words"),
    [("Tests of a column", TESTS_TOLD), ("Tests of events", EVENTS_TOLD)],
)
def test_the_reference_of_words_is_the_table(title: str, words: dict[str, str]) -> None:
    """A new word's line: copy it from what this test expects."""
    section = re.search(rf"^### {title}\n(.*?)(?=^#|\Z)", LANGUAGE, re.MULTILINE | re.DOTALL)
    assert section
    listed = re.findall(r"^\| `.*$", section[1], re.MULTILINE)
    assert listed == [f"| `{name}` | {text} |" for name, text in words.items()]


@pytest.mark.parametrize("preset", [preset for preset, known in PRESETS.items() if known])
def test_every_header_of_a_preset_is_listed(preset: str) -> None:
    section = re.search(rf"^### {preset}\n(.*?)(?=^#|\Z)", LANGUAGE, re.MULTILINE | re.DOTALL)
    assert section
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section[1], re.MULTILINE))
    listed = {header: column for column, headers in rows.items() for header in headers.split(", ")}
    assert listed == {header: known.column for header, known in PRESETS[preset].items()}  # type: ignore[index]


def coded(*titles: str) -> list[str]:
    """The codes in the first cells of these sections' tables."""
    found: list[str] = []
    for title in titles:
        section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", ERRORS, re.MULTILINE | re.DOTALL)
        assert section, title
        for cell in re.findall(r"^\| (`.*?) \|", section[1], re.MULTILINE):
            found += re.findall(r"`([a-z-]+)`", cell)
    return found


SECTIONS_OF_ERRORS = ("segments.yaml", "Exports", "Command line")


def test_every_code_of_the_table_is_listed_once() -> None:
    listed = coded(*SECTIONS_OF_ERRORS)
    assert len(listed) == len(set(listed))
    assert set(CODES) - {"secret-not-set"} <= set(listed)


def test_advice_is_listed_in_the_words_of_the_table() -> None:
    assert coded("Advice") == list(ADVICE)
    for code, text in ADVICE.items():
        assert f"| `{code}` | {text} |" in ERRORS


def test_every_code_in_the_source_is_listed() -> None:
    """A new code needs its line to docs/errors.md."""
    raised = {code for file in (ROOT / "connector").rglob("*.py") for code in _codes_in(file)}
    listed = {*coded(*SECTIONS_OF_ERRORS), *coded("Advice"), *coded("Findings")}
    assert raised - listed == set()
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "connector").rglob("*.py"))
    assert [code for code in listed if f'"{code}"' not in source] == []


_CODE_AT = {"Problem": 1, "fail": 1, "BadValue": 0, "add": 0}


def _codes_in(file: Path) -> Iterator[str]:
    """The codes of Problem(…), fail(…), BadValue(…) and findings.add(…) that are written as such."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        at = _CODE_AT.get(name)
        enough = 4 if name == "add" else 0
        if at is None or len(node.args) <= max(at, enough):
            continue
        code = node.args[at]
        if (
            isinstance(code, ast.Constant)
            and isinstance(code.value, str)
            and re.fullmatch(r"[a-z]+(-[a-z]+)*", code.value)
        ):
            yield code.value


def test_every_right_of_a_key_is_listed() -> None:
    """A new right's line: copy it from what this test expects."""
    listed = [
        line for line in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").splitlines() if line in RIGHTS
    ]
    assert listed == RIGHTS


def test_links_lead_somewhere() -> None:
    for text in (LANGUAGE, ERRORS):
        titles = {_anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= titles


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_every_guard_is_explained() -> None:
    table = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8").partition("## Guards")[2].partition("## What")[0]
    first = " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first)) == set(GUARDS)


def test_every_reason_of_a_block_is_listed() -> None:
    text = (ROOT / "docs" / "plan-json.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `destinations[].blocked` |"))
    assert set(re.findall(r"`(\w+)`", row)) == REASONS.keys()


def test_every_promise_of_safety_names_a_test_that_exists() -> None:
    table = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8").partition("## Promises and their tests")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) > 15
    for row in rows:
        files = re.findall(r"`(tests/[^`]+)`", row)
        assert files, row
        assert all((ROOT / name).is_file() for name in files), row
