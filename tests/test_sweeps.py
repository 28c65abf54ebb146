"""Long sweeps: which cases the whole suite runs, and that all of them run when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import sweeps
from tests.sweeps import some, spread, varied

ROOT = Path(__file__).parent.parent
TESTS = """
import pytest

@pytest.mark.sweep(keep=2)
@pytest.mark.parametrize("case", range(5))
def test_swept(case): ...

@pytest.mark.parametrize("case", range(3))
def test_other(case): ...

@pytest.mark.long
def test_long(): ...
"""
CONFTEST = """
from tests.sweeps import pytest_addoption, pytest_collection_modifyitems, pytest_configure, pytest_configure_node
"""
INI = """
[pytest]
testpaths = checks
markers =
    sweep(keep): some
    long: some
"""


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ((), 5),
        (("-n", "1"), 5),
        (("--whole",), 9),
        (("-n", "1", "--whole"), 9),
        (("checks/test_it.py",), 9),
        (("-k", "swept"), 5),
    ],
)
def test_the_whole_suite_is_reduced_and_nothing_else(tmp_path: Path, words: tuple[str, ...], passed: int) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "test_it.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(INI)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; pytest.main()"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "xdist.plugin", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{passed} passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("cases", "keep", "expected"),
    [(1, 1, {0}), (4, 1, {0}), (4, 2, {0, 3}), (9, 3, {0, 4, 8}), (3, 3, {0, 1, 2}), (2, 5, {0, 1}), (4, 0, set())],
)
def test_the_cases_are_spread(cases: int, keep: int, expected: set[int]) -> None:
    assert spread(cases, keep) == expected


def test_the_cases_of_platforms_differ_and_are_others_at_every_turn() -> None:
    cases = [(platform, arrived) for platform in "mkh" for arrived in (True, False)]
    assert [varied(cases, 1, turn) for turn in (0, 1, 7)] == [{0}, {1}, {1}]
    assert [cases[number] for number in sorted(varied(cases, 2, 0))] == [("m", True), ("k", False)]
    assert {platform for platform, _ in (cases[number] for number in varied(cases, 3, 5))} == set("mkh")
    assert varied(cases, 9, 2) == set(range(6)) and varied(cases, 0, 2) == set()


def test_a_reduced_run_does_in_turns_what_the_others_do_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "_reduced", [True])
    assert [some("abc", turn) for turn in range(4)] == [("a",), ("b",), ("c",), ("a",)]
    assert [some("abc", turn, keep=2) for turn in range(3)] == [("a", "b"), ("b", "c"), ("a", "c")]
    assert some("abc", "test_one") == some("abc", "test_one") and len(some("abc", "test_one")) == 1
    monkeypatch.setattr(sweeps, "_reduced", [False])
    assert some("abc", 1) == ("a", "b", "c")
