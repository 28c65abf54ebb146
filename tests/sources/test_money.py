"""What people write around numbers, and currencies that are not told apart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sources.kit import codes, column, contacts, loaded, write


def _read(folder: Path, cells: list[str], **declared: Any) -> tuple[Any, list[Any]]:
    text = "email,x\n" + "".join(f'u{number}@example.com,"{cell}"\n' for number, cell in enumerate(cells))
    found = contacts(folder, text, columns={"x": {"type": "number", **declared}})
    return found, column(found, "x")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("US$ 1,200.50", "1200.50"), ("US$12.50", "12.50"), ("R$ 12.50", "12.50"), ("12.50 kr", "12.50"),
        ("kr. 12.50", "12.50"), ("12.50 zł", "12.50"), ("1 200.50 Kč", "1200.50"), ("CHF 1'200.50", "1200.50"),
        ("(35.00)", "-35.00"), ("($35.00)", "-35.00"), ("(EUR 35.00)", "-35.00"), ("35.00-", "-35.00"),
        ("€35.00-", "-35.00"), ("−35.00", "-35.00"), ("-€35.00", "-35.00"), ("1.2k", "1200"), ("1.2 K", "1200"),
        ("1.2k€", "1200"), ("$1.5M", "1500000"), ("12 %", "12"), ("12.5%", "12.5"), ("+7.25", "7.25"),
    ],
)  # fmt: skip
def test_signs_around_a_number(tmp_path: Path, cell: str, value: str) -> None:
    found, got = _read(tmp_path, [cell, "3.25"])
    assert got == [Decimal(value), Decimal("3.25")] and ("not-of-type", "x") not in codes(found)


@pytest.mark.parametrize("cell", ["5 Mio", "ca. 5", "5 or 6", "5k6", "12 apples", "1.2.3k", "k", "()", "%", "5--"])
def test_what_is_no_number_is_missing_and_named(tmp_path: Path, cell: str) -> None:
    found, got = _read(tmp_path, ["3.25", cell])
    assert got == [Decimal("3.25"), None] and codes(found)["not-of-type", "x"] == 1


@pytest.mark.parametrize(
    ("cells", "odd"),
    [
        (["€5", "7 €", "$3", "2"], 1),
        (["5 EUR", "€7.10", "USD 3", "US$ 4"], 2),
        (["kr 5", "7 kr.", "3 zł"], 1),
        (["€5", "7 EUR", "1.2k", "12 %", "(€3)"], 0),
        (["5", "7,10", "-3"], 0),
    ],
)
def test_two_currencies_are_told(tmp_path: Path, cells: list[str], odd: int) -> None:
    found, _ = _read(tmp_path, cells)
    assert codes(found).get(("two-currencies", "x"), 0) == odd


@pytest.mark.parametrize("header", ["Currency", "currency_code", "Presentment Currency", "Währung"])
def test_a_currency_beside_the_amounts_is_looked_at(tmp_path: Path, header: str) -> None:
    write(tmp_path, "contacts.csv", "email\na@example.com\n")
    rows = "a@example.com,2026-01-01,5.00,EUR\na@example.com,2026-01-02,7.00,EUR\na@example.com,2026-01-03,9.00,USD\n"
    write(tmp_path, "orders.csv", f"email,at,total,{header}\n{rows}")
    orders = {"file": "orders.csv", "join": ("email", "email"), "at": "at"}
    needed = {"contacts": frozenset[str](), "orders": frozenset({"total"})}
    found = loaded(tmp_path, needed, contacts={"file": "contacts.csv", "email": "email"}, orders=orders)
    (told,) = [one for one in found.findings if one.code == "two-currencies"]
    assert (told.count, told.file, told.row) == (1, "orders.csv", 4) and "EUR (2), USD (1)" in told.message
