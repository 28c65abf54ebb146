"""Strict YAML: scalars keep their spelling, and nothing but plain mappings, lists and scalars is read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connector.config.load import load as load_file
from connector.config.load import load_text
from connector.config.yaml.nodes import read, scalar
from connector.core.errors import ConfigError
from tests.config.helpers import assert_problem, file_when, file_with, found, load, marked

WORDS = (
    "NO", "no", "yes", "on", "off", "True", "TRUE", "12:30", "1:30:00", "2026-01-01", "0o17", "0x1F", "1_000", "01234",
    "+4930", "1e3", ".5", "5.", ".inf", ".nan", "NULL", "Null", "-0", "1.2.3", "9" * 60, "<",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_stay_words(word: str) -> None:
    assert scalar(word, plain=True) == word


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("1.50", Decimal("1.50")),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("0.10", Decimal("0.10")),
    ],
)
def test_numbers_and_booleans(written: str, value: object) -> None:
    found = scalar(written, plain=True)
    assert found == value and type(found) is type(value)
    assert str(found).lower() == written
    assert scalar(written, plain=False) == written


@pytest.mark.parametrize("written", ["", "~", "null"])
def test_nothing(written: str) -> None:
    assert scalar(written, plain=True) is None


def test_norway_is_a_country() -> None:
    rule = load(file_when("{country: NO}")).segments["vip"].when
    assert getattr(rule, "value", None) == "NO"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: ▸&x 1\n", ["anchor"]),
        ("a: ▸*x\n", ["alias"]),
        ("a: ▸!!int 5\n", ["yaml-tag"]),
        ("a: ▸!secret 5\n", ["yaml-tag"]),
        ("a: {▸<<: {b: 1}}\n", ["merge-key"]),
        ("a: 1\n▸a: 2\n", ["duplicate-key"]),
        ("a: {b: 1, ▸b: 2, ▸b: 3}\n", ["duplicate-key", "duplicate-key"]),
        ("a: 1\n▸---\nb: 2\n", ["second-document"]),
        ("a: ▸&x {b: ▸*x, c: ▸!t 1}\n", ["anchor", "alias", "yaml-tag"]),
    ],
)
def test_refused_yaml(text: str, codes: list[str]) -> None:
    clean, places = marked(text)
    problems = read(clean, "segments.yaml").problems
    assert [(p.place.line, p.place.column, p.code) for p in problems] == [
        (line, column, code) for (line, column), code in zip(places, codes, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("▸", "empty-file"),
        ("▸# only a comment\n", "empty-file"),
        ("▸---\n", "empty-file"),
        ("version: 1\n▸\tsources: 1\n", "tab"),
        ("a: ▸'never closed\nb: 1\n", "yaml"),
        ("a: ▸[1, 2\n", "yaml"),
        ("a: b▸: c\n", "yaml"),
        ("a: ▸@home\n", "yaml"),
        ("a: ▸%x\n", "yaml"),
        ("destinations: {m: {api_key: $▸{MAIL_KEY}}}\n", "yaml"),
        ("a:\n  b: 1\n ▸c: 2\n", "yaml"),
        ("▸[a]: 1\n", "bad-key"),
        ('▸"": 1\n', "bad-key"),
        ("a: b▸\x07\n", "bad-character"),
        ("a: " + "[" * 99 + "▸" + "[" * 200, "too-deep"),
        ("a: " + "{a: " * 99 + "▸" + "{a: " * 20_000, "too-deep"),
        ("▸- a\n- b\n", "wrong-type"),
        ("▸just words\n", "wrong-type"),
    ],
)
def test_unreadable_yaml(text: str, code: str) -> None:
    if code == "empty-file":
        assert found(text.replace("▸", "")) == [(1, 1, code)]
    else:
        assert_problem(text, code)


def test_problems_before_the_break_are_told_too() -> None:
    assert_problem("a: ▸&x 1\nb: ▸'open\n", "anchor", "yaml")


def test_a_damaged_part_is_not_judged_twice() -> None:
    assert_problem(file_with(timezone="timezone: ▸*zone\n"), "alias")
    assert_problem(file_when("{country: ▸!x {wrong: 1}}"), "yaml-tag")


def test_bom_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + file_with(timezone="timezone: Mars\n").replace("\n", "\r\n").encode())
    with pytest.raises(ConfigError) as caught:
        load_file(path)
    assert [str(problem.place) for problem in caught.value.problems] == [f"{path.as_posix()}:2:11"]


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_bytes("version: 1\ntitle: Käse\n".encode("cp1252"))
    with pytest.raises(ConfigError) as caught:
        load_file(path)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.place.column, problem.code) == (2, 9, "encoding")
    path.write_bytes(file_with().encode("utf-16"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_file(path)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "segments.yaml", tmp_path):
        with pytest.raises(ConfigError) as caught:
            load_file(path)
        assert [problem.code for problem in caught.value.problems] == ["no-file"]
        assert caught.value.exit_code == 2


def test_lone_surrogate_is_a_bad_character() -> None:
    with pytest.raises(ConfigError, match=r"bad-character"):
        load_text("a: \ud800\n", Path("segments.yaml"))
