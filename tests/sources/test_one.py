"""What is found once is told of one: `1 row has`, never `1 rows have`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connector.core.counts import count_of
from connector.sources.told import told
from tests.sources.kit import loaded, write

CONTACTS = """email,Name,Spent,Country
ada@example.com,Ada,12.50,Österreich
ada@example.com,Ada L.,12.50,AT
bo@example.com,Bo,much,Nowhere
cy@example.com,Cy
dee@example.com,=D?ee,1.00,AT
"""
ORDERS = """who,when
ada@example.com,2026-01-01
zed@example.com,2026-01-01
bo@example.com,2026-12-24
bo@example.com,
"""


def _told(folder: Path, times: int) -> list[str]:
    write(folder, "c.csv", CONTACTS)
    head, *orders = ORDERS.splitlines()
    write(folder, "o.csv", "\n".join([head, *(line for line in orders for _ in range(times))]) + "\n")
    columns: Any = {"Spent": {"type": "number"}}
    contacts = {"file": "c.csv", "email": "email", "columns": columns}
    found = loaded(folder, contacts=contacts, orders={"file": "o.csv", "join": ("who", "email"), "at": "when"})
    return [sentence.partition("; the first")[0] for sentence in told(found.findings, ())]


def test_findings_of_one_and_of_many(tmp_path: Path) -> None:
    one = _told(tmp_path, 1)
    for sentence in (
        "contacts.email: 1 row repeats the address of another and was merged into it",
        "contacts.name: 1 person has different values in their rows; the newest won",
        "contacts.Spent: 1 value is no number and counts as missing",
        "contacts: 1 row has fewer cells than the header: the others are missing",
        "contacts.country: 1 value is not a known country and stays as it is",
        "contacts.country: 1 value got the usual spelling of a country",
        "orders: 1 event belongs to nobody in contacts and was dropped",
        "orders.when: 1 event comes after --as-of and has not happened",
        "orders.when: 1 event has no time: it counts only where no window is asked for",
    ):
        assert sentence in one, one
    many = _told(tmp_path, 3)
    assert "orders: 3 events belong to nobody in contacts and were dropped" in many
    assert "orders.when: 3 events have no time: they count only where no window is asked for" in many


def test_numbers_and_their_words() -> None:
    assert [count_of(number, "row") for number in (0, 1, 2, 1204)] == ["0 rows", "1 row", "2 rows", "1,204 rows"]
    assert [count_of(number, "person is", "people are") for number in (1, 2)] == ["1 person is", "2 people are"]
