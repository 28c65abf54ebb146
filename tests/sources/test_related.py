"""Events: joins, times, what is dropped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sources.kit import codes, column, loaded, rows, write

PEOPLE = "email,ID,Ref\nada@example.com,1,Straße\nbob@example.com,2,ABC\n"


def _load(folder: Path, events: str, needed: Any = None, zone: str = "UTC", **settings: Any) -> Any:
    write(folder, "c.csv", PEOPLE)
    write(folder, "orders.csv", events)
    orders = {"file": "orders.csv", "join": ("who", "email"), "at": "when", **settings}
    return loaded(folder, needed, timezone=zone, contacts={"file": "c.csv", "email": "email"}, orders=orders)


def test_join_by_email(tmp_path: Path) -> None:
    events = (
        "who,when,amount\n ADA@Example.com,2026-01-01 10:00,5.00\nada@example.com,2026-01-02,7\n"
        "zed@example.com,2026-01-01,1\nnonsense,2026-01-01,1\n,2026-01-01,1\n"
    )
    found = _load(tmp_path, events)
    assert [(row["_email"], row["_at"], str(row["amount"])) for row in rows(found, "orders")] == [
        ("ada@example.com", datetime(2026, 1, 1, 10), "5.00"),
        ("ada@example.com", datetime(2026, 1, 2), "7.00"),
    ]
    assert codes(found)["no-person", ""] == 3
    assert found.rows["orders"] == 5


def test_events_that_have_not_happened(tmp_path: Path) -> None:
    events = "who,when\nada@example.com,2026-11-21 12:00\nada@example.com,2026-11-21 12:00:01\nada@example.com,\n"
    found = _load(tmp_path, events)
    assert column(found, "_at", "orders") == [datetime(2026, 11, 21, 12), None]
    assert codes(found)["after-as-of", "when"] == 1 and codes(found)["undated", "when"] == 1


def test_days_are_local(tmp_path: Path) -> None:
    found = _load(tmp_path, "who,when\nada@example.com,2026-07-01\n", zone="Europe/Berlin")
    assert column(found, "_at", "orders") == [datetime(2026, 6, 30, 22)]


def test_a_time_that_is_garbage_is_missing(tmp_path: Path) -> None:
    found = _load(tmp_path, "who,when\nada@example.com,2026-07-01\nbob@example.com,soon\n")
    assert column(found, "_at", "orders") == [datetime(2026, 7, 1), None]
    assert codes(found)["not-of-type", "when"] == 1


def test_join_by_another_column(tmp_path: Path) -> None:
    events = "who,when\n1,2026-01-01\n 2 ,2026-01-02\n9,2026-01-03\n,2026-01-04\n"
    found = _load(tmp_path, events, join=("who", "ID"))
    assert [(row["_email"], row["_at"].day) for row in rows(found, "orders")] == [
        ("ada@example.com", 1), ("bob@example.com", 2),
    ]  # fmt: skip
    assert codes(found)["no-person", ""] == 2


def test_other_joins_compare_as_rules_do(tmp_path: Path) -> None:
    found = _load(tmp_path, "who,when\nSTRASSE,2026-01-01\nａｂｃ,2026-01-02\n", join=("who", "ref"))
    assert column(found, "_email", "orders") == ["ada@example.com", "bob@example.com"]


def test_only_needed_sources_and_columns_are_read(tmp_path: Path) -> None:
    events = "who,when,a,b\nada@example.com,2026-01-01,1,2\n"
    found = _load(tmp_path, events, {"contacts": frozenset(), "orders": frozenset({"b"})})
    assert rows(found, "orders") == [{"_email": "ada@example.com", "_at": datetime(2026, 1, 1), "b": 2}]
    assert rows(found)[0] == {"email": "ada@example.com"}
    assert _load(tmp_path, events, {"contacts": frozenset()}).related == {}


def test_the_time_may_be_a_wanted_column_too(tmp_path: Path) -> None:
    found = _load(tmp_path, "who,when\nada@example.com,2026-01-01 08:00Z\n", {"orders": frozenset({"when"})})
    assert found.types["orders"] == {"when": "timestamp"}
    assert rows(found, "orders")[0]["when"] == datetime(2026, 1, 1, 8)


def test_rows_with_too_many_cells_are_quarantined(tmp_path: Path) -> None:
    found = _load(tmp_path, "who,when\nada@example.com,2026-01-01,oops\nbob@example.com,2026-01-01\n")
    assert column(found, "_email", "orders") == ["bob@example.com"]
    assert [(row["source"], row["row"], row["reason"]) for row in found.quarantine.to_pylist()] == [
        ("orders", 2, "cells")
    ]


def test_same_files_same_result_whenever_asked(tmp_path: Path) -> None:
    events = "who,when\nada@example.com,2026-01-01\nada@example.com,2027-01-01\n"
    write(tmp_path, "c.csv", PEOPLE)
    write(tmp_path, "orders.csv", events)
    sources: Any = {
        "contacts": {"file": "c.csv", "email": "email"},
        "orders": {"file": "orders.csv", "join": ("who", "email"), "at": "when"},
    }
    early = loaded(tmp_path, as_of=datetime(2025, 1, 1, tzinfo=UTC), **sources)
    late = loaded(tmp_path, as_of=datetime(2028, 1, 1, tzinfo=UTC), **sources)
    assert len(rows(early, "orders")) == 0 and len(rows(late, "orders")) == 2


IDS = "email,ID\nada@example.com,{}\nbob@example.com,{}\n"
SALESFORCE = "0035g00000AbCdE", "0035g00000aBcDe"


def _by_id(folder: Path, ada: str, bob: str, *whose: str, more: str = "") -> Any:
    write(folder, "c.csv", IDS.format(ada, bob) + more)
    events = "who,when\n" + "".join(f"{key},2026-01-0{number}\n" for number, key in enumerate(whose, start=1))
    write(folder, "orders.csv", events)
    orders = {"file": "orders.csv", "join": ("who", "ID"), "at": "when"}
    return loaded(folder, contacts={"file": "c.csv", "email": "email"}, orders=orders)


@pytest.mark.parametrize(
    ("ada", "bob", "key"),
    [
        ("13085", "13086", "13085.0"),
        ("13085", "x-7", '"13,085"'),
        ('"13,085"', "7", "13085"),
        ("00123", "123", '"=""00123"""'),
        ("13085.0", "13086.0", "13085"),
        (*SALESFORCE, SALESFORCE[0]),
        (*SALESFORCE, SALESFORCE[0] + "AAV"),
        (SALESFORCE[0] + "AAV", SALESFORCE[1] + "QAB", SALESFORCE[0]),
        ("abc", "abd", "ABC"),
        ("aBc", "AbC", "aBc"),
    ],
)
def test_one_id_written_in_two_ways(tmp_path: Path, ada: str, bob: str, key: str) -> None:
    assert column(_by_id(tmp_path, ada, bob, key), "_email", "orders") == ["ada@example.com"]


@pytest.mark.parametrize(
    ("ada", "bob", "key"),
    [
        ("123", "00124", "00123"),  # zeros in front are part of an id
        (SALESFORCE[0], "7", SALESFORCE[1]),  # somebody's who is not in the export
        ("aBc", "AbC", "abc"),  # cases tell people apart here
        ("7.01234E+12", "5", "7.01234E+12"),  # a spreadsheet has shortened it: whose is it?
    ],
)
def test_another_id(tmp_path: Path, ada: str, bob: str, key: str) -> None:
    assert column(_by_id(tmp_path, ada, bob, key), "_email", "orders") == []


def test_a_key_of_several_contacts_owns_no_events(tmp_path: Path) -> None:
    found = _by_id(tmp_path, "0", "0", "0", "7", more="cy@example.com,7\n")
    assert column(found, "_email", "orders") == ["cy@example.com"]
    assert codes(found)["shared-key", "who"] == 1


def test_every_key_of_rows_that_were_merged_counts(tmp_path: Path) -> None:
    found = _by_id(tmp_path, "1", "2", "1", "3", "2", more="ada@example.com,3\n")
    assert column(found, "_email", "orders") == ["ada@example.com", "ada@example.com", "bob@example.com"]


def test_a_join_that_misses_is_told_with_a_sample_of_both_sides(tmp_path: Path) -> None:
    some = _by_id(tmp_path, "A-1", "A-2", "A-1", "77", "78", "79")
    told = {finding.code: finding.message for finding in some.findings}
    assert "only 1 of 4" in told["join-finds-some"]
    assert "“77”" in told["join-finds-some"] and "“A-1”" in told["join-finds-some"]
    assert "join-finds-nobody" in {finding.code for finding in _by_id(tmp_path, "A-1", "A-2", "77").findings}
    assert "join-finds-nobody" in {
        finding.code for finding in _load(tmp_path, "who,when\nzed@example.com,2026-01-01\n").findings
    }
    empty = _by_id(tmp_path, "A-1", "A-2", "")  # guests alone
    assert not {"join-finds-nobody", "join-finds-some"} & {finding.code for finding in empty.findings}
