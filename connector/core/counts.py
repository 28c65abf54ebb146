"""Numbers of things in sentences: `1 row is`, `1,204 rows are`.

Owns: count_of(), by_count(). Must not: know what is counted.
"""

from __future__ import annotations


def by_count(number: int, one: str, many: str) -> str:
    """The words that go with the number: `one` for exactly 1, else `many`."""
    return one if number == 1 else many


def count_of(number: int, one: str, many: str = "") -> str:
    """The number and its words. Without `many` they are `one` with an s."""
    return f"{number:,} {by_count(number, one, many or f'{one}s')}"
