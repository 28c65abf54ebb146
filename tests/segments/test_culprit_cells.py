"""An error about a column's type shows the cell that is to blame, and advice that works when it is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import launcher

PEOPLE = 40


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Numbers and days with one strange cell each among several, and two columns of words."""
    lines = ["Email,Spent,Paid on,Subscribed,Notes"]
    for number in range(PEOPLE):
        spent, day = f"{number}.5", f"2026-01-{number % 28 + 1:02}"
        if number % 3 == 0:  # too many for a column of numbers
            spent, day = "see Bob", "later"
        word = "yes" if number % 2 else "no - since 2024"
        lines.append(f"p{number}@example.com,{spent},{day},{word},note {number}")
    (tmp_path / "contacts.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "orders.csv").write_text("email,ordered_at,Cost\np1@example.com,2026-01-02,low\n")
    return tmp_path


def told(folder: Path, when: str, more: str = "", columns: str = "") -> list[str]:
    """The messages of `sync check`; none when there is no error."""
    (folder / "segments.yaml").write_text(
        f"version: 1\nsources:\n  contacts: {{file: contacts.csv, email: Email{columns}}}\n"
        "  orders: {file: orders.csv, join: {email: email}, at: ordered_at}\n"
        f"{more}segments:\n  one: {{when: {when}}}\n"
    )
    found = launcher.sync(folder, "check", "--format", "json")
    return [error["message"] for error in json.loads(found.stdout)["errors"]]


@pytest.mark.parametrize(
    ("when", "more"),
    [
        ("{spent: {at_least: 10}}", ""),
        ("{spent: {top: 10}}", ""),
        ("{email: {exists: true}}", "lifecycle: {signals: [spent], inactive: {after: 90 days}, stages: [{name: a}]}\n"),
        ("{email: {exists: true}}", "consent: {when: {subscribed: x}, proof: {at: spent}}\n"),
    ],
)
def test_a_column_that_is_nearly_of_numbers_shows_the_cell(exports: Path, when: str, more: str) -> None:
    (message,) = told(exports, when, more)
    assert "26 of 40" in message and "“see Bob”" in message and "contacts.csv row 2" in message
    assert "Declare `type`, or `missing:" in message


def test_what_the_message_advises_works(exports: Path) -> None:
    assert told(exports, "{spent: {at_least: 10}}")
    assert not told(exports, "{spent: {at_least: 10}}", columns=", columns: {spent: {type: number}}")
    assert not told(exports, "{spent: {at_least: 10}}", columns=", columns: {spent: {missing: [see Bob]}}")


def test_yes_or_no_of_a_column_of_words(exports: Path) -> None:
    (message,) = told(exports, "{subscribed: true}")
    assert "“no - since 2024”, “yes”" in message and "`type: boolean`" in message and 'write "true"' not in message
    assert not told(exports, "{subscribed: true}", columns=", columns: {subscribed: {type: boolean}}")
    assert not told(exports, "{subscribed: yes}")


def test_an_aggregate_over_words_shows_them(exports: Path) -> None:
    message = " ".join(told(exports, "{paid: {at_least: 3}}", "traits: {paid: {sum: orders.cost}}\n"))
    assert "“low”" in message


def test_many_words_and_addresses_are_not_listed(exports: Path) -> None:
    (message,) = told(exports, "{notes: true}")
    assert "note 1" not in message
    (message,) = told(exports, "{email: true}")
    assert "@" not in message
