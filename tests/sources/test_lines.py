"""Events that stand on several rows are one event each, and are told where nobody said so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.app import offline
from connector.app.workspace import Options, open_workspace
from connector.sources.model import EVENT
from tests.sources.kit import codes, loaded, rows, write

LINES = """Order,Email,Day,Total,Item
1,ada@example.com,2026-11-01,120,Pan
1,,,,Lid
1,ada@example.com,2026-11-01,,Spoon
2,bo@example.com,2026-10-01,30,Cup
3,bo@example.com,2026-11-02,30,Cup
,bo@example.com,2026-11-03,5,Tea
,bo@example.com,2026-11-03,5,Tea
"""
FILE = """version: 1
timezone: UTC
sources:
  contacts: {file: contacts.csv, email: Email}
  orders: {file: orders.csv, join: {Email: email}, at: Day, id: Order}
traits:
  items: {count: {distinct: orders.item}}
  spent: {sum: orders.total}
segments:
"""


def _load(folder: Path, text: str = LINES, **settings: Any) -> Any:
    write(folder, "c.csv", "Email\nada@example.com\nbo@example.com\n")
    write(folder, "orders.csv", text)
    orders = {"file": "orders.csv", "join": ("Email", "email"), "at": "Day", **settings}
    return loaded(folder, contacts={"file": "c.csv", "email": "Email"}, orders=orders)


def test_rows_of_one_id_are_one_event_that_fills_its_lines(tmp_path: Path) -> None:
    found = _load(tmp_path, id="Order")
    ada = [row for row in rows(found, "orders") if row["_email"] == "ada@example.com"]
    assert [row["item"] for row in ada] == ["Pan", "Lid", "Spoon"]
    assert {(row["total"], row["_at"].day, row[EVENT]) for row in ada} == {(120, 1, 0)}
    assert codes(found)["event-lines", ""] == 2


def test_ids_that_do_not_repeat_cost_nothing(tmp_path: Path) -> None:
    found = _load(tmp_path, "Order,Email,Day\n1,ada@example.com,2026-11-01\n2,ada@example.com,2026-11-01\n", id="Order")
    assert EVENT not in rows(found, "orders")[0]


RULES = {
    "{orders: {count: {at_least: 2}}}": "bo",
    "{orders: {count: 1}}": "ada",
    "{orders: {count: 4}}": "bo",  # those without an id are events of their own
    "{orders: {average: total, at_least: 100}}": "ada",
    "{spent: 120}": "ada",
    "{orders: {where: {item: lid}}}": "ada",
    "{orders: {sum: total, at_least: 120, where: {item: lid}}}": "ada",
    "{orders: {count_distinct: item, at_least: 3}}": "ada",
    "{items: 2}": "bo",
    "{items: {at_least: 3}}": "ada",
    "{orders: {count_distinct: item, is: 1, where: {total: {less_than: 10}}}}": "bo",
    "{sequence: [{orders: {}}, {orders: {}}]}": "bo",
}


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Rule -> who it matches."""
    folder = tmp_path_factory.mktemp("lines")
    segments = "".join(f"  s{number}: {{when: {rule}}}\n" for number, rule in enumerate(RULES))
    write(folder, "segments.yaml", FILE + segments)
    write(folder, "contacts.csv", "Email\nada@example.com\nbo@example.com\ncy@example.com\n")
    write(folder, "orders.csv", LINES)
    with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
        found = offline.evaluate(workspace)
    return {rule: offline.members(found, f"s{number}") for number, rule in enumerate(RULES)}


@pytest.mark.parametrize("rule", RULES)
def test_what_is_asked_of_events(members: Mapping[str, list[str]], rule: str) -> None:
    assert members[rule] == [f"{RULES[rule]}@example.com"]


@pytest.mark.parametrize(
    ("preset", "header"),
    [
        ("shopify", "Name,Email,Created at,Total,Lineitem name"),
        ("woocommerce", "Order Number,Customer Email,Order Date,Order Total Amount,Item Name"),
        ("stripe", "id,Customer Email,Created date (UTC),Amount,Description"),
    ],
)
def test_presets_of_shops_know_the_id(tmp_path: Path, preset: str, header: str) -> None:
    text = header + LINES[LINES.index("\n") :]
    _, email, at, *_ = header.split(",")
    found = _load(tmp_path, text, preset=preset, join=(email, "email"), at=at)
    assert codes(found)["event-lines", ""] == 2


@pytest.mark.parametrize(
    "header", ["Order ID", "Invoice", "Transaction number", "Rechnungsnummer", "id", "Bestell-Nr."]
)
def test_a_number_that_repeats_is_told(tmp_path: Path, header: str) -> None:
    found = _load(tmp_path, f"{header},Email,Day\n7001,ada@example.com,2026-11-01\n7001.0,ada@example.com,2026-11-01\n")
    (told,) = [finding for finding in found.findings if finding.code == "repeated-id"]
    assert f"“{header}”" in told.message and "“7001”" in told.message
    assert len(rows(found, "orders")) == 2


@pytest.mark.parametrize("header", ["Payment", "Order status", "Invoice date", "Email type"])
def test_other_columns_may_repeat(tmp_path: Path, header: str) -> None:
    found = _load(tmp_path, f"{header},Email,Day\ncard,ada@example.com,2026-11-01\ncard,ada@example.com,2026-11-01\n")
    assert "repeated-id" not in {finding.code for finding in found.findings}
