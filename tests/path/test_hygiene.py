"""sync hygiene on the sample export: what it finds is there, in the row it says, and nothing is changed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.path.conftest import Desk

EXPORT = "contacts-2026-11-20.csv"


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig").splitlines()


def test_every_row_of_the_csv_is_where_it_says(desk: Desk) -> None:
    done = desk.sync("hygiene", "--format", "csv")
    assert done.returncode == 0, done.stderr
    export = lines_of(desk.folder / "exports" / EXPORT)
    found = list(csv.DictReader(done.stdout.splitlines()))
    for row in found:
        if row["row"] and row["email"]:
            assert row["file"] == EXPORT
            assert row["email"] in export[int(row["row"]) - 1].lower()
    duplicates = [row for row in found if row["code"] == "duplicates"]
    assert len(duplicates) > 100
    for row in duplicates:
        other = int(row["detail"].split()[1])
        assert other != int(row["row"]) and row["email"] in export[other - 1].lower()
    (role,) = [row for row in found if row["code"] == "role"]
    assert role["email"] == "sales@example.com"


def test_text_and_json_count_the_same_and_show_no_address(desk: Desk) -> None:
    told = desk.json("hygiene")
    assert told["schema"] == "connector.hygiene/1" and told["contacts"] == 5003
    counts = {(item["code"], item["column"]): item["count"] for item in told["findings"]}
    assert counts["duplicates", "email"] == 127 and counts["role", "email"] == 1
    assert {item["code"] for item in told["quarantine"]} == {"empty", "several", "invalid"}
    columns = {(item["source"], item["name"]): item for item in told["columns"]}
    phone = columns["contacts", "phone"]
    assert phone["filled"] + phone["missing"] == told["contacts"] and phone["missing"] > 2000
    germany = {item["written"] for item in told["spellings"] if item["read_as"] == "DE"}
    assert germany == {"Germany", "germany", " Germany ", "DEU"}
    text = desk.sync("hygiene").stdout
    assert "127  duplicates" in text and "example.com" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.long
def test_the_file_says_quarantine_and_the_address_is_out_of_every_segment(desk: Desk) -> None:
    path = desk.folder / "segments.yaml"
    everyone = path.read_text(encoding="utf-8") + "\n  everyone:\n    when: {email: {exists: true}}\n"
    path.write_text(everyone, encoding="utf-8")
    assert "sales@example.com" in desk.json("members", "everyone")["members"]
    path.write_text(everyone + "\ncleanup:\n  invalid: {role: quarantine}\n", encoding="utf-8")
    assert "sales@example.com" not in desk.json("members", "everyone")["members"]
    told = desk.sync("why", "sales@example.com").stdout
    assert "the address of a role" in " ".join(told.split())


@pytest.mark.long
def test_sudden_shrinkage_since_the_last_run(pushed: Desk) -> None:
    path = pushed.folder / "exports" / EXPORT
    path.write_text("\n".join(lines_of(path)[:4200]) + "\n", encoding="utf-8")
    codes = {item["code"] for item in pushed.json("hygiene", "--rehearse")["findings"]}
    assert "shrunken" in codes
    assert "shrunken" not in {item["code"] for item in pushed.json("hygiene")["findings"]}, "no run of its own yet"
    assert not (pushed.folder / ".connector" / "state.db").exists(), "a look makes no state"


def test_an_export_that_max_age_refuses_is_looked_at_all_the_same(desk: Desk) -> None:
    assert desk.sync("members", "vip", as_of="2026-12-24").returncode == 2
    findings = desk.json("hygiene", as_of="2026-12-24")["findings"]
    assert {"stale-export", "stale-dates"} <= {item["code"] for item in findings}
