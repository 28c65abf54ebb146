"""The table of words: every row has its form in the engine, its example works, and a row and a form are a new word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.config.language.event_words import EVENTS
from connector.config.language.rules import Near, Rank
from connector.config.language.traits import AGGREGATES
from connector.config.language.words import BESIDE, FAMILY, WORDS
from connector.segments.compile import measures
from connector.segments.compile.rules import HANDLERS
from connector.segments.compile.words import FORMS
from connector.segments.explain.words import words
from tests.config.helpers import file_when, load
from tests.config.test_schema import errors

NODES = {"top": Rank, "bottom": Rank, "near": Near}  # words that are rules of their own
EXAMPLES = [row.example for row in (*WORDS.values(), *BESIDE.values(), *EVENTS.values())]


def test_every_row_has_one_form_per_family_and_every_form_its_row() -> None:
    rows = {(family, row.asks) for row in WORDS.values() for family in row.families if row.name not in NODES}
    assert rows == {(family, word) for family, forms in FORMS.items() for word in forms}
    assert all(NODES[word] in HANDLERS for word in NODES)
    assert set(FORMS) == set(FAMILY.values())


def test_every_word_about_events_has_one_form() -> None:
    assert list(measures.FORMS) == list(EVENTS)
    assert {form.measure for form in measures.FORMS.values()} == {*AGGREGATES, measures.LINES} == set(measures.MEASURES)


def test_a_row_is_under_its_name_and_a_complement_is_like_its_twin() -> None:
    for name, row in (WORDS | BESIDE).items():
        twin = WORDS[row.asks] if row.twin else row
        assert row.name == name and twin.twin is None
        assert (row.families, row.operand, row.exact) == (twin.families, twin.operand, twin.exact)


def test_nothing_is_called_by_two_words_elsewhere() -> None:
    called = [word for row in WORDS.values() for word in row.elsewhere]
    assert len(called) == len(set(called)) and not set(called) & WORDS.keys()


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.sweep(keep=20)
def test_an_example_is_read_completed_and_explained_as_it_is_written(example: str) -> None:
    text = file_when(example)
    assert errors(text) == []
    when = load(text).segments["vip"].when
    assert words(when) == example.replace("{exists: true, ", "{")  # which says nothing about events


ROOT = Path(__file__).parent.parent.parent
FILE = """
version: 1
sources:
  contacts: {file: contacts.csv, email: email}
segments:
  like: {when: {name: {sounds_like: [Meyer, SMITH]}}}
  unlike: {when: {not: {name: {sounds_like: meyer}}}}
"""
PEOPLE = "email,name,age\na@example.com,Maier,5\nb@example.com,Smyth,\nc@example.com,Schmidt,7\nd@example.com,,1\n"


def sync(folder: Path, *arguments: str, code: int = 0) -> str:
    """What `sync` prints when the language has sounds_like."""
    command = [sys.executable, "-m", "tests.segments.sounds_like", *arguments]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep))),
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contacts.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "segments.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


@pytest.mark.long
def test_a_row_and_a_form_are_a_new_word(folder: Path) -> None:
    members = {name: sync(folder, "members", name) for name in ("like", "unlike")}
    assert [who for who in "abcd" if f"{who}@" in members["like"]] == ["a", "b"]
    assert [who for who in "abcd" if f"{who}@" in members["unlike"]] == ["b", "c", "d"]
    told = sync(folder, "why", "a@example.com")
    assert "name: {sounds_like: [Meyer, SMITH]}" in told and "name: {sounds_like: meyer}" in told
    shape = json.loads(sync(folder, "schema"))["$defs"]["tests"]["properties"]["sounds_like"]
    assert shape["description"] == "Is equal to this text, or one of these, but for its vowels."
    assert {"type": ["string", "number"]} in shape["anyOf"]


WRONG_IN_THE_FILE = {
    "{name: {sounds_like: true}}": 'Text is needed here, not yes/no; for the word write "true".',
    "{name: {sounds_like: []}}": "The list is empty, so nothing could ever match.",
    "{name: {sounds_lik: Meyer}}": 'There is no test “sounds_lik”. Did you mean "sounds_like"?',
    "{name: {soundex: Meyer}}": 'There is no test “soundex”. Did you mean "sounds_like"?',
    "{name: {sounds_like: Meyer, case: exact}}": "`case: exact` goes beside a test of text.",
    "{tags: {size: {sounds_like: Meyer}}}": "“sounds_like” is not a test of a number.",
}
_OFFER = "is, in, exists, contains, starts_with, ends_with, matches, longer_than, shorter_than, sounds_like;"
WRONG_FOR_THE_COLUMN = {
    "{age: {sounds_like: 5}}": "“age” is an integer column, which has no “sounds_like”. Tests for it: is, in, exists",
    "{name: {at_least: 5}}": f"“name” is a text column, which has no “at_least”. Tests for it: {_OFFER}",
}


@pytest.mark.parametrize("wrong", [WRONG_IN_THE_FILE, WRONG_FOR_THE_COLUMN], ids=["file", "column"])
def test_what_does_not_fit_the_new_word_is_told(folder: Path, wrong: Mapping[str, str]) -> None:
    more = "".join(f"  wrong_{number}: {{when: {when}}}\n" for number, when in enumerate(wrong))
    (folder / "segments.yaml").write_text(FILE + more, encoding="utf-8")
    told = sync(folder, "check", code=2)
    assert [said for said in wrong.values() if said not in told] == []


def test_nothing_else_is_called_like_the_new_word(folder: Path) -> None:
    clash = FILE.replace("segments:", "traits: {sounds_like: {greatest: [age]}}\nsegments:")
    (folder / "segments.yaml").write_text(clash, encoding="utf-8")
    assert "“sounds_like” is a word of the language" in sync(folder, "check", code=2)


def test_without_its_row_there_is_no_such_word() -> None:
    assert "sounds_like" not in WORDS
    assert errors(file_when("name: {sounds_like: Meyer}"))
