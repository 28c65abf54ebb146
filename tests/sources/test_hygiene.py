"""What hygiene finds in an export, where, and what cleanup sends to the quarantine."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.config.sections.lifecycle import Cleanup
from connector.report.hygiene import hygiene_csv, hygiene_text, safe
from connector.sources.columns.catalog import catalog
from connector.sources.hygiene.addresses import judge_domain
from connector.sources.hygiene.report import Survey, listed, survey
from connector.sources.load import load
from connector.sources.model import Loaded
from tests.sources import kit

AS_OF = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Look:
    """One export as hygiene sees it."""

    loaded: Loaded
    survey: Survey

    @property
    def codes(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(code, column) -> (count, first row)."""
        return {(item.code, item.column): (item.count, item.row) for item in self.survey.findings}

    @property
    def rows(self) -> set[tuple[str, int, str, str]]:
        """(code, row, column, detail)"""
        return {
            (row["code"], row["row"], row["column"], row["detail"] or "") for row in listed(self.loaded).to_pylist()
        }


def look(folder: Path, text: str, before: int | None = None, cleanup: Any = None, **settings: Any) -> Look:
    """Write and load one export of contacts as hygiene does."""
    kit.write(folder, "contacts.csv", text, mtime=settings.pop("mtime", AS_OF))
    related = settings.pop("related", {})
    contacts = {"file": "contacts.csv", "email": "email", **settings}
    config = kit.config(folder, "Europe/Berlin", contacts=contacts, **related)
    config = config.model_copy(update={"cleanup": Cleanup(invalid=cleanup) if cleanup else None})
    loaded = load(config, catalog(config, AS_OF), AS_OF, keep=True)
    return Look(loaded, survey(config, loaded, AS_OF, before))


@pytest.fixture
def throw_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A throw-away domain that nobody has."""
    monkeypatch.setattr("disposable_email_domains.blocklist", {"throw-away.test"})


@pytest.mark.parametrize(
    ("domain", "doubt", "suggestion"),
    [
        ("gmail.com", None, None),
        ("gmial.com", "typo", "gmail.com"),
        ("gmai.com", "typo", "gmail.com"),
        ("gmail.con", "typo", "gmail.com"),
        ("gmail.co", "typo", "gmail.com"),
        ("hotmial.fr", "typo", "hotmail.fr"),
        ("yaho.co.uk", "typo", "yahoo.co.uk"),
        ("firm.con", "typo", "firm.com"),
        ("mail.com", None, None),
        ("ymail.com", None, None),
        ("yahoo.com.ar", None, None),
        ("hotmail.be", None, None),
        ("firm.co", None, None),
        ("example.com", None, None),
        ("mailinator.com", "disposable", None),
        ("box.mailinator.com", "disposable", None),
    ],
)
def test_domains(domain: str, doubt: str | None, suggestion: str | None) -> None:
    assert judge_domain(domain) == (doubt, suggestion)


def test_addresses_are_judged_with_place_and_suggestion(tmp_path: Path, throw_away: None) -> None:
    people = ("ada@example.con", "sales@firm.test", "Sales+x@firm.test", "x@throw-away.test", "bob@example.com", "nix")
    text = "email\n" + "\n".join(people)
    seen = look(tmp_path, text)
    assert seen.rows == {
        ("typo", 2, "email", "ada@example.com"),
        ("role", 3, "email", ""),
        ("role", 4, "email", ""),
        ("disposable", 5, "email", ""),
        ("invalid", 7, "email", "n**"),
    }
    assert seen.codes[("typo", "email")] == (1, 2)
    examples = {item.code: item.examples for item in seen.survey.findings}
    assert examples["typo"] == ("example.con → example.com",) and examples["role"] == ("sales@",)
    assert [(item.code, item.row) for item in seen.survey.quarantined] == [("invalid", 7)]
    assert seen.survey.contacts == 5


def test_cleanup_sends_doubtful_addresses_to_the_quarantine(tmp_path: Path, throw_away: None) -> None:
    text = "email,name\nada@example.con,A\nsales@firm.test,B\nx@throw-away.test,C\nbob@example.com,D\n"
    seen = look(tmp_path, text, cleanup={"role": "quarantine", "disposable": "quarantine"})
    assert sorted(kit.column(seen.loaded, "email")) == ["ada@example.con", "bob@example.com"]
    assert kit.listed(seen.loaded) == [("contacts.csv", 3, "role"), ("contacts.csv", 4, "disposable")]
    assert ("typo", "email") in seen.codes and ("role", "email") not in seen.codes
    assert {"role", "disposable"} == {item.code for item in seen.survey.quarantined}


def test_without_a_word_in_the_file_doubtful_addresses_stay(tmp_path: Path, throw_away: None) -> None:
    seen = look(tmp_path, "email\nsales@firm.test\nx@throw-away.test\n")
    assert len(kit.rows(seen.loaded)) == 2 and seen.loaded.quarantine.num_rows == 0


def test_duplicates_and_conflicts_name_the_row_that_won(tmp_path: Path) -> None:
    text = (
        "email,name,city,updated_at\n"
        "a@example.com,Ada,Bonn,2026-01-01\n"
        "b@example.com,Bob,Rome,2026-01-01\n"
        "A@EXAMPLE.COM,Ida,,2026-02-01\n"
    )
    seen = look(tmp_path, text, updated_at="updated_at")
    won = "row 4 of contacts.csv won"
    assert seen.rows == {("duplicates", 2, "email", won), ("conflict", 2, "name", won)}
    assert seen.codes[("duplicates", "email")] == (1, 2) and seen.codes[("conflict", "name")] == (1, 2)


def test_dates_that_cannot_be(tmp_path: Path) -> None:
    text = (
        "email,created_at,renews_on,born\n"
        "a@example.com,2026-11-20 10:00,2027-01-01,1980-05-05\n"
        "b@example.com,2026-11-23 10:00,2027-01-01,1900-01-01\n"
        "c@example.com,1970-01-01 01:00,2026-01-01,1970-01-01\n"
        "d@example.com,2026-10-20 10:00,2027-02-01,1990-05-05\n"
    )
    seen = look(tmp_path, text)
    assert seen.rows == {
        ("future-date", 3, "created_at", ""),  # and not renews_on, whose dates are mostly in the future
        ("no-real-date", 4, "created_at", ""),
        ("no-real-date", 3, "born", ""),
    }


def test_spellings_missing_values_and_what_is_not_understood(tmp_path: Path) -> None:
    text = (
        "email,country,ok,amount,nobody\n"
        "a@example.com,Germany,Yes,1.5,\n"
        "b@example.com,DE,yes,x,\n"
        "c@example.com,Atlantis,perhaps,2,\n"
        "d@example.com,,no,,\n"
    )
    columns = {"ok": {"type": "boolean"}, "amount": {"type": "number"}}
    seen = look(tmp_path, text, columns=columns)
    told = {(item.column, item.written, item.read_as, item.count) for item in seen.survey.spellings}
    assert told == {
        ("country", "Germany", "DE", 1),
        ("ok", "Yes", "true", 1),
        ("ok", "yes", "true", 1),
        ("ok", "no", "false", 1),
        ("ok", "perhaps", None, 1),
    }
    filled = {item.column: (item.filled, item.missing) for item in seen.survey.columns}
    assert filled == {"email": (4, 0), "country": (3, 1), "ok": (3, 1), "amount": (2, 2), "nobody": (0, 4)}
    assert seen.codes[("empty-column", "nobody")] == (4, 0)
    assert {("unknown-spelling", 4, "country", ""), ("not-of-type", 3, "amount", "")} <= seen.rows
    assert ("not-of-type", 4, "ok", "") in seen.rows


@pytest.mark.parametrize(("before", "told"), [(None, False), (10, False), (11, False), (12, True)])
def test_sudden_shrinkage(tmp_path: Path, before: int | None, told: bool) -> None:
    seen = look(tmp_path, "email\n" + "".join(f"p{number}@example.com\n" for number in range(10)), before)
    assert (("shrunken", "") in seen.codes) is told


def test_old_exports_and_old_times(tmp_path: Path) -> None:
    text = "email,updated_at\na@example.com,2026-11-01\n"
    seen = look(tmp_path, text, updated_at="updated_at", mtime=datetime(2026, 11, 1, tzinfo=UTC))
    assert seen.codes[("stale-export", "")][0] == 20 and seen.codes[("stale-dates", "updated_at")][0] == 20
    seen = look(tmp_path, text.replace("11-01", "11-21"), updated_at="updated_at")
    assert not {code for code, _ in seen.codes if code.startswith("stale")}


def test_events_are_looked_at_too(tmp_path: Path) -> None:
    kit.write(tmp_path, "orders.csv", "email,at,amount\na@example.com,2026-01-01,\nz@example.com,2026-01-01,3\n", AS_OF)
    orders = {"file": "orders.csv", "join": ("email", "email"), "at": "at"}
    seen = look(tmp_path, "email\na@example.com\n", related={"orders": orders})
    assert seen.codes[("no-person", "")][0] == 1 and ("stale-dates", "") in seen.codes
    assert ("orders", "amount", 0, 1) in {
        (item.source, item.column, item.filled, item.missing) for item in seen.survey.columns
    }


def test_the_text_shows_no_address_and_the_csv_starts_no_formula(tmp_path: Path) -> None:
    seen = look(tmp_path, 'email,name\nada.secret@example.con,A\n"=1+1",B\nsales@firm.test,C\n')
    told = hygiene_text(seen.survey)
    assert "ada.secret" not in told and max(len(line) for line in told.splitlines()) <= 80
    lines = list(csv.DictReader(hygiene_csv(seen.survey, listed(seen.loaded)).splitlines()))
    assert {(line["code"], line["row"]) for line in lines} >= {("typo", "2"), ("invalid", "3"), ("role", "4")}
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line.values())


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "＝1"])
def test_safe_cells(cell: str) -> None:
    assert safe(cell) == f"'{cell}" and safe("plain") == "plain" and safe(3) == 3 and safe(None) == ""
