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
