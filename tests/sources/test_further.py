"""`emails:`: what is known under a further address of a person is the person's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.config.load import load_text
from connector.core.errors import ConfigError
from tests.sources.kit import loaded, write

CONTACTS: dict[str, Any] = {"file": "contacts.csv", "email": "Email", "emails": "More"}


def events(folder: Path, people: str, *addresses: str, **contacts: Any) -> tuple[list[tuple[str, int]], Any]:
    """Who has which event, and what was loaded."""
    write(folder, "contacts.csv", people)
    rows = "".join(f'"{one}",{number}\n' for number, one in enumerate(addresses))
    write(folder, "orders.csv", f"email,n\n{rows}")
    found = loaded(folder, contacts={**CONTACTS, **contacts}, orders={"file": "orders.csv", "join": ("email", "email")})
    table = found.related["orders"].to_pyarrow().to_pylist()
    return sorted((row["_email"].split("@")[0], row["n"]) for row in table), found


@pytest.mark.parametrize(
    "cell",
    [
        "old@example.com;work@example.com",
        "OLD@example.com ; Work@Example.com;",
        '"work@example.com, old@example.com"',
        "work@example.com|old@example.com",
        '"Ada <old@example.com>; ""work@example.com"""',
        "ada@example.com;old@example.com;work@example.com;n/a",
    ],
)
def test_events_under_a_further_address_are_the_persons(tmp_path: Path, cell: str) -> None:
    people = f"Email,More\nada@example.com,{cell}\nbob@example.com,\n"
    found, _ = events(tmp_path, people, "old@example.com", "Work@example.com", "x@example.com", "bob@example.com")
    assert found == [("ada", 0), ("ada", 1), ("bob", 3)]


def test_an_address_in_other_letters_is_found(tmp_path: Path) -> None:
    people = "Email,More\nada@example.com,jürgen@bücher.example\n"
    assert events(tmp_path, people, "JÜRGEN@xn--bcher-kva.example")[0] == [("ada", 0)]


def test_the_own_address_of_a_contact_and_a_shared_one_move_nowhere(tmp_path: Path) -> None:
    people = (
        "Email,More\nada@example.com,bob@example.com;home@example.com\nbob@example.com,\n"
        "cat@example.com,home@example.com\nada@example.com,old@example.com\n"
    )
    found, read = events(tmp_path, people, "bob@example.com", "home@example.com", "old@example.com")
    assert found == [("ada", 2), ("bob", 0)]
    assert read.contacts.count().to_pyarrow().as_py() == 3
    told = [(one.column, one.count, one.file, one.row) for one in read.findings if one.code == "shared-key"]
    assert told == [("emails", 1, "contacts.csv", 2), ("emails", 2, "contacts.csv", 2)]
    assert not any("home@" in one.message for one in read.findings)


def test_an_address_of_before_and_a_further_one_are_both_theirs(tmp_path: Path) -> None:
    people = (
        "Email,More,Id,At\nnow@example.com,further@example.com,7,2026-02-01\nthen@example.com,first@example.com,7,\n"
    )
    asked = ("then@example.com", "further@example.com", "first@example.com")
    assert events(tmp_path, people, *asked, id="Id", updated_at="At")[0] == [("now", 0), ("now", 1), ("now", 2)]


def test_the_preset_of_hubspot_knows_them(tmp_path: Path) -> None:
    people = "Email,Additional email addresses\nada@example.com,old@example.com;work@example.com\n"
    found, read = events(tmp_path, people, "old@example.com", preset="hubspot", emails=None)
    assert found == [("ada", 0)] and read.catalog["contacts"].resolve("additional_email_addresses") == "emails"


def test_a_header_that_is_only_called_so_is_not_asked(tmp_path: Path) -> None:
    people = "Email,emails\nada@example.com,old@example.com\n"
    assert events(tmp_path, people, "old@example.com", emails=None)[0] == []


@pytest.mark.parametrize(
    ("contacts", "orders", "code"),
    [
        ("file: c.csv", "file: o.csv, emails: x", "unknown-key"),
        ("table: c, emails: x", "table: o", "not-on-engine"),
    ],
)
def test_where_it_may_not_stand(contacts: str, orders: str, code: str) -> None:
    engine = "engine: postgres://host/db\n" if "table" in contacts else ""
    text = f"version: 1\n{engine}sources:\n  contacts: {{email: e, {contacts}}}\n  o: {{join: {{e: e}}, {orders}}}\n"
    with pytest.raises(ConfigError) as caught:
        load_text(f"{text}segments:\n  s: {{when: {{o: {{}}}}}}\n", Path("segments.yaml"))
    assert [one.code for one in caught.value.problems] == [code]
