"""Consent in files: the value with which it does not hold is written as the column has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app.offline import check
from connector.app.workspace import Options, open_workspace

FILE = """
version: 1
sources:
  contacts: {{file: contacts.csv, email: email, columns: {{home: {{type: country}}}}}}
consent: {{when: {{not: {{home: {rule}}}}}}}
segments:
  s: {{when: {{email: {{exists: true}}}}}}
"""


@pytest.mark.parametrize("rule", ["Deutschland", "{in: [germany, Österreich]}", "DE"])
def test_rows_that_disagree_about_a_country_are_no_consent(tmp_path: Path, rule: str) -> None:
    text = "email,home\nann@example.com,US\nann@example.com,Germany\nbob@example.com,US\n"
    (tmp_path / "contacts.csv").write_text(text)
    (tmp_path / "segments.yaml").write_text(FILE.format(rule=rule), encoding="utf-8")
    with open_workspace(Options(file=tmp_path / "segments.yaml", as_of="2026-04-01")) as workspace:
        table = check(workspace)[0].table
    told = {row["email"][:3]: (row["consent"], row["unclear"]) for row in table.to_pylist()}
    assert told == {"ann": (False, True), "bob": (True, False)}


@pytest.mark.parametrize(("type_", "rule"), [("boolean", "true"), ("country", "DE")])
def test_a_column_of_which_no_cell_is_understood_refuses(tmp_path: Path, type_: str, rule: str) -> None:
    cells = ("x", "", "✓") if type_ == "boolean" else ("germany\nann@example.com,US", "", "DE\ncy@example.com,AT")
    text = "email,home\n" + "".join(
        f"{who}@example.com,{cell}\n" for who, cell in zip(("ann", "bob", "cy"), cells, strict=True)
    )
    (tmp_path / "contacts.csv").write_text(text, encoding="utf-8")
    file = FILE.format(rule=rule).replace("country", type_)
    file += "  mailed: {when: {not: {home: true}}}\n" if type_ == "boolean" else ""
    (tmp_path / "segments.yaml").write_text(file, encoding="utf-8")
    with open_workspace(Options(file=tmp_path / "segments.yaml", as_of="2026-04-01")) as workspace:
        table = check(workspace)[0].table
    told = {
        row["email"][:3].rstrip("@"): (row["consent"], row.get("in:mailed", row["consent"]))
        for row in table.to_pylist()
    }
    assert told == {"ann": (False, False), "bob": (True, True), "cy": (False, False)}


@pytest.mark.parametrize(("rule", "who"), [("{not: {out: {has: email}}}", "ann eve"), ("{out: {has: email}}", "cy")])
def test_a_list_that_is_divided_otherwise_is_no_consent(tmp_path: Path, rule: str, who: str) -> None:
    cells = {"ann": "", "bob": "email, sms", "cy": "sms;email", "dee": "email|sms", "eve": "sms"}
    text = "email,out\n" + "".join(f'{name}@example.com,"{cell}"\n' for name, cell in cells.items())
    (tmp_path / "contacts.csv").write_text(text, encoding="utf-8")
    file = FILE.format(rule="?").replace("{not: {home: ?}}", rule).replace("home: {type: country}", "out: {type: list}")
    (tmp_path / "segments.yaml").write_text(file, encoding="utf-8")
    with open_workspace(Options(file=tmp_path / "segments.yaml", as_of="2026-04-01")) as workspace:
        table = check(workspace)[0].table
    found = {row["email"].partition("@")[0]: (row["consent"], row["unclear"]) for row in table.to_pylist()}
    assert " ".join(name for name in cells if found[name][0]) == who
    assert [name for name in cells if found[name][1]] == ["bob", "dee"]
