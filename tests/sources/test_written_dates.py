"""Dates as people and programs write them: months as words, zones behind times, a workbook's own cells."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.sources.kit import codes, column, contacts, loaded, write

# One line per language: full, short with and without a dot, capitals, without accents, with a weekday or an ordinal.
DAYS = """\
18. März 2026|18. Mär. 2026|18 MÄRZ 2026|18. Marz 2026|Mittwoch, 18. März 2026|18.März 2026
18 mars 2026|mer. 18 mars 2026|mercredi 18 mars 2026
18 de marzo de 2026|18 mar 2026|18 de mar. de 2026|miércoles, 18 de marzo de 2026
18 marzo 2026|18 mar. 2026|mer 18 mar 2026
18 maart 2026|18 mrt 2026|wo 18 mrt. 2026
18 de março de 2026|18 de mar. de 2026|18 março 2026|quarta-feira, 18 de março de 2026
18 marca 2026|18 mar 2026|środa, 18 marca 2026
March 18, 2026|Mar 18 2026|18-Mar-26|18MAR2026|Wed, 18 Mar 2026|March 18th, 2026|18 March 2026
"""
OTHERS = {
    "1er févr. 2026": (2, 1), "1 fevr. 2026": (2, 1), "3 déc. 2026": (12, 3), "7 août 2026": (8, 7),
    "5 Jänner 2026": (1, 5), "9 sept. 2026": (9, 9), "9 settembre 2026": (9, 9), "9 set 2026": (9, 9),
    "9 września 2026": (9, 9), "2 paź 2026": (10, 2), "2 października 2026": (10, 2), "2 out. 2026": (10, 2),
    "2 ott 2026": (10, 2), "4 lip 2026": (7, 4), "4 lug. 2026": (7, 4), "4 juil. 2026": (7, 4),
    "1º de maio de 2026": (5, 1), "1 mei 2026": (5, 1), "6 czerwca 2026": (6, 6), "6 giu 2026": (6, 6),
    "6 juin 2026": (6, 6), "2 ene. 2026": (1, 2), "2 gen 2026": (1, 2), "18 de noviembre de 2026": (11, 18),
    "18 nov. 2026": (11, 18), "18 lis 2026": (11, 18), "24. Dez. 2026": (12, 24),
}  # fmt: skip
NOON = {
    "2026-11-18 14:05:00 UTC": 14, "2026-11-18 14:05:00 GMT": 14, "2026-11-18 14:05 (UTC)": 14,
    "2026-11-18 14:05 CET": 13, "2026-07-18 14:05 MESZ": 12, "2026-11-18 14:05:00 PST": 22,
    "2026-11-18 2:05 PM EST": 19, "2026-11-18T14:05:00+0100": 13, "2026-11-18T14:05Z": 14,
    "2026-11-18 14:05:00 GMT+1": 13, "2026-11-18T14:05:00.250+01:00[Europe/Berlin]": 13, "18.11.2026 14:05 UTC": 14,
    "18.11.2026, 14:05:09 +0100": 13, "11/18/2026 2:05 PM PST": 22, "Wed, 18 Nov 2026 14:05:00 +0100": 13,
    "Nov 18, 2026 at 2:05 PM GMT": 14, "18 mars 2026 à 14:05 CET": 13,
    "Wed Nov 18 2026 14:05:00 GMT+0100 (Central European Standard Time)": 13,
}  # fmt: skip
HERE = {  # no zone: a time of the file's
    "18. März 2026 um 14:05 Uhr": 14, "18 de novembro de 2026 às 14:05": 14, "18/11/2026 14:05": 14,
    "18.11.2026 14:05:09.5": 14, "18 de noviembre de 2026, 2:05 p.m.": 14,
}  # fmt: skip


def _cells(cells: list[str]) -> str:
    return "email,x\n" + "".join(f'u{number:02}@example.com,"{cell}"\n' for number, cell in enumerate(cells))


@pytest.mark.parametrize("line", DAYS.splitlines())
def test_months_are_words_of_eight_languages(tmp_path: Path, line: str) -> None:
    cells = line.split("|")
    found = contacts(tmp_path, _cells(cells))
    assert found.types["contacts"]["x"] == "date"
    assert column(found, "x") == [date(2026, 3, 18)] * len(cells)


def test_every_name_means_its_month(tmp_path: Path) -> None:
    found = contacts(tmp_path, _cells(list(OTHERS)))
    assert column(found, "x") == [date(2026, *day) for day in OTHERS.values()]


def test_a_zone_behind_a_time_counts(tmp_path: Path) -> None:
    for number, (cell, hour) in enumerate(NOON.items()):
        if cell[:4] == "2026" or number % 2:  # undeclared, then declared
            found = contacts(tmp_path, _cells([cell]), zone="Asia/Tokyo")
        else:
            found = contacts(tmp_path, _cells([cell]), zone="Asia/Tokyo", columns={"x": {"type": "timestamp"}})
        assert found.types["contacts"]["x"] == "timestamp", cell
        assert [moment.hour for moment in column(found, "x")] == [hour], cell


def test_a_time_without_a_zone_is_the_file_s(tmp_path: Path) -> None:
    for cell, hour in HERE.items():
        assert [moment.hour for moment in column(contacts(tmp_path, _cells([cell])), "x")] == [hour], cell


@pytest.mark.parametrize("cells", [["May 1"], ["12 Main 2026"], ["MAR10"], ["10 mars"], ["2026-11-18 14:05 CST"]])
def test_what_only_looks_like_a_date_stays_a_text(tmp_path: Path, cells: list[str]) -> None:
    found = contacts(tmp_path, _cells(cells))
    assert (found.types["contacts"]["x"], column(found, "x")) == ("text", cells)


def test_a_zone_word_of_several_zones_is_told(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email\nada@example.com\n")
    write(tmp_path, "o.csv", "email,at\nada@example.com,2026-11-18 14:05 UTC\nada@example.com,2026-11-18 14:05 CST\n")
    orders = {"file": "o.csv", "join": ("email", "email"), "at": "at"}
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "email"}, orders=orders)
    (told,) = [one for one in found.findings if one.code == "not-of-type"]
    assert (told.file, told.row, told.examples) == ("o.csv", 3, ("2026-11-18 14:05 CST",))
    assert "CST" in told.message and "+01:00" in told.message


@pytest.mark.parametrize(
    ("texts", "settings", "read"),
    [
        (["17.11.2026", "18.11.2026"], {}, [date(2026, 11, 17), date(2026, 11, 18)]),
        (["11/17/2026"], {}, [date(2026, 11, 17)]),
        (["18. März 2026"], {}, [date(2026, 3, 18)]),
        (["17|11|2026"], {"type": "date", "format": "%d|%m|%Y"}, [date(2026, 11, 17)]),
        (["46346"], {"type": "date"}, [date(2026, 11, 20)]),
        (["1/2/2026"], {}, [date(2026, 2, 1)]),
    ],
)
def test_a_workbook_s_cells_of_dates_need_no_vote(
    tmp_path: Path, texts: list[str], settings: Any, read: list[date]
) -> None:
    book = Workbook()
    sheet = book.active
    sheet.append(["email", "x"])
    cells: list[Any] = [datetime(2026, 11, 5), *texts, datetime(2026, 1, 6)]
    for number, cell in enumerate(cells):
        sheet.append([f"u{number}@example.com", cell])
    book.save(tmp_path / "c.xlsx")
    people = {"file": "c.xlsx", "email": "email", "columns": {"x": settings} if settings else {}}
    found = loaded(tmp_path, contacts=people)
    assert column(found, "x") == [date(2026, 11, 5), *read, date(2026, 1, 6)]
    assert (("ambiguous-date", "x") in codes(found)) == (texts == ["1/2/2026"])


@pytest.mark.parametrize("texts", [["1,5"], ["1,5"] * 30, ["1.234,50"], ["1,5", "1.234"]])
@pytest.mark.parametrize("declared", [{}, {"type": "number"}])
def test_a_workbook_s_numbers_are_no_thousands(tmp_path: Path, texts: list[str], declared: Any) -> None:
    book = Workbook()
    book.active.append(["email", "x"])
    for number, cell in enumerate([120.125, -3.125, *texts]):
        book.active.append([f"u{number:02}@example.com", cell])
    book.save(tmp_path / "c.xlsx")
    people = {"file": "c.xlsx", "email": "email", "columns": {"x": declared} if declared else {}}
    found = loaded(tmp_path, contacts=people)
    read = column(found, "x")[:2]
    assert {str(value) for value in read} <= {"120.125", "120.1250", "-3.125", "-3.1250", "None"}, read
    assert {"not-of-type", "nearly-typed"} & {code for code, _ in codes(found)}


def test_days_without_a_year_in_other_languages(tmp_path: Path) -> None:
    cells = ["23. März", "18 de noviembre", "29 févr.", "3. Mär.", "18 listopada", "18. November 1990", "1er août"]
    found = contacts(tmp_path, _cells(cells), columns={"x": {"type": "day"}})
    assert column(found, "x") == ["03/23", "11/18", "02/29", "03/03", "11/18", "11/18", "08/01"]


@pytest.mark.parametrize(
    ("cell", "meant"),
    [("YES (18 Nov 2026)", True), ("ja, 18. März 2026", True), ("sim desde 1 de março de 2026", True),
     ("non depuis le 1er août 2026", False), ("no since Nov 18, 2026", False), ("yes until 18 Nov 2026", None)],
)  # fmt: skip
def test_a_word_of_consent_with_a_written_date(tmp_path: Path, cell: str, meant: bool | None) -> None:
    found = contacts(tmp_path, _cells([cell]), columns={"x": {"type": "boolean"}})
    assert column(found, "x") == [meant]
