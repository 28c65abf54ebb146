"""Damaged exports: a SourceError or tables, never anything else, and no row is lost without a trace."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.errors import SourceError
from connector.sources.files import csv
from connector.sources.files.csv import Dialect, Tally
from tests.sources.kit import loaded, write

CSV = (
    "Email,Record ID,First Name,Country/Region,Create Date,LTV,Tags\r\n"
    'ada@example.com,1,Ada,Germany,2024-03-12 09:14,"1.234,50",a;b\r\n'
    'bob@example.com,2,"Bob ""B""\nBerg",NO,2024-03-13 10:00,"7,00",\r\n'
    "zoë@example.com,3,Zoë,Narnia,,N/A,c\r\n"
).encode()
JSON = b'{"Email": "ada@example.com", "LTV": 0.1, "Tags": ["a"]}\n{"Email": "bob@example.com", "LTV": null}\n'
TOKENS = [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"'", b"\t", b";", b"{", b"}", b"\\", b"=", b"@"]


def _damaged(draw: st.DrawFn, text: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        kind = draw(st.sampled_from(["cut", "delete", "insert", "repeat", "flip"]))
        if kind == "cut":
            text = text[:at]
        elif kind == "delete":
            text = text[:at] + text[at + length :]
        elif kind == "insert":
            text = text[:at] + draw(st.sampled_from(TOKENS) | st.binary(max_size=8)) + text[at:]
        elif kind == "repeat":
            text = text[: at + length] + text[at:]
        else:
            text = text[:at] + bytes(byte ^ 0x80 for byte in text[at : at + length]) + text[at + length :]
    return text


damage = st.composite(_damaged)


@pytest.mark.parametrize(("name", "text"), [("c.csv", CSV), ("c.jsonl", JSON), ("c.csv.gz", CSV)])
@pytest.mark.sweep(keep=1)
def test_damaged_files(name: str, text: bytes) -> None:
    @settings(max_examples=34, deadline=None)
    @given(damage(text))
    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            packed = name.endswith(".gz") and len(content) % 2
            write(Path(folder), name, gzip.compress(content) if packed else content)
            try:
                found = loaded(
                    Path(folder),
                    timezone="Europe/Berlin",
                    contacts={
                        "file": name,
                        "email": "Email",
                        "preset": "hubspot",
                    },
                )
            except SourceError as error:
                assert error.problems and all(problem.message for problem in error.problems)
                assert "@example" not in str(error)
            else:
                assert found.quarantine.num_rows <= found.rows["contacts"]

    check()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_careful_read_returns_what_was_written(table: list[list[str]]) -> None:
    """Whatever cells hold, a well-formed file comes back cell by cell, each row with the line it starts at."""
    table = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in table]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.csv"
        path.write_bytes(("a,b,c\n" + "".join(line + "\n" for line in quoted)).encode())
        tally = Tally()
        read = list(csv.careful(path, Dialect("utf-8", ",", 0, ("a", "b", "c")), False, tally))
    assert [row.cells for row in read] == table
    assert tally.quotes == tally.short == 0
    assert [row.line for row in read] == sorted({row.line for row in read})
