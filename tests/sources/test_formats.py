"""Every format and encoding gives the same people."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connector.core.errors import SourceError
from connector.sources.files import book_size
from tests.sources.kit import codes, column, contacts, listed, loaded, rows, write

HEADER = ["email", "name", "spent"]
PEOPLE = [["ada@example.com", "Zoë Müller", "10.50"], ["bob@example.com", 'Bob "B" Berg', "7"]]
EXPECTED = [("ada@example.com", "Zoë Müller", "10.50"), ("bob@example.com", 'Bob "B" Berg', "7.00")]


def _csv(delimiter: str = ",", end: str = "\n") -> str:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in PEOPLE]
    return end.join(delimiter.join(row) for row in [HEADER, *quoted]) + end


def _check(folder: Path, name: str, content: bytes | None = None, **settings: object) -> None:
    if content is not None:
        write(folder, name, content)
    found = loaded(folder, contacts={"file": name, "email": "email", **settings})
    got = [(row["email"], row["name"], str(row["spent"])) for row in rows(found)]
    assert got == EXPECTED
    assert found.types["contacts"]["spent"] == "number"
    assert found.quarantine.num_rows == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    _check(tmp_path, "people.csv", _csv(delimiter).encode(encoding))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    _check(tmp_path, "people.csv", _csv(end=end).encode())


def test_mixed_line_ends(tmp_path: Path) -> None:
    _check(tmp_path, "people.csv", _csv(end="\r\n").replace("\r\n", "\n", 1).encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_gzip(tmp_path: Path, encoding: str) -> None:
    _check(tmp_path, "people.csv.gz", gzip.compress(_csv().encode(encoding)))


def test_cp1252_signs_that_latin_1_lacks(tmp_path: Path) -> None:
    found = contacts(tmp_path, "email,note\na@example.com,“5 €”\n".encode("cp1252"))
    assert column(found, "note") == ["“5 €”"]


def test_encoding_found_late_in_the_file(tmp_path: Path) -> None:
    lines = "".join(f"u{number}@example.com,plain\n" for number in range(30_000))
    found = contacts(tmp_path, ("email,note\n" + lines + "z@example.com,Köln\n").encode("cp1252"))
    assert column(found, "note")[-1] == "Köln"
    assert found.rows["contacts"] == 30_001


def test_told_settings_win(tmp_path: Path) -> None:
    text = "Report of today\nAll people\nemail;name;spent\n" + "".join(";".join(row) + "\n" for row in PEOPLE)
    text = text.replace('Bob "B" Berg', '"Bob ""B"" Berg"')
    _check(tmp_path, "people.txt", text.encode("cp1252"), encoding="cp1252", delimiter=";", skip_rows=2)


def test_excel_separator_line(tmp_path: Path) -> None:
    _check(tmp_path, "people.csv", b"sep=;\r\n" + _csv(";", "\r\n").encode())


def test_newline_in_quotes(tmp_path: Path) -> None:
    found = contacts(tmp_path, 'email,note\na@example.com,"one\r\ntwo, ""three"""\nb@example.com,x\n')
    assert column(found, "note") == ['one\r\ntwo, "three"', "x"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_json_lines(tmp_path: Path, encoding: str) -> None:
    text = "".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in PEOPLE)
    _check(tmp_path, "people.jsonl", text.encode(encoding))
    _check(tmp_path, "people.ndjson.gz", gzip.compress(text.encode()))


def test_json_values(tmp_path: Path) -> None:
    lines = [
        {"email": "a@example.com", "spent": 0.1, "tags": ["x", "y"], "vip": True, "n": 12345678901},
        {"email": "b@example.com", "spent": 12, "tags": [], "vip": None},
        {"email": "c@example.com", "spent": None, "vip": False, "n": 1, "late/key": "~"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write(tmp_path, "p.jsonl", text)
    found = loaded(tmp_path, contacts={"file": "p.jsonl", "email": "email", "columns": {"tags": {"type": "list"}}})
    assert column(found, "tags") == [["x", "y"], [], None]
    assert column(found, "vip") == [True, None, False]
    assert [str(value) for value in column(found, "spent")] == ["0.1", "12.0", "None"]
    assert column(found, "n") == [12345678901, None, 1]
    assert column(found, "late_key") == [None, None, "~"]


def test_broken_json_line_is_quarantined_with_its_line(tmp_path: Path) -> None:
    found = contacts(tmp_path, '{"email": "a@example.com"}\n\n{"email": \n[1]\n{"email": "b@example.com"}\n', "p.jsonl")
    assert column(found, "email") == ["a@example.com", "b@example.com"]
    assert listed(found) == [("p.jsonl", 3, "unreadable"), ("p.jsonl", 4, "unreadable")]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal

    table = pa.table(
        {
            "email": ["a@example.com", "b@example.com"],
            "score": pa.array([1, None], pa.int32()),
            "ltv": pa.array([0.1, 1e21], pa.float64()),
            "exact": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2)),
            "seen": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("ms", tz="UTC")),
            "local": pa.array([datetime(2026, 7, 1, 12), None], pa.timestamp("us")),
            "born": pa.array([date(1990, 2, 28), None], pa.date32()),
            "optin": pa.array([True, False]),
            "tags": pa.array([["x"], []], pa.list_(pa.string())),
            "never": pa.array([None, None], pa.int64()),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    found = loaded(tmp_path, timezone="Europe/Berlin", contacts={"file": "p.parquet", "email": "email"})
    first, second = rows(found)
    assert first["score"] == 1 and str(first["ltv"]).startswith("0.1") and first["exact"] == Decimal("1.25")
    assert first["seen"] == datetime(2026, 1, 1) and first["local"] == datetime(2026, 7, 1, 10)
    assert first["born"] == date(1990, 2, 28) and first["optin"] is True and first["tags"] == ["x"]
    assert second["tags"] == [] and second["ltv"] == Decimal("1e21")
    assert found.types["contacts"]["never"] == "integer"
    assert "never" in found.empty["contacts"]


def test_workbook(tmp_path: Path) -> None:
    from datetime import date, datetime
    from decimal import Decimal

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["E-mail", "Joined", "Seen", "Orders", "Spent", "OK", "Code"])
    sheet.append(["a@example.com", date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), 5, 0.1, True, "007"])
    sheet.append([None] * 7)
    sheet.append(["nobody", None, None, 6.0, 2.25, False, "N/A"])
    sheet.append(["b@example.com", date(2026, 2, 2), datetime(2026, 1, 3), 6.0, 2.25, False, "N/A"])
    sheet.append(["Confidential Information"])
    book.create_sheet("Other").append(["x"])
    book.save(tmp_path / "p.xlsx")
    found = loaded(tmp_path, contacts={"file": "p.xlsx", "email": "E-mail"})
    first, second = rows(found)
    assert first == {
        "email": "a@example.com", "joined": date(2026, 1, 2), "seen": datetime(2026, 1, 2, 3, 4, 5), "orders": 5,
        "spent": Decimal("0.10"), "ok": True, "code": "007",
    }  # fmt: skip
    assert second["orders"] == 6 and second["code"] is None
    assert listed(found) == [("p.xlsx", 4, "invalid")]
    assert codes(found)["footer-rows", ""] == 1
    with pytest.raises(SourceError, match="no sheet"):
        loaded(tmp_path, contacts={"file": "p.xlsx", "email": "E-mail", "sheet": "Nothing"})


def test_files_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    """A sheet is held as a rectangle: with one stray cell in the last corner the process was aborted."""
    for name, cell in (("corner.xlsx", "XFD1048576"), ("down.xlsx", "AZ1048576"), ("fine.xlsx", "Z9000")):
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet["A1"], sheet["A2"], sheet[cell] = "E-mail", "a@example.com", "x"
        book.save(tmp_path / name)
    for name in ("corner.xlsx", "down.xlsx"):
        with pytest.raises(SourceError, match=r"far away as \w+1048576.*CSV"):
            loaded(tmp_path, contacts={"file": name, "email": "E-mail"})
    assert len(rows(loaded(tmp_path, contacts={"file": "fine.xlsx", "email": "E-mail"}))) == 1
    with zipfile.ZipFile(tmp_path / "blank.xlsx", "w") as packed:
        packed.writestr("xl/worksheets/sheet1.xml", "<worksheet>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_size, "UNPACKED", 5)
        with pytest.raises(SourceError, match="unpacked"):
            loaded(tmp_path, contacts={"file": "blank.xlsx", "email": "E-mail"})
    write(tmp_path, "wide.csv", ",".join(f"c{n}" for n in range(10_000)) + "\n")
    with pytest.raises(SourceError, match="10,000 columns, and at most 4,000"):
        loaded(tmp_path, contacts={"file": "wide.csv", "email": "c1"})


def test_several_files_are_read_together(tmp_path: Path) -> None:
    write(tmp_path, "part-2.csv", "City,Email\nUlm,b@example.com\n")
    write(tmp_path, "part-1.csv", "email,city,vip\na@example.com,Bonn,true\n")
    found = loaded(tmp_path, contacts={"file": "part-*.csv", "email": "email"})
    assert rows(found) == [
        {"email": "a@example.com", "city": "Bonn", "vip": True},
        {"email": "b@example.com", "city": "Ulm", "vip": None},
    ]
    assert ("column-not-in-file", "vip") in codes(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", b""),
        ("p.csv", b"\n\n\n"),
        ("p.parquet", b"PAR1 and nothing else"),
        ("p.parquet", b"email\na@example.com\n"),
        ("p.xlsx", b"PK\x03\x04 damaged"),
        ("p.xlsx", b"email\n"),
        ("p.jsonl", b"[]\n"),
        ("p.csv.gz", b"\x1f\x8b\x08 cut off"),
        ("p.csv.gz", gzip.compress(b"email\na@example.com\n" * 50_000)[:-300]),
    ],
)
def test_unreadable_files_are_source_errors(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, name, content)
    with pytest.raises(SourceError) as caught:
        loaded(tmp_path, contacts={"file": name, "email": "email"})
    assert name in str(caught.value)
