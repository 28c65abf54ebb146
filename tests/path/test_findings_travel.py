"""What was found in an export while it was read is part of what every command says that goes on with it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.plan import saved
from connector.report.plan import as_json, text
from tests import launcher
from tests.path.small import small

UTC = ZoneInfo("UTC")


def damage(folder: Path, cells: dict[str, str]) -> None:
    """The consent of these people as it is written here."""
    file = folder / "people.csv"
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        for name, cell in cells.items():
            if f",{name}@example.com," in line:
                lines[number] = line.replace(",paid,yes,", f",paid,{cell},")
    file.write_text("\n".join(lines) + "\n")


def test_a_plan_tells_what_was_found_and_what_concerns_most_people_first(tmp_path: Path) -> None:
    with small(tmp_path) as desk:
        desk.write({f"p{number}": f"p{number}@example.com" for number in range(6)} | {"twin": "p1@example.com"})
        damage(tmp_path, {"p2": "perhaps", "p3": "perhaps"})
        made = desk.plan()
        saved.save(made, tmp_path / "today.plan")
        pushed = launcher.sync(tmp_path, "push", "--rehearse", "--yes")
    assert made.findings and made.findings == tuple(as_json(made)["findings"])
    counts = [int(finding.split(": ")[1].split(" ")[0]) for finding in made.findings]
    assert counts == sorted(counts, reverse=True)
    unclear = next(finding for finding in made.findings if "“perhaps”" in finding)
    assert "people.csv row 4" in unclear
    for told in (text(made, UTC), pushed.stdout):
        assert f"export: {unclear}" in told
    again = saved.load(tmp_path / "today.plan")
    assert again.findings == made.findings
    assert not any("@" in finding for finding in made.findings)


def test_a_plan_a_push_and_cleanup_tell_who_consents_with_a_word_of_an_opt_out(tmp_path: Path) -> None:
    with small(tmp_path, to=("hubspot",)) as desk:
        desk.write({f"p{number}": f"p{number}@example.com" for number in range(4)})
        export = tmp_path / "people.csv"
        export.write_text(export.read_text().replace("2,p2@example.com,P2,paid", "2,p2@example.com,P2,Opted Out"))
        file = tmp_path / "segments.yaml"
        file.write_text(file.read_text().replace("when: {opt_in: true}", "when: {plan: {is_not: unsubscribed}}"))
        noted = [note for note in desk.plan().notes if "reads like an opt-out" in note]
        pushed, cleaned = (
            launcher.sync(tmp_path, *words, "--rehearse", "--format", "json")
            for words in (("push", "--yes"), ("cleanup",))
        )
        file.write_text(f"silence: [consent-lets-in]\n{file.read_text()}")
        silenced = desk.plan().notes
    assert len(noted) == 1 and "1 person counts as consenting with “Opted Out” in plan" in noted[0]
    assert noted[0].startswith("consent (segments.yaml line 7): ")
    assert "counts as consenting" in pushed.stdout and "counts as consenting" in cleaned.stdout, cleaned.stderr
    assert not any("reads like an opt-out" in note for note in silenced)


def test_a_text_shows_five_of_many_and_all_with_verbose(tmp_path: Path) -> None:
    with small(tmp_path) as desk:
        desk.write({"p1": "p1@example.com"})
        made = desk.plan()
    many = replace(made, findings=tuple(f"contacts.c{number}: 1 values are odd" for number in range(9)))
    assert text(many, UTC).count("export: contacts.c") == 5 and "… and 4 more: sync check" in text(many, UTC)
    assert text(many, UTC, verbose=True).count("export: contacts.c") == 9


FILE = """\
version: 1
sources:
  contacts: {file: contacts.csv, email: Email, columns: {spent: {type: number}, opt_in: {type: boolean}}}
segments:
  some: {when: {spent: {at_least: 2}}}
  same: {when: {spent: {at_least: 2}, opt_in: {exists: true}}}
  none: {when: {country: Atlantis}}
"""
EXPORT = """\
Title of a report
Email,Spent,Opt in,Country,Empty
a@example.com,3,yes,DE,
b@example.com,x,perhaps,germany,
b@example.com,4,yes,DE,
c@example.com,"1,234",no,FR,
"""


def desk_of(folder: Path) -> Path:
    (folder / "contacts.csv").write_text(EXPORT)
    (folder / "segments.yaml").write_text(FILE.replace("email: Email", "email: Email, skip_rows: 1"))
    return folder


def test_every_row_of_the_hygiene_csv_has_a_place(tmp_path: Path) -> None:
    found = launcher.sync(desk_of(tmp_path), "hygiene", "--format", "csv", "--as-of", "2026-11-20")
    rows = list(csv.DictReader(found.stdout.splitlines()))
    assert {"empty-column", "normalised"} <= {row["code"] for row in rows}
    assert all(row["file"] == "contacts.csv" and int(row["row"]) >= 2 for row in rows)
    lines = EXPORT.splitlines()
    for row in rows:
        assert row["email"] in lines[int(row["row"]) - 1]
        if not row["email"]:
            # The header, or the first cell that can be read two ways.
            assert row["row"] == ("6" if row["code"] == "ambiguous-number" else "2")


def test_hygiene_shows_the_cell_beside_its_row(tmp_path: Path) -> None:
    found = launcher.sync(desk_of(tmp_path), "hygiene")
    assert "contacts.csv row 4, “perhaps”" in found.stdout and "contacts.csv row 4, “x”" in found.stdout


def test_advice_begins_with_what_weighs_most_and_housekeeping_is_one_line(tmp_path: Path) -> None:
    desk_of(tmp_path)
    told = launcher.sync(tmp_path, "check").stdout
    assert told.count("housekeeping: ") == 1 and "no-owner" not in told
    assert "3 without owner" in told and "3 without goal" in told and "sync check -v" in told
    opened = launcher.sync(tmp_path, "check", "-v").stdout
    assert opened.count("advice[no-owner]") == 3 and "housekeeping" not in opened
    codes = [item["code"] for item in json.loads(launcher.sync(tmp_path, "check", "--format", "json").stdout)["advice"]]
    assert codes.count("no-owner") == 3
    order = [codes.index(code) for code in ("ambiguous-number", "unseen-value", "no-timezone", "no-owner")]
    assert order == sorted(order)
