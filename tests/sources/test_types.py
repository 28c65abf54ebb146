"""How texts become values: inference, declared types, missing values, local times."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from connector.sources.columns import measure, months, offsets
from connector.sources.columns.model import ColumnInfo
from connector.sources.columns.normalise import country
from tests.sources.kit import codes, column, contacts, loaded, write


def _one(folder: Path, values: list[str], zone: str = "UTC", **declared: Any) -> tuple[Any, list[Any]]:
    """Load one column `x` of these cells; (its type, its values in order)."""
    lines = "".join(f'u{number:03}@example.com,"{value}"\n' for number, value in enumerate(values))
    settings = {"columns": {"x": declared}} if declared else {}
    found = contacts(folder, "email,x\n" + lines, zone=zone, **settings)
    return found, column(found, "x")


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (["1", "-20", ""], "integer", [1, -20, None]),
        (["01234", "99"], "text", ["01234", "99"]),
        (["+4930", "5"], "text", ["+4930", "5"]),
        (["12345678901234567890", "1"], "number", [Decimal("12345678901234567890"), Decimal(1)]),
        (["1.5", "2", "0.25"], "number", [Decimal("1.5"), Decimal(2), Decimal("0.25")]),
        (["1,5", "2"], "number", [Decimal("1.5"), Decimal(2)]),
        (["1.234,50", "2"], "number", [Decimal("1234.5"), Decimal(2)]),
        (["1,234.50", "1,234,567"], "number", [Decimal("1234.5"), Decimal(1234567)]),
        (["1e5", "2"], "text", ["1e5", "2"]),
        (["TRUE", "false", ""], "boolean", [True, False, None]),
        (["yes", "no"], "text", ["yes", "no"]),
        (["NO", "None", "NA"], "text", ["NO", "None", "NA"]),
        (["2026-01-31", "2025-2-1"], "date", [date(2026, 1, 31), date(2025, 2, 1)]),
        (["2026-01-31 10:00", "2025-02-01"], "timestamp", [datetime(2026, 1, 31, 10), datetime(2025, 2, 1)]),
        (["2026-01-31T10:00:01.5Z", "2026-01-31 10:00:00+02:00"], "timestamp",
         [datetime(2026, 1, 31, 10, 0, 1, 500000), datetime(2026, 1, 31, 8)]),
        (["2026-01-31 10:00:00 +0100", "2026-01-31 10:00:00 UTC"], "timestamp",
         [datetime(2026, 1, 31, 9), datetime(2026, 1, 31, 10)]),
        (["31/01/2026", "1/2/2026"], "date", [date(2026, 1, 31), date(2026, 2, 1)]),
        (["01/31/2026", "1/2/2026"], "date", [date(2026, 1, 31), date(2026, 1, 2)]),
        (["31.01.2026 14:05", "01.02.2026 00:00"], "timestamp", [datetime(2026, 1, 31, 14, 5), datetime(2026, 2, 1)]),
        (["1/31/2026 2:30 PM", "1/2/2026, 12:00:01 am"], "timestamp",
         [datetime(2026, 1, 31, 14, 30), datetime(2026, 1, 2, 0, 0, 1)]),
        (["31/01/26", "1/2/26"], "date", [date(2026, 1, 31), date(2026, 2, 1)]),
        (["31.01.98 14:05", "01.02.26 00:00"], "timestamp", [datetime(1998, 1, 31, 14, 5), datetime(2026, 2, 1)]),
        (["1/31/26 2:30 PM", "1/2/39, 12:00:01 am"], "timestamp",
         [datetime(2026, 1, 31, 14, 30), datetime(2039, 1, 2, 0, 0, 1)]),
        (["26-01-31", "26-02-01"], "text", ["26-01-31", "26-02-01"]),
        (["31/01/261", "1/2/26"], "text", ["31/01/261", "1/2/26"]),
        (["Nov 18, 2026 at 2:05 PM", "2 January 2026 at 11:00"], "timestamp",
         [datetime(2026, 11, 18, 14, 5), datetime(2026, 1, 2, 11)]),
        (["2026-11-18 02:05 PM", "2026/1/2 12:00:01 a.m.", "2026-11-18T22:00:00Z"], "timestamp",
         [datetime(2026, 11, 18, 14, 5), datetime(2026, 1, 2, 0, 0, 1), datetime(2026, 11, 18, 22)]),
        (["Jan 5, 2026", "December 24, 2025"], "date", [date(2026, 1, 5), date(2025, 12, 24)]),
        (["5 Jan 2026 09:30", "24-Dec-2025 10:00"], "timestamp",
         [datetime(2026, 1, 5, 9, 30), datetime(2025, 12, 24, 10)]),
        (["2026-02-30", "2026-01-01"], "text", ["2026-02-30", "2026-01-01"]),
        (["31/01/2026", "01/31/2026"], "text", ["31/01/2026", "01/31/2026"]),
        ([" 5", "6 "], "integer", [5, 6]),
        (["-", "N/A", "#n/a", "Null", "3", " \u00a0 "], "integer", [None, None, None, None, 3, None]),
    ],
)  # fmt: skip
def test_inference(tmp_path: Path, values: list[str], type_: str, expected: list[Any]) -> None:
    found, got = _one(tmp_path, values)
    assert (found.types["contacts"]["x"], got) == (type_, expected)
    assert not [code for code, _ in codes(found) if code == "not-of-type"]


@pytest.mark.parametrize(
    ("declared", "values", "expected", "lost"),
    [
        ({"type": "number"}, ["$1,234.50", "12 €", "EUR 7", "x", "007", "+3"],
         [Decimal("1234.5"), Decimal(12), Decimal(7), None, Decimal(7), Decimal(3)], 1),
        ({"type": "number", "decimal": ","}, ["1.234", "0,5"], [Decimal(1234), Decimal("0.5")], 0),
        ({"type": "integer"}, ["5.0", "1,200", "2.5", "none"], [5, 1200, None, None], 2),
        ({"type": "text"}, ["1", "2026-01-01"], ["1", "2026-01-01"], 0),
        ({"type": "boolean"}, ["Yes", "n", "1", "0", "ON", "maybe"], [True, False, True, False, True, None], 1),
        ({"type": "date"}, ["2026-01-01 23:30", "x", "2026-01-02"], [date(2026, 1, 1), None, date(2026, 1, 2)], 1),
        ({"type": "timestamp"}, ["2026-01-01", "soon"], [datetime(2026, 1, 1), None], 1),
        ({"type": "date", "format": "%Y%m%d"}, ["20260102", "2026"], [date(2026, 1, 2), None], 1),
        ({"type": "timestamp", "format": "%d.%m.%y %H Uhr"}, ["02.01.26 15 Uhr"], [datetime(2026, 1, 2, 15)], 0),
        ({"type": "list", "separator": ";"}, ["a; b ;;c", "", "x"], [["a", "b", "c"], None, ["x"]], 0),
        ({"type": "list"}, ["a|b", "c"], [["a", "b"], ["c"]], 0),
        ({"type": "list"}, ["a\nb c", "b c", "c\r\na"], [["a", "b c"], ["b c"], ["c", "a"]], 0),
        ({"type": "number"}, ["1,23,456.00", "12,345.5", "1,2,3"], [Decimal(123456), Decimal("12345.5"), None], 1),
        ({"type": "list"}, ['""VIP"",""Big, tall""', "Blog"], [["VIP", "Big, tall"], ["Blog"]], 0),
        ({"type": "list"}, ['[""a"", ""b""]'], [["a", "b"]], 0),
        ({"type": "text", "missing": ("none", "unknown")}, ["None", "UNKNOWN", "N/A"], [None, None, "N/A"], 0),
        ({"type": "country"}, ["Germany", "usa", "DEU", "no", "Côte d’Ivoire", "The Netherlands", "Atlantis"],
         ["DE", "US", "DE", "NO", "CI", "NL", "Atlantis"], 0),
    ],
)  # fmt: skip
def test_declared_types(tmp_path: Path, declared: Any, values: list[str], expected: list[Any], lost: int) -> None:
    found, got = _one(tmp_path, values, **declared)
    assert got == expected
    assert codes(found).get(("not-of-type", "x"), 0) == lost


def test_lost_values_are_listed_with_their_row(tmp_path: Path) -> None:
    found, _ = _one(tmp_path, ["1", "2", "many"], type="integer")
    finding = next(finding for finding in found.findings if finding.code == "not-of-type")
    assert (finding.file, finding.row, finding.count) == ("contacts.csv", 4, 1)


def test_a_wrong_guess_on_the_sample_is_corrected(tmp_path: Path) -> None:
    lines = [f"u{number:05}@example.com,{number},{number}.5,2026-01-01" for number in range(20_000)]
    lines[15_001] = "u15001@example.com,many,0.12345,2026-01-01 10:30"
    found = contacts(tmp_path, "email,a,b,c\n" + "\n".join(lines) + "\n")
    assert {name: found.types["contacts"][name] for name in "abc"} == {"a": "integer", "b": "number", "c": "timestamp"}
    got = found.connection.con.execute("SELECT * FROM source_contacts WHERE email = 'u15001@example.com'").fetchone()
    assert got == ("u15001@example.com", None, Decimal("0.12345"), datetime(2026, 1, 1, 10, 30))


def _many(folder: Path, good: list[str], odd: list[str], name: str = "x", more: str = "") -> Any:
    """Many good values, with the odd ones after the first 1,500 rows."""
    cells = [*(good * (-(-2000 // len(good))))[:1990], *odd]
    lines = "".join(f"u{number}@example.com,{cell}\n" for number, cell in enumerate(cells))
    return contacts(folder, f"email,{name}\n{lines}{more}")


@pytest.mark.parametrize(
    ("good", "odd", "type_"),
    [
        (["1.50", "2"], ["n.a."], "number"),
        (["1", "2"], ["n.a.", "?"], "integer"),
        (["2026-01-31"], ["soon"], "date"),
        (["31.01.2026 10:00"], ["13/32/2026"], "timestamp"),
        (["true", "FALSE"], ["perhaps"], "boolean"),
        (["1", "2"], ["x"] * 500, "text"),
        (["12345", "23456"], ["01234"], "text"),  # codes: a zero in front is a sign of its own
    ],
)
def test_a_few_cells_do_not_make_a_column_text(tmp_path: Path, good: list[str], odd: list[str], type_: str) -> None:
    found = _many(tmp_path, good, odd)
    assert found.types["contacts"]["x"] == type_
    told = [finding for finding in found.findings if finding.code == "not-of-type"]
    assert [(one.count, one.row, one.examples) for one in told] == (
        [] if type_ == "text" else [(len(odd), 1992, (odd[0],))]
    )


@pytest.mark.parametrize(
    ("cells", "kind"), [(["1.5", "2", "n.a."], "numbers"), (["2026-11-01", "11/17/2026", "2026-11-03"], "dates")]
)
def test_what_keeps_a_column_from_its_type(tmp_path: Path, cells: list[str], kind: str) -> None:
    text = "email,x\n" + "".join(f"u{number}@example.com,{cell}\n" for number, cell in enumerate(cells))
    (told,) = [one for one in contacts(tmp_path, text).findings if one.code == "nearly-typed"]
    odd = cells[2] if kind == "numbers" else cells[1]
    assert (told.count, told.row) == (1, 2 + cells.index(odd))
    assert f"{kind} that 2 of 3 are" in told.message and f"“{odd}”" in told.message


@pytest.mark.parametrize("name", ["zip", "Customer ID", "SKU", "Postal Code"])
def test_codes_are_read_by_all_of_their_values(tmp_path: Path, name: str) -> None:
    assert "SW1A 1AA" in column(_many(tmp_path, ["12345"], ["SW1A 1AA"], name), name.lower().replace(" ", "_"))


def test_rows_that_are_no_people_do_not_vote(tmp_path: Path) -> None:
    text = "email,x\na@example.com,5\nEmail,X\nnonsense,many\n,none\nTotal: 3 rows,?\nb@example.com,6\n"
    found = contacts(tmp_path, text)
    assert found.types["contacts"]["x"] == "integer" and column(found, "x") == [5, 6]
    assert "not-of-type" not in {code for code, _ in codes(found)}


def test_repeated_headers_of_events_do_not_vote(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,ID\na@example.com,1\n")
    write(tmp_path, "o.csv", "Who,Day,Amount\n1,2026-01-01,5.50\nWho,Day,Amount\n1,2026-01-02,6\n")
    orders = {"file": "o.csv", "join": ("Who", "ID"), "at": "Day"}
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "email"}, orders=orders)
    assert column(found, "amount", "orders") == [Decimal("5.5"), Decimal(6)]


def test_amounts_are_exact(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,a,b\nx@example.com,0.1,0.2\n")
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "email"})
    got = found.connection.con.execute("SELECT a + b >= 0.3 AND a + b = 0.3 FROM source_contacts").fetchone()
    assert got == (True,)


@pytest.mark.parametrize(
    ("zone", "first"), [("Europe/Berlin", date(2026, 2, 1)), ("America/New_York", date(2026, 1, 2))]
)
def test_ambiguous_dates_are_reported(tmp_path: Path, zone: str, first: date) -> None:
    found, got = _one(tmp_path, ["1/2/2026", "3/4/2026"], zone=zone)
    assert got[0] == first
    (told,) = [one for one in found.findings if one.code == "ambiguous-date"]
    assert (told.count, told.row) == (2, 2) and "as “1/2/2026”;" in told.message


@pytest.mark.parametrize(("cells", "count"), [(["5", "€6"], 0), (["1.234", "5"], 2), (["€1,5", "7"], 0)])
def test_whole_numbers_are_not_ambiguous(tmp_path: Path, cells: list[str], count: int) -> None:
    found, _ = _one(tmp_path, cells, type="number")
    assert codes(found).get(("ambiguous-number", "x"), 0) == count


def test_an_ambiguous_column_follows_its_neighbours(tmp_path: Path) -> None:
    text = 'email,x,y,m,n\na@example.com,1/2/2026,12/31/2025,"1.234","1,5"\n'
    found = contacts(tmp_path, text)
    assert column(found, "x") == [date(2026, 1, 2)]
    assert column(found, "m") == [Decimal(1234)]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-29 01:59:59", datetime(2026, 3, 29, 0, 59, 59)),
        ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30)),  # in the gap: an hour later
        ("2026-03-29 03:00:00", datetime(2026, 3, 29, 1, 0)),
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30)),  # double: the first
        ("2026-10-25 03:00:00", datetime(2026, 10, 25, 2, 0)),
        ("1950-06-01 12:00:00", datetime(1950, 6, 1, 11, 0)),
    ],
)
def test_local_times(tmp_path: Path, local: str, utc: datetime) -> None:
    assert _one(tmp_path, [local], zone="Europe/Berlin")[1] == [utc]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"])
def test_local_times_agree_with_the_zone_database(tmp_path: Path, zone: str) -> None:
    from datetime import UTC, timedelta
    from zoneinfo import ZoneInfo

    moments = [datetime(2024, 1, 1) + timedelta(hours=7 * number, minutes=number) for number in range(3000)]
    _, got = _one(tmp_path, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments], zone=zone)
    aware = sorted(moments)  # fold 0: the first of a double time, the old offset in a gap
    lines = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None) for moment in aware]
    assert sorted(got) == sorted(lines)


def test_local_day_of_an_instant(tmp_path: Path) -> None:
    _, got = _one(tmp_path, ["2026-01-01T23:30:00Z", "2026-01-01"], zone="Europe/Berlin", type="date")
    assert got == [date(2026, 1, 2), date(2026, 1, 1)]


def test_place_needs_both_coordinates(tmp_path: Path) -> None:
    text = "email,Lat,Lon\na@example.com,52.52,13.40\nb@example.com,52.52,\nc@example.com,99,13\n"
    found = contacts(tmp_path, text, columns={"home": {"from_": ("Lat", "Lon")}})
    assert column(found, "home") == [{"latitude": 52.52, "longitude": 13.4}, None, None]
    assert found.types["contacts"]["home"] == "place"
    assert codes(found)["not-of-type", "home"] == 2


def test_a_place_alone_is_read_from_its_two_headers(tmp_path: Path) -> None:
    """A rule of places needs no other column, so nothing else says that the two are numbers."""
    write(tmp_path, "c.csv", 'email,Lat,Lon\na@example.com,"52,52","13,40"\nb@example.com,,\n')
    people = {"file": "c.csv", "email": "email", "columns": {"home": {"from_": ("Lat", "Lon"), "type": "place"}}}
    found = loaded(tmp_path, {"contacts": frozenset({"home"})}, contacts=people)
    assert column(found, "home") == [{"latitude": 52.52, "longitude": 13.4}, None]


@pytest.mark.parametrize(
    ("cells", "settings", "count", "shown"),
    [
        (["a;b", '"c,d"', "e"], {}, 1, "c,d"),
        (["a|b", '"c,d"', "e"], {}, 1, "c,d"),
        (['"a,b"', '"c\nd"', "e"], {}, 1, "c·d"),
        (['"a,b"'] * 3000 + ["c;d"], {}, 3000, "a,b"),  # the sign comes late
        (["a;b", '"c,d"'], {"separator": ";"}, 0, ""),
        (['"a,b"', "c"], {}, 0, ""),
    ],
)
def test_lists_of_two_signs_are_told(tmp_path: Path, cells: list[str], settings: Any, count: int, shown: str) -> None:
    text = "email,x\n" + "".join(f"u{number}@example.com,{cell}\n" for number, cell in enumerate(cells))
    found = contacts(tmp_path, text, columns={"x": {"type": "list", **settings}})
    told = [finding for finding in found.findings if finding.code == "mixed-separators"]
    assert [finding.count for finding in told] == ([count] if count else [])
    assert not told or f"“{shown}”" in told[0].message


@pytest.mark.parametrize(("encoding", "declared", "word"), [
    ("mac-roman", None, "ZoŽ"), ("cp1252", None, "Zoé"), ("cp1250", None, "Zoé"), ("cp1252", "cp1252", ""),
    ("utf-8", None, ""),
])  # fmt: skip
def test_a_word_of_a_guessed_encoding(tmp_path: Path, encoding: str, declared: str | None, word: str) -> None:
    text = "email,name\n" + "".join(f"u{number}@example.com,Zoé\n" for number in range(3))
    found = contacts(tmp_path, text.encode(encoding), encoding=declared)
    told = [finding.message for finding in found.findings if finding.code == "encoding-guessed"]
    assert len(told) == bool(word) and word in "".join(told)


@pytest.mark.parametrize(("encoding", "names", "wrong"), [
    ("cp1250", ["Kraków"] * 9 + ["Łukasz"], "£ukasz"), ("cp1250", ["Müller"] * 9 + ["Dvořák"], "Dvoøák"),
    ("iso-8859-2", ["Kraków"] * 9 + ["Święty"], "¦wiêty"), ("cp1251", ["Иванов"], "Èâàíîâ"),
    ("mac-roman", ["Berlin"] * 9 + ["Müller"], "MŸller"),
])  # fmt: skip
def test_the_shown_words_have_the_letters_that_are_wrong(
    tmp_path: Path, encoding: str, names: list[str], wrong: str
) -> None:
    text = "email,name\n" + "".join(f"u{number}@example.com,{name}\n" for number, name in enumerate(names))
    (told,) = [one.message for one in contacts(tmp_path, text.encode(encoding)).findings]
    assert f"“{wrong}”" in told and "`encoding:`" in told
    assert column(contacts(tmp_path, text.encode(encoding), encoding=encoding), "name") == names


@pytest.mark.parametrize(
    ("cells", "settings", "read"),
    [
        (["11/23", "02/29", "2/3"], {}, ["11/23", "02/29", "02/03"]),
        (["23/11", "1/2"], {}, ["11/23", "02/01"]),
        (["23.11.", "1.2", "29. 2."], {}, ["11/23", "02/01", "02/29"]),
        (["Feb 29", "23 November", "3. Mar."], {}, ["02/29", "11/23", "03/03"]),
        (["1990-11-23", "23.11.1990", "2000-02-29 00:00:00"], {}, ["11/23", "11/23", "02/29"]),
        (["11/31", "soon", "13/13"], {}, [None, None, None]),
        (["23/11", "--11-05", " --02-29"], {}, ["11/23", "11/05", "02/29"]),
        (["3-2"], {"format": "%d-%m"}, ["02/03"]),
    ],
)
def test_days_without_a_year(tmp_path: Path, cells: list[str], settings: Any, read: list[str | None]) -> None:
    text = "email,x\n" + "".join(f"u{number}@example.com,{cell}\n" for number, cell in enumerate(cells))
    found = contacts(tmp_path, text, columns={"x": {"type": "day", **settings}})
    assert column(found, "x") == read
    assert codes(found).get(("not-of-type", "x"), 0) == read.count(None)


PHONE = {"type": "phone"}


def test_phones(tmp_path: Path) -> None:
    text = (
        "email,phone,country\na@example.com,+49 30 901820,DE\nb@example.com,030 901820,Germany\n"
        "c@example.com,0049 30 901820,\nd@example.com,030 901820,\ne@example.com,+49 (0)30 901820,FR\n"
    )
    found = contacts(tmp_path, text, columns={"phone": {"type": "phone"}})
    assert column(found, "phone") == ["+4930901820"] * 3 + ["030 901820", "+4930901820"]
    assert codes(found)["normalised", "phone"] == 4
    assert codes(found)["unknown-spelling", "phone"] == 1
    assert codes(found)["normalised", "country"] == 1


@pytest.mark.parametrize(
    ("written", "country", "read"),
    [
        ("491701234567", "DE", None),  # in Germany either may be meant: it stays
        ("491701234567.0", "DE", None),
        ("447911123456", "GB", "+447911123456"),
        ("15551234567", "US", "+15551234567"),
        ("33612345678.0", "FR", "+33612345678"),
        ("0170 1234567.0", "DE", "+491701234567"),
        ("+49 0170 1234567", "", "+491701234567"),
        ("+4901701234567", "", "+491701234567"),
        ("+39 06 12345678", "", "+390612345678"),  # in Italy the zero belongs to it
        ("2025550123", "US", "+12025550123"),
    ],
)
def test_a_country_code_is_not_given_twice(tmp_path: Path, written: str, country: str, read: str | None) -> None:
    found = contacts(tmp_path, f"email,phone,country\na@example.com,{written},{country}\n", columns={"phone": PHONE})
    assert column(found, "phone") == [read or written]


def test_a_column_called_country_is_normalised(tmp_path: Path) -> None:
    found = contacts(tmp_path, "email,Country\na@example.com,Norway\nb@example.com,Narnia\n")
    assert column(found, "country") == ["NO", "Narnia"]
    finding = next(finding for finding in found.findings if finding.code == "unknown-spelling")
    assert finding.examples == ("Narnia",) and finding.count == 1


def test_empty_columns_are_told(tmp_path: Path) -> None:
    found = contacts(tmp_path, "email,x,y\na@example.com,,1\n")
    assert found.empty["contacts"] == {"x"}
    assert found.types["contacts"]["x"] == "text"


def test_what_is_needed_does_not_change_how_a_column_is_read(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,x,y\na@example.com,1/2/2026,12/31/2025\n")
    for needed in (None, {"contacts": frozenset({"x"})}):
        found = loaded(tmp_path, needed, contacts={"file": "c.csv", "email": "email"})
        assert column(found, "x") == [date(2026, 1, 2)]


def test_lists_of_json_need_no_declaration(tmp_path: Path) -> None:
    tags = ('"tags": ["x"], ', '"tags": [], ', "")
    text = "".join(f'{{{told}"email": "{name}@example.com"}}\n' for told, name in zip(tags, "abc", strict=True))
    found = contacts(tmp_path, text, "p.jsonl")
    assert column(found, "tags") == [["x"], [], None]
    assert found.types["contacts"]["tags"] == "list"


@pytest.mark.parametrize(
    ("header", "hour"),
    [("Created (UTC)", 22), ("created_at_utc", 22), ("Created GMT", 22), ("Created [America/New_York]", 3),
     ("Seen (PST)", 6), ("Seen (CET)", 21), ("Seen (GMT+02:00)", 20), ("Seen UTC-3", 1),
     ("Created", 13), ("Butcher (new)", 13)],
)  # fmt: skip
def test_a_header_tells_the_zone_of_its_times(tmp_path: Path, header: str, hour: int) -> None:
    text = f"email,{header}\na@example.com,2026-11-18 22:00\nb@example.com,2026-11-18T22:00:00Z\n"
    found = contacts(tmp_path, text, zone="Asia/Tokyo", columns={"x": {"from": header}})
    assert [value.hour for value in column(found, "x")] == [hour, 22]
    assert (("header-zone", "x") in codes(found)) == (hour != 13)


def test_the_zone_of_the_source_is_stronger_than_a_header(tmp_path: Path) -> None:
    text = "email,Created (UTC)\na@example.com,2026-11-18 22:00\n"
    found = contacts(tmp_path, text, timezone="Asia/Tokyo")
    assert column(found, "created_utc") == [datetime(2026, 11, 18, 13)]


@pytest.mark.parametrize(
    ("text", "code"),
    [("Österreich", "AT"), ("Czechia", "CZ"), ("España", "ES"), ("ALLEMAGNE", "DE"), ("Duitsland", "DE"),
     ("Niemcy", "DE"),
     ("Alemanha", "DE"), ("Germania", "DE"), ("Polska", "PL"), ("Royaume-Uni", "GB"), ("Vereinigte Staaten", "US"),
     ("Stati Uniti", "US"), ("Holanda", "NL"), ("Costa d'Avorio", "CI"), ("Schweiz", "CH"), ("Espana", "ES"),
     ("Austria", "AT"), ("Nirgendwo", None),
     ("NA", "NA"), ("N.A.", None), ("n.a", None), ("U.S.A.", "US")],
)  # fmt: skip
def test_names_of_countries(text: str, code: str | None) -> None:
    assert country(text) == code


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1763251200", "1763251201.5"], [datetime(2025, 11, 16), datetime(2025, 11, 16, 0, 0, 1, 500000)]),
        (["1763251200000", "1763251201250"], [datetime(2025, 11, 16), datetime(2025, 11, 16, 0, 0, 1, 250000)]),
        (["46346", "46346.75"], [datetime(2026, 11, 19, 15), datetime(2026, 11, 20, 9)]),  # local: a day of Tokyo
        (["12", "99999"], [None, None]),
    ],
)
def test_stamps_of_machines_and_days_of_spreadsheets(tmp_path: Path, cells: list[str], expected: list[Any]) -> None:
    _, got = _one(tmp_path, cells, zone="Asia/Tokyo", type="timestamp")
    assert got == expected


def test_the_time_of_an_event_may_be_a_stamp(tmp_path: Path) -> None:
    write(tmp_path, "contacts.csv", "email\na@example.com\n")
    write(tmp_path, "orders.csv", "email,created\na@example.com,1763251200\n")
    orders = {"file": "orders.csv", "join": ("email", "email"), "at": "created"}
    found = loaded(tmp_path, contacts={"file": "contacts.csv", "email": "email"}, orders=orders)
    assert column(found, "_at", "orders") == [datetime(2025, 11, 16)]


def test_no_number_and_no_date_is_taken_for_neither() -> None:
    """What no column is asked about, because no value is like it, is what none of the counts would have found."""
    chance = random.Random(7)
    moments = [
        "2026-11-18 14:05:09",
        "2026/1/2",
        "2026-01-02T10:00:00.5+01:00",
        "18.11.2026",
        "1/2/26",
        "18-11-2026 9:05",
    ]
    moments += [
        "Nov 18, 2026 at 2:05 PM",
        "18. Nov 2026",
        "18-Nov-2026",
        "November 3 2026 10:00",
        "2026 01 02 10:00:00",
        "18. März 2026 um 10:00 Uhr",
        "1er août 2026",
        "18NOV2026",
        "11/18/2026 2:05 PM PST",
    ]
    numbers = ["1", "-0.5", "1,234.5", "1.234,5", "1 234", "1'234", ".5", "12", "007", "45000", "45000.5", "1763251200"]
    texts = [*moments, *numbers]
    for text in moments + numbers:
        for _ in range(400):
            at, sign = chance.randrange(len(text)), chance.choice("0189 .,/-:TZaPM+'\u00a0\\")
            texts.append(text[:at] + sign + text[at + chance.randrange(2) :])
    con = duckdb.connect()
    con.register("given", pa.table({"cell": texts}))
    info = ColumnInfo("x", ("x",), None, "header")
    made = f"(SELECT *, {offsets.bare('t0')} AS b0 FROM (SELECT trim(cell) AS t0 FROM given))"
    for label, sql in measure._counters(measure.Text(0, "cell", info), measure._Like()):
        if label in (*measure._STYLES, "stamp"):
            wanted = f"{sql.removeprefix('count')} IS NOT NULL"
        elif label.startswith("number") or label in ("integer", "zeros"):
            wanted = sql.replace("count(*) FILTER (", "(")
        else:
            continue
        looks = [measure._has_a_day if label in measure._STYLES else measure._is_numeral]
        looks += [months.has_word] if label == "names" else []
        where = f"WHERE {wanted} AND NOT ({' AND '.join(look('t0') for look in looks)})"
        assert con.sql(f"SELECT t0 FROM {made} {where}").fetchall() == [], label
        assert con.sql(f"SELECT count(*) FROM {made} WHERE {wanted}").fetchall()[0][0] > 20, label
