"""One person, one row; rows without a usable address; ragged rows; footers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.config.load import load_text
from connector.sources.columns.catalog import catalog
from connector.sources.emails import masked, normalise
from connector.sources.load import load
from tests.sources.kit import AS_OF, codes, column, contacts, listed, loaded, rows, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ada.Love+x@Example.COM\u200b\u00a0", "ada.love+x@example.com"),
        ("user@münchen.example.com", "user@xn--mnchen-3ya.example.com"),
        ("USER@XN--MNCHEN-3YA.example.com", "user@xn--mnchen-3ya.example.com"),
        ("zoe\u0308@example.com", "zo\u00eb@example.com"),
        ("a@b.test", "a@b.test"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert normalise(text) == (expected, "")


@pytest.mark.parametrize(
    "text",
    ["Ada Byron <ada@example.com>", "Byron, Ada <ADA@example.com>", "<ada@example.com>", "“ada@example.com”",
     "ada@example.com;", "ada@example.com,", "mailto:ada@example.com", "Ada | ada@example.com", "ada@example.com|",
     "ada|ada@example.com", "ada@example.com | ADA@example.com", "ada@example.com (work)", "'ada@example.com'",
     "Ada<ada@example.com>"],
)  # fmt: skip
def test_the_only_address_of_a_cell(text: str) -> None:
    assert normalise(text) == ("ada@example.com", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"), (" \u00a0", "empty"), ("nobody", "invalid"), ("a@b", "invalid"), ("a@@example.com", "invalid"),
        ("Ada <ada@example.com> and <bob@example.com>", "several"), ("a@example.com; b@example.com", "several"),
        ("ada lovelace@example.com", "invalid"), ("ada, lovelace@example.com", "invalid"), ("ada|", "invalid"),
        ("ada@example.com|bob@example.com", "several"), ("ada@ <ada@example.com>", "several"),
        ("a@example.com,b@example.com", "several"), ("a@example.com b@example.com", "several"),
        ("a..b@example.com", "invalid"), (".a@example.com", "invalid"), ("a@-example.com", "invalid"),
        ("mailto:a@example.com x", "invalid"), ("a@[127.0.0.1]", "invalid"), ("x" * 70 + "@example.com", "invalid"),
    ],
)  # fmt: skip
def test_no_addresses(text: str, reason: str) -> None:
    assert normalise(text) == (None, reason)


def test_quick_and_slow_road_agree(tmp_path: Path) -> None:
    texts = [
        "A@Example.com",
        "a.b-c_d+e@x-y.example.com",
        "a@b.c1",
        "a@b.co",
        "a-@example.com",
        "a@b--c.com",
        "x@1.2.de",
    ]
    write(tmp_path, "c.csv", "email\n" + "".join(text + "\n" for text in texts))
    found = loaded(tmp_path, contacts={"file": "c.csv", "email": "email"})
    assert set(column(found, "email")) == {email for email, _ in map(normalise, texts) if email}


def test_masking_hides_the_person() -> None:
    assert masked("ada@example.com") == "a**@*******.***"


def test_duplicates_newest_value_wins(tmp_path: Path) -> None:
    text = (
        "email,name,city,updated\n"
        "ADA@example.com,Ada,Bonn,2026-01-01\n"
        "bob@example.com,Bob,,\n"
        "ada@example.com,Ada L.,,2026-03-01\n"
        "ada@example.com ,Adele,Ulm,2026-02-01\n"
        "bob@example.com,Robert,Jena,\n"
        "bob@example.com,,Kiel,2020-01-01\n"
    )
    found = contacts(tmp_path, text, updated_at="updated")
    assert [(row["name"], row["city"]) for row in rows(found)] == [("Ada L.", "Ulm"), ("Robert", "Kiel")]
    assert codes(found)["duplicates", "email"] == 4
    assert codes(found)["conflict", "name"] == 2 and codes(found)["conflict", "city"] == 2
    assert found.rows["contacts"] == 6


def test_without_a_date_the_later_row_wins_across_files(tmp_path: Path) -> None:
    write(tmp_path, "2.csv", "email,x\na@example.com,later\n")
    write(tmp_path, "1.csv", "email,x\na@example.com,earlier\nb@example.com,only\n")
    found = loaded(tmp_path, contacts={"file": "*.csv", "email": "email"})
    assert column(found, "x") == ["later", "only"]


def test_needed_columns_do_not_change_who_wins(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,x,updated\na@example.com,new,2026-02-01\na@example.com,old,2026-01-01\n")
    source = {"file": "c.csv", "email": "email", "updated_at": "updated"}
    found = loaded(tmp_path, {"contacts": frozenset({"x"})}, contacts=source)
    assert rows(found) == [{"email": "a@example.com", "x": "new"}]


def test_quarantine_lists_file_row_and_reason(tmp_path: Path) -> None:
    text = (
        'email,note\na@example.com,"two\nlines"\n,empty\nnobody,invalid\n\n"x@example.com; y@example.com",several\n'
        "N/A,empty\nb@example.com,fine\n"
    )
    found = contacts(tmp_path, text)
    assert listed(found) == [
        ("contacts.csv", 4, "empty"), ("contacts.csv", 5, "invalid"), ("contacts.csv", 7, "several"),
        ("contacts.csv", 8, "empty"),
    ]  # fmt: skip
    assert column(found, "email") == ["a@example.com", "b@example.com"]
    assert not any("@example" in (row["value"] or "") for row in found.quarantine.to_pylist())


def test_row_numbers_of_a_regular_file(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "email\na@example.com\n")
    write(tmp_path, "2.csv", "sep=,\nemail\nb@example.com\nbad\n")
    found = loaded(tmp_path, contacts={"file": "*.csv", "email": "email"})
    assert listed(found) == [("2.csv", 4, "invalid")]


def test_ragged_rows(tmp_path: Path) -> None:
    text = (
        "email,a,b\na@example.com,1\nb@example.com,1,2,3\nc@example.com,1,2,\nd@example.com,1,2\n"
        "\nReport of 2026\nCopyright\n"
    )
    found = contacts(tmp_path, text)
    assert rows(found) == [
        {"email": "a@example.com", "a": 1, "b": None},
        {"email": "c@example.com", "a": 1, "b": 2},
        {"email": "d@example.com", "a": 1, "b": 2},
    ]
    assert listed(found) == [("contacts.csv", 3, "cells")]
    assert codes(found)["footer-rows", ""] == 2 and codes(found)["short-rows", ""] == 1


def test_broken_quotes_lose_no_other_row(tmp_path: Path) -> None:
    text = 'email,a\na@example.com,"5" nail"\nb@example.com,"open\nc@example.com,3\nd@example.com,4\n'
    found = contacts(tmp_path, text)
    assert set(column(found, "email")) >= {"a@example.com", "c@example.com", "d@example.com"}
    assert codes(found)["broken-quotes", ""] == 2


def test_broken_bytes_are_reported(tmp_path: Path) -> None:
    good = "".join(f"u{number}@example.com,Zoë\n" for number in range(9)).encode()
    found = contacts(tmp_path, b"email,a\n" + good + b"z@example.com,Zo\xeb\n")
    assert column(found, "a")[0] == "Zoë" and column(found, "a")[-1] == "Zo\ufffd"
    assert codes(found)["undecoded", ""] == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_row_numbers_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = 'email,note\na@example.com,"Ċ Zoë\n"\nbad,x\n'.replace("Ċ", "Ċ" if encoding != "cp1252" else "ë")
    assert listed(contacts(tmp_path, text.encode(encoding))) == [("contacts.csv", 4, "invalid")]


def _ids(folder: Path, text: str, **settings: Any) -> Any:
    return contacts(folder, "email,ID,Changed,Country,Out\n" + text, id="ID", **settings)


def test_one_id_under_two_addresses_is_one_person(tmp_path: Path) -> None:
    text = "new@example.com,7,2026-02-01,,\nold@example.com,7.0,2026-01-01,DE,\nb@example.com,8,2026-01-01,FR,\n"
    found = _ids(tmp_path, text, updated_at="Changed")
    assert [(row["email"], row["country"]) for row in rows(found)] == [
        ("b@example.com", "FR"),
        ("new@example.com", "DE"),
    ]
    (told,) = [finding for finding in found.findings if finding.code == "one-id"]
    assert told.count == 1 and "“7”" in told.message


def test_without_dates_the_later_row_counts_and_rows_without_an_id_follow(tmp_path: Path) -> None:
    text = "old@example.com,7,,DE,\nold@example.com,,,,\nnew@example.com,7,,FR,\n"
    assert [(row["email"], row["country"]) for row in rows(_ids(tmp_path, text))] == [("new@example.com", "FR")]


@pytest.mark.parametrize("none", ["0", "9"])
def test_rows_whose_id_is_none_follow_as_those_without(tmp_path: Path, none: str) -> None:
    text = f"old@example.com,7,,DE,\nnew@example.com,7,,FR,\nold@example.com,{none},,,\n"
    text += "".join(f"u{number}@example.com,9,,DE,\n" for number in range(6))
    assert "old@example.com" not in column(_ids(tmp_path, text), "email")


def test_an_id_of_many_addresses_is_none(tmp_path: Path) -> None:
    text = "".join(f"u{number}@example.com,{key},,DE,\n" for key in ("0", "9") for number in range(7))
    found = _ids(tmp_path, text.replace("u", "x", 7))
    assert len(rows(found)) == 14 and codes(found)["shared-key", "id"] == 1


def test_events_of_the_old_address_are_hers(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "email,ID\nold@example.com,7\nnew@example.com,7\n")
    write(tmp_path, "o.csv", "who,when\nold@example.com,2026-01-01\nnew@example.com,2026-01-02\n")
    people = {"file": "c.csv", "email": "email", "id": "ID"}
    found = loaded(tmp_path, contacts=people, orders={"file": "o.csv", "join": ("who", "email"), "at": "when"})
    assert column(found, "_email", "orders") == ["new@example.com"] * 2


def test_the_first_address_that_is_filled(tmp_path: Path) -> None:
    text = "Work,Home,Other\n,b@example.com,c@example.com\nnone,,c@example.com\na@example.com,b@example.com,\nnone,,\n"
    found = contacts(tmp_path, text, email=("Work", "Home", "Other"))
    assert column(found, "email") == ["a@example.com", "b@example.com", "c@example.com"]
    assert listed(found) == [("contacts.csv", 5, "invalid")]


def test_two_headers_of_one_column(tmp_path: Path) -> None:
    text = "Email,Email Opt Out,HasOptedOutOfEmail,Mailing Country,Country\n"
    text += "a@example.com,,1,,Germany\nb@example.com,0,,France,\nc@example.com,0,1,Italy,Spain\n"
    found = contacts(tmp_path, text, email="Email", preset="salesforce")
    assert column(found, "country") == ["DE", "FR", "IT"]
    assert column(found, "unsubscribed") == [True, False, None]
    told = {finding.column: finding.message for finding in found.findings if finding.code == "headers-collide"}
    assert "“Mailing Country”, “Country”" in told["country"] and "HasOptedOutOfEmail" in told["unsubscribed"]


def test_a_list_may_name_an_address_that_somebody_had(tmp_path: Path) -> None:
    write(tmp_path, "old.csv", "email,id\nwas@example.com,7\nb@example.com,8\n")
    write(tmp_path, "people.csv", "email,id\nis@example.com,7\n")
    write(tmp_path, "list.csv", "email\nWAS@example.com\nb@example.com\n")
    text = (
        "version: 1\nsources: {contacts: {file: '[op]*.csv', email: email, id: id}}\n"
        "segments: {listed: {members_from: list.csv}}\n"
    )
    made = load_text(text, tmp_path / "segments.yaml")
    found = load(made, catalog(made, AS_OF), AS_OF)
    assert found.members["listed"].to_pylist() == ["b@example.com", "is@example.com"]
