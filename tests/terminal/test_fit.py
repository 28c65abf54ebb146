"""Where lines are broken for a terminal."""

from __future__ import annotations

import pytest

from connector.report.fit import fit

CASES = [
    ("short", "short"),
    ("one two three four five six", "one two three four\n  five six"),
    ("  one two three four five six", "  one two three four\n      five six"),
    ("", ""),
    ("a\n\nb", "a\n\nb"),
    ("name   the words of it go on", "name   the words of\n       it go on"),
    ("Email  number  more words here", "Email  number  more\n       words here"),
    ("anna.with.a.very.long.name@example.com", "anna.with.a.very.long.name@example.com"),
    ("see anna.with.a.very.long.name@example.com now", "see\n  anna.with.a.very.long.name@example.com\n  now"),
    ("東京の会社 東京の会社 東京", "東京の会社\n  東京の会社 東京"),
    ("exactly twenty signs", "exactly twenty signs"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_fit(text: str, expected: str) -> None:
    assert fit(text, 20) == expected


@pytest.mark.parametrize("width", [1, 2, 5, 79, 80, 81])
@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_nothing_is_lost(text: str, width: int) -> None:
    assert fit(text, width).split() == text.split()
