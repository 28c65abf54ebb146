"""Exports that hold nothing, or no readable time, as after a failed nightly export: every rule still works."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connector.app import advice, hygiene, offline
from connector.app.workspace import Options, open_workspace
from connector.core.errors import SourceError
from connector.report.advice import check_text
from connector.report.hygiene import hygiene_text
from connector.segments.evaluate import Evaluation

HEADERS = ("Id", "Email", "Day", "Amount", "Sku")
ROW = {"Id": "1", "Email": "ada@example.com"}
Rows = Sequence[Mapping[str, str]]

PEOPLE = "Id,Email,Opt in,Opted at,Opt source,Changed,Last click\n"
CONTACTS = PEOPLE + "1,ada@example.com,,,,,\n2,bo@example.com,,,,,\n"
FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts: {{file: contacts.csv, email: Email, id: Id, updated_at: Changed}}
  orders: {{file: "{file}", join: {join}, at: Day{more}}}
consent: {{when: {{opt_in: true}}, proof: {{at: opted_at, source: opt_source}}}}
traits:
  spent: {{sum: orders.amount}}
  mean: {{average: orders.amount, within: 90 days}}
  bought: {{count: orders}}
  most: {{max: orders.amount}}
  last_order_at: {{latest: orders.day}}
  first_order_at: {{earliest: orders.day}}
  engaged_at: {{greatest: [last_click, last_order_at]}}
  score: {{rfm: {{recency: orders.day, frequency: orders, monetary: orders.amount}}}}
segments:
{segments}
"""
# rule over no event -> how many of the two people match it
RULES = {
    "{orders: {never: true, within: 1 year}}": 2,
    "{orders: {sum: amount, at_least: 10}}": 0,
    "{orders: {sum: amount, at_most: 0}}": 2,
    "{orders: {average: amount, at_least: 3, within: 36 hours}}": 0,
    "{orders: {max: amount, more_than: 3}}": 0,
    "{orders: {first_within: 30 days}}": 0,
    "{orders: {last_within: 30 days}}": 0,
    "{orders: {count: {at_least: 1}, where: {day: {within: 30 days}, amount: {more_than: 3}, sku: {contains: x}}}}": 0,
    "{not: {last_order_at: {within: 90 days}}}": 2,
    "{last_order_at: {top: 5}}": 0,
    "{first_order_at: {month: december}}": 0,
    "{first_order_at: {anniversary_within: 7 days}}": 0,
    "{engaged_at: {within: 90 days}}": 0,
    "{engaged_at: {exists: false}}": 2,
    "{spent: {at_most: 0}}": 2,
    "{mean: {exists: true}}": 0,
    "{most: {at_least: 0}}": 0,
    "{score.segment: champions}": 0,
    "{not: {score.recency: {at_least: 4}}}": 2,
    "{sql: 'spent > 3'}": 0,
    "{sql: 'bought = 0'}": 2,
    "{sequence: [{orders: {sku: x}}, {orders: {}, within: 7 days}]}": 0,
    "{sequence: [{orders: {}}, {not: {orders: {}}, within: 7 days}]}": 0,
}


def _csv(rows: Rows, sign: str = ",") -> bytes:
    lines = [sign.join(HEADERS), *(sign.join(row.get(header, "") for header in HEADERS) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _json(rows: Rows) -> bytes:
    return "".join(json.dumps({header: row.get(header) for header in HEADERS}) + "\n" for row in rows).encode()


def _parquet(*types: pa.DataType) -> Callable[[Rows], bytes]:
    def made(rows: Rows) -> bytes:
        columns = [
            pa.array([row.get(header) if pa.types.is_string(type_) else None for row in rows], type_)
            for header, type_ in zip(HEADERS, types, strict=True)
        ]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns, names=list(HEADERS)), sink)
        return bytes(sink.getvalue())

    return made


TEXT, NULL = pa.string(), pa.null()
FORMATS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "csv": ("orders.csv", _csv),
    "tsv": ("orders.tsv", lambda rows: _csv(rows, "\t")),
    "gzip": ("orders.csv.gz", lambda rows: gzip.compress(_csv(rows))),
    "utf-16": ("orders.csv", lambda rows: _csv(rows).decode().encode("utf-16")),
    "parquet, texts": ("orders.parquet", _parquet(TEXT, TEXT, TEXT, TEXT, TEXT)),
    "parquet, no types": ("orders.parquet", _parquet(NULL, TEXT, NULL, NULL, NULL)),
    "parquet, typed": (
        "orders.parquet",
        _parquet(pa.int64(), TEXT, pa.timestamp("us", tz="UTC"), pa.float64(), pa.list_(TEXT)),
    ),
    "parquet, wrong types": ("orders.parquet", _parquet(pa.int64(), TEXT, pa.int64(), pa.int64(), pa.bool_())),
}


def _evaluated(folder: Path, contacts: str = CONTACTS, file: str = "orders.csv", **words: str) -> Evaluation:
    """The rules over the exports; where they are joined by address, `check` and `hygiene` have their say as well."""
    words = {"join": "{Email: email}", "more": "", **words}
    segments = words.pop("segments", "\n".join(f"  s{n}: {{when: {rule}}}" for n, rule in enumerate(RULES)))
    (folder / "contacts.csv").write_text(contacts)
    (folder / "segments.yaml").write_text(FILE.format(file=file, segments=segments, **words))
    with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
        found = offline.evaluate(workspace)
        if words["join"] != "{Email: email}":
            return found
        checked = advice.check(workspace)
        survey, _ = hygiene.hygiene(workspace)
    told = check_text(checked.segments, checked.contacts, checked.loaded, checked.advice, verbose=True)
    for warning in found.warnings:
        sentence = warning.removeprefix("WARNING: ")
        assert sentence in told and warning in " ".join(hygiene_text(survey).split())
        assert sentence in {item.message for item in checked.advice}
    return found


def _nobody_bought(found: Evaluation) -> bool:
    return list(found.sizes.values()) == list(RULES.values())


@pytest.mark.parametrize("join", ["{Email: email}", "{Id: id}", "{Sku: id}"])
@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.sweep(keep=1)
def test_rules_over_an_export_without_a_row(tmp_path: Path, how: str, join: str) -> None:
    name, write = FORMATS[how]
    (tmp_path / name).write_bytes(write([]))
    found = _evaluated(tmp_path, file=name, join=join)
    assert _nobody_bought(found)
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(f"WARNING: orders: {name} has a header and no row")
    assert found.notes[0] == found.warnings[0]


def test_a_workbook_of_a_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(list(HEADERS))
    book.save(tmp_path / "orders.xlsx")
    found = _evaluated(tmp_path, file="orders.xlsx")
    assert _nobody_bought(found) and "orders.xlsx has a header and no row" in found.warnings[0]


@pytest.mark.parametrize("day", ["", "soon", "20261101", "true", '"[""a""]"', "1.5", "179000000"])
@pytest.mark.parametrize("join", ["{Email: email}", "{Id: id}"])
@pytest.mark.sweep(keep=2)
def test_events_none_of_which_has_a_readable_time(tmp_path: Path, day: str, join: str) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": day, "Amount": "5"}, {**ROW, "Day": day}]))
    found = _evaluated(tmp_path, join=join)
    rules = dict(zip(RULES, found.sizes.values(), strict=True))
    assert rules["{orders: {never: true, within: 1 year}}"] == 2  # no event is in any window
    assert rules["{orders: {sum: amount, at_most: 0}}"] == 1  # but they have happened
    assert len(found.warnings) == 1
    assert "orders: none of the 2 rows of orders.csv has a time in “Day”" in found.warnings[0]
    assert "soon" not in found.warnings[0]


@pytest.mark.long
def test_all_null_json_and_parquet(tmp_path: Path) -> None:
    for name, content in (
        ("orders.jsonl", _json([ROW])),
        ("orders.parquet", _parquet(NULL, TEXT, NULL, NULL, NULL)([ROW])),
    ):
        (tmp_path / name).write_bytes(content)
        found = _evaluated(tmp_path, file=name)
        assert "none of the 1 rows" not in found.warnings[0] and "the only row of" in found.warnings[0]
        assert found.sizes["s0"] == 2 and found.sizes["s1"] == 0


@pytest.mark.parametrize("type_", ["text", "integer", "number", "boolean", "list", "country", "phone", "date"])
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_the_role_of_the_time_is_stronger_than_a_declared_type(tmp_path: Path, type_: str) -> None:
    more = f", columns: {{day: {{type: {type_}}}}}"
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01", "Amount": "12"}]))
    found = _evaluated(tmp_path, more=more)
    assert found.sizes["s0"] == 1 and found.sizes["s1"] == 1 and not found.warnings
    (tmp_path / "orders.csv").write_bytes(_csv([]))
    assert _nobody_bought(_evaluated(tmp_path, more=more))


def test_a_place_is_no_time(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([]))
    with pytest.raises(SourceError, match=r"segments.yaml:\d+:\d+: error\[wrong-type\]: at: “Day” is a place"):
        _evaluated(tmp_path, more=", columns: {day: {from: [Id, Amount], type: place}}")


@pytest.mark.parametrize("type_", ["integer", "number", "text", "list", "date", "boolean"])
@pytest.mark.sweep(keep=1)
def test_sums_of_an_empty_column_of_any_type(tmp_path: Path, type_: str) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([]))
    assert _nobody_bought(_evaluated(tmp_path, more=f", columns: {{amount: {{type: {type_}}}}}"))


@pytest.mark.long
def test_one_of_several_files_without_a_row(tmp_path: Path) -> None:
    (tmp_path / "orders-1.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01", "Amount": "12"}]))
    (tmp_path / "orders-2.csv").write_bytes(_csv([]))
    found = _evaluated(tmp_path, file="orders-*.csv")
    assert found.sizes["s1"] == 1
    assert len(found.warnings) == 1 and "orders-2.csv has a header and no row" in found.warnings[0]
    (tmp_path / "orders-2.csv").write_bytes(_csv([{**ROW, "Day": "soon"}]))
    found = _evaluated(tmp_path, file="orders-*.csv")  # one text among dates: those of the other file stay dates
    assert found.sizes["s0"] == 1 and "the only row of orders-2.csv has no time in “Day”" in found.warnings[0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "contacts.csv has a header and no row"),
        (",,,,,,\n,,,,,,\n", "none of the 2 rows of contacts has a usable address"),
        ("1,no address,,,,,\n", "the only row of contacts has no usable address"),
    ],
)
@pytest.mark.sweep(keep=1)
def test_contacts_of_nobody(tmp_path: Path, rows: str, words: str) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01", "Amount": "12"}]))
    for join in ("{Email: email}", "{Id: id}"):
        found = _evaluated(tmp_path, PEOPLE + rows, join=join)
        assert found.contacts == 0 and not any(found.sizes.values())
        assert len(found.warnings) == 1 and words in found.warnings[0]


def test_times_of_contacts_that_nobody_can_read_are_missing(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01"}]))
    people = PEOPLE + "1,ada@example.com,true,,,7,\n2,ada@example.com,true,,,true,\n"
    found = _evaluated(tmp_path, people)
    assert found.contacts == 1 and not found.warnings


def test_a_list_without_a_row(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01"}]))
    (tmp_path / "guests.csv").write_text("email\n")
    found = _evaluated(tmp_path, segments="  gala: {members_from: guests.csv}")
    assert found.sizes == {"gala": 0}
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("WARNING: members of gala: guests.csv has a header and no row")


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\n\n", gzip.compress(b"", mtime=0)], ids=["empty", "mark", "blank", "gzip"]
)
@pytest.mark.parametrize("name", ["orders.csv", "orders.tsv", "orders.jsonl", "orders.parquet", "orders.xlsx"])
def test_files_without_even_a_header_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        _evaluated(tmp_path, file=name)


def test_events_with_times_are_no_reason_to_warn(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(_csv([{**ROW, "Day": "2026-11-01", "Amount": "12"}, ROW]))
    assert not _evaluated(tmp_path).warnings
