"""The damages, reduced; in full: python -m tests.fuzz 2000 500, python -m tests.fuzz.values 2000."""

from __future__ import annotations

from tests.fuzz import run, values
from tests.fuzz.desk import wrong


def test_damaged_files_end_with_a_place() -> None:
    found = run.files(range(60))
    assert not found.wrong and found.refused > 30


def test_damaged_exports_end_with_a_place() -> None:
    found = run.sources(range(14))
    assert not found.wrong and found.refused > 5


def test_damaged_values_are_told() -> None:
    ends, silent = values.run(range(0, 64, 5))  # every kind is some seed modulo their number
    assert not silent and ends["told"] > 4


def test_what_counts_as_wrong() -> None:
    assert wrong(4, "error: a bug in the connector") and wrong(2, "") and wrong(2, "error[x]: no place")
    assert not wrong(2, "segments.yaml:1:2: error[x]: because") and not wrong(0, "")
