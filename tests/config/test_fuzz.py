"""However a file is damaged: a Config, or problems with a place. CONFIG_FUZZ sets the number of cases."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config.load import load as load_file
from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.core.problem import Problem

EXAMPLE = (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")
LINES = EXAMPLE.splitlines(keepends=True)
WORDS = (
    "null", "true", "[]", "{}", "-", ":", "? x", "&a", "*a", "!!int 3", "<<: *a", "---", "...", "%YAML 1.1", "\t", "|",
    ">", "'", '"', "{", "[", "}", "]", ", ", "${X}", "0", "-1", "1e999", "9" * 50, "0.1", "100%", "90 days", "vip",
    "orders", "contacts", "not:", "all:", "any:", "where:", "within:", "segment:", "é", "\u2028", "\x00", "\ud800",
    "{a: " * 150, "[" * 150, "#", "@", "`", "((((", "\\1", "__proto__", "x" * 3000, "\ufeff", "\r", "=", "a.b", "rfm",
)  # fmt: skip

Edit = tuple[str, int, int, str]
EDITS = st.tuples(
    st.sampled_from(["delete", "duplicate", "swap", "replace", "insert", "indent", "cut"]),
    st.integers(0, len(LINES) - 1),
    st.integers(0, 60),
    st.one_of(st.sampled_from(WORDS), st.text(max_size=12)),
)


def damaged(edits: list[Edit]) -> str:
    lines = list(LINES)
    for what, number, column, word in edits:
        at = number % max(1, len(lines))
        line = lines[at] if lines else ""
        changed = {
            "delete": [],
            "duplicate": [line, line],
            "swap": [lines[column % len(lines)]] if lines else [],
            "replace": [line[:column] + word + "\n"],
            "insert": [line[:column] + word + line[column:]],
            "indent": [" " * (column % 5) + line],
            "cut": [line[:column]],
        }
        lines[at : at + 1] = changed[what]
    return "".join(lines)


def check(problems: tuple[Problem, ...]) -> None:
    assert problems
    for problem in problems:
        assert problem.place.line >= 1 and problem.place.column >= 1, problem
        assert problem.code and problem.message and "\n" not in problem.message, problem


CASES = int(os.environ.get("CONFIG_FUZZ", "300"))


@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_damaged_text(edits: list[Edit]) -> None:
    try:
        load_text(damaged(edits), Path("segments.yaml"))
    except ConfigError as error:
        check(error.problems)


@settings(max_examples=CASES // 3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, len(EXAMPLE)), junk=st.binary(min_size=1, max_size=8), drop=st.integers(0, 20))
def test_damaged_bytes(tmp_path: Path, at: int, junk: bytes, drop: int) -> None:
    path = tmp_path / "segments.yaml"
    content = EXAMPLE.encode()
    path.write_bytes(content[:at] + junk + content[at + drop :])
    try:
        load_file(path)
    except ConfigError as error:
        check(error.problems)
