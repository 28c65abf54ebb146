"""Headers below a title or on another sheet: the message says what to add, and that works."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest

from connector.core.errors import SourceError
from connector.sources.columns.catalog import catalog
from connector.sources.sketch import sketch
from tests.sources.kit import AS_OF, config, loaded


def book(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


DATA: list[list[object]] = [["E-mail", "Spent"], ["a@example.com", 3], ["b@example.com", 4]]
COVER: list[list[object]] = [["Report for the board"], ["by Ann", "2026"]]
TEXT = "E-mail;Spent\na@example.com;3\nb@example.com;4\n"


def told(folder: Path, **settings: object) -> str:
    with pytest.raises(SourceError) as caught:
        catalog(config(folder, contacts={"file": "c.*", "email": "E-mail", **settings}), AS_OF)
    return str(caught.value)


def advised(message: str) -> dict[str, object]:
    found = dict(re.findall(r"`(skip_rows|sheet): ([^`]+)`", message))
    return {key: int(value) if key == "skip_rows" else value for key, value in found.items()}


@pytest.mark.parametrize(
    "title", ["Customer report\n", "Customers of 2026\nmade by Ann; on Monday\n\n", "Total: 2\n" * 9]
)
def test_title_rows_of_a_text(tmp_path: Path, title: str) -> None:
    (tmp_path / "c.csv").write_text(title + TEXT)
    settings = advised(told(tmp_path))
    assert settings and loaded(tmp_path, contacts={"file": "c.csv", "email": "E-mail", **settings}).rows == {
        "contacts": 2
    }
    with pytest.raises(SourceError, match="skip_rows"):
        sketch(tmp_path / "c.csv")


@pytest.mark.parametrize(
    "sheets",
    [
        [("Cover", COVER), ("People", DATA)],
        [("Cover", COVER), ("Notes", COVER), ("People", [*COVER, *DATA])],
        [("People", [*COVER, *DATA])],
    ],
)
def test_a_cover_sheet_and_title_rows_of_a_workbook(
    tmp_path: Path, sheets: list[tuple[str, list[list[object]]]]
) -> None:
    book(tmp_path / "c.xlsx", *sheets)
    settings = advised(told(tmp_path))
    assert settings
    assert loaded(tmp_path, contacts={"file": "c.xlsx", "email": "E-mail", **settings}).rows == {"contacts": 2}


def test_no_way_is_named_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("Name,City\nAnn,Rome\n")
    assert "skip_rows" not in told(tmp_path)
