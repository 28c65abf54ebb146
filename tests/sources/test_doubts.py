"""Damaged values: each kind is found, with the file and the row of the first case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.config.load import load_text
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from tests.sources.kit import AS_OF, contacts, loaded, write

PEOPLE = [f"p{number:02}@example.com" for number in range(30)]


def _places(found: Any) -> dict[tuple[str, str, str], tuple[int, str, int]]:
    """(code, source, column) -> (count, file, row)."""
    return {(one.code, one.source, one.column): (one.count, one.file, one.row) for one in found.findings}


@pytest.mark.parametrize(
    ("header", "usual", "odd", "code"),
    [
        ("city", "Zürich", "ZÃ¼rich", "encoded-twice"),
        ("city", "Zürich", "Z√ºrich", "encoded-twice"),
        ("city", "Besançon", "BesanÃ§on", "encoded-twice"),
        ("city", "Zürich", "ZĂĽrich", "encoded-twice"),
        ("city", "Łódź", "ĹĂłdĹş", "encoded-twice"),
        ("city", "Москва", "РњРѕСЃРєРІР°", "encoded-twice"),
        ("city", "Москва", "ĐœĐľŃ�ĐşĐ˛Đ°", "encoded-twice"),
        ("city", "Zürich", "ZГјrich", "encoded-twice"),
        ("city", "Zürich", "Z?rich", "letters-lost"),
        ("city", "Zürich", "Z\ufffdrich", "letters-lost"),
        ("city", "München", "M&uuml;nchen", "html-codes"),
        ("tags", "R&D;vip", "R&amp;D;vip", "html-codes"),
        ("city", "Bonn", "#NAME?", "sheet-error"),
        ("city", "Bonn", " #BEZUG! ", "sheet-error"),
        ("country", "DE", "Deutschlnd", "unknown-spelling"),
    ],
)
def test_a_damaged_text_is_named(tmp_path: Path, header: str, usual: str, odd: str, code: str) -> None:
    cells = [usual] * 30
    cells[7] = cells[9] = odd
    columns: Any = {"tags": {"type": "list"}} if header == "tags" else {}
    found = contacts(tmp_path, f"email,{header}\n" + "".join(map("{},{}\n".format, PEOPLE, cells)), columns=columns)
    assert _places(found)[code, "contacts", header] == (2, "contacts.csv", 9)


@pytest.mark.parametrize(
    "text",
    [
        "Ist das so? Ja",
        "R&D; Q&A",
        "#1",
        "https://example.com/a?b=c",
        "São Paulo",
        "Ärger „Öl“",
        "Â",
        "café?",
        "Сёмин ООО «ЛУКОЙЛ»",
        "ООО «ТЭР» Їжак",
        "Ăsta, Ľuboš Ĺahký, Dań—Toruń",
    ],
)
def test_a_sound_text_is_not(tmp_path: Path, text: str) -> None:
    found = contacts(tmp_path, "email,note\n" + "".join(f'{one},"{text}"\n' for one in PEOPLE))
    assert not [one.code for one in found.findings if one.column == "note"]


@pytest.mark.parametrize("odd", ["vip, press", "vip/press", "vip|press;local", "press\u037evip", "press；vip"])
def test_a_list_that_is_divided_otherwise_is_named(tmp_path: Path, odd: str) -> None:
    cells = ["vip;press", "local;vip", "press;local", odd, *["a/b;c, d"] * 3]
    text = "email,tags\n" + "".join(f'{one},"{cell}"\n' for one, cell in zip(PEOPLE, cells, strict=False))
    found = contacts(tmp_path, text, columns={"tags": {"type": "list", "separator": ";"}})
    assert _places(found)["mixed-separators", "contacts", "tags"] == (1, "contacts.csv", 5)


def test_a_list_that_nothing_divides_is_named(tmp_path: Path) -> None:
    text = "email,tags\na@example.com,vip / press\nb@example.com,press\nc@example.com,b2b/b2c\n"
    found = contacts(tmp_path, text, columns={"tags": {"type": "list"}})
    assert _places(found)["mixed-separators", "contacts", "tags"] == (1, "contacts.csv", 2)


@pytest.mark.parametrize("column", ["city", "email"])
def test_columns_of_one_header_are_told(tmp_path: Path, column: str) -> None:
    text = "Email,City,City,Email\nada@example.com,Wien,Graz,\nbo@example.com,,Linz,\n"
    (told,) = [one for one in contacts(tmp_path, text, email="Email").findings if one.column == column]
    assert (told.code, told.count, told.file, told.row) == ("headers-collide", 2, "contacts.csv", 1)
    assert f"“{column.title()} (2)”" in told.message


def _related(
    folder: Path, contacts_: str, orders: str, **more: Any
) -> dict[tuple[str, str, str], tuple[int, str, int]]:
    write(folder, "contacts.csv", contacts_)
    write(folder, "orders.csv", orders)
    source = {"file": "orders*.csv", "join": ("customer", "key"), "at": "at", **more}
    return _places(loaded(folder, contacts={"file": "contacts.csv", "email": "email"}, orders=source))


def test_events_of_nobody_and_of_another_time_are_placed(tmp_path: Path) -> None:
    people = "email,key\na@example.com,11\nb@example.com,12\nc@example.com,12\nd@example.com,7.01E+10\n"
    orders = (
        "customer,at,total\n11,2026-01-01,1\n99,2026-01-01,2\n11,2062-01-01,3\n11,,4\n12,2026-01-01,5\n"
        "7.01E+10,2026-01-01,6\n"
    )
    found = _related(tmp_path, people, orders)
    assert found["no-person", "orders", ""] == (3, "orders.csv", 3)
    assert found["after-as-of", "orders", "at"] == (1, "orders.csv", 4)
    assert found["undated", "orders", "at"] == (1, "orders.csv", 5)
    assert found["shared-key", "orders", "customer"] == (2, "orders.csv", 6)
    assert found["shared-key", "contacts", "key"] == (2, "contacts.csv", 3)
    assert found["shortened-key", "contacts", "key"] == (1, "contacts.csv", 5)


def test_rows_that_stand_in_two_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, "orders-2.csv", "customer,at,total\n11,2026-01-02,9\n11,2026-01-01,1\n")
    found = _related(tmp_path, "email,key\na@example.com,11\n", "customer,at,total\n11,2026-01-02,8\n11,2026-01-01,1\n")
    assert found["same-rows", "orders", ""] == (1, "orders.csv", 3)


def test_a_blank_where_consent_is_asked_is_named(tmp_path: Path) -> None:
    cells = ["yes", "no"] * 15
    cells[4] = ""
    write(tmp_path, "contacts.csv", "email,opt_in\n" + "".join(map("{},{}\n".format, PEOPLE, cells)))
    text = (
        "version: 1\nsources: {contacts: {file: contacts.csv, email: email, columns: {opt_in: {type: boolean}}}}\n"
        "consent: {when: {opt_in: true}}\nsegments: {all: {when: {email: {exists: true}}}}\n"
    )
    made = load_text(text, tmp_path / "segments.yaml")
    found = load(made, catalog(made, AS_OF), AS_OF)
    assert _places(found)["consent-blank", "contacts", "opt_in"] == (1, "contacts.csv", 6)
