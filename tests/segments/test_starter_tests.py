"""Starter tests from real people: masked, true, and never over a file that exists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.app import testing
from connector.app.workspace import Options, open_workspace
from connector.core.errors import ConfigError
from tests.launcher import sync

FILE = """version: 1
sources:
  contacts:
    file: contacts.csv
    email: email
    columns:
      born: {from: born, type: date}
      home: {from: [lat, lon], type: place}
      mobile: {type: phone}
      opt_in: {type: boolean}
  orders: {file: orders.csv, join: {customer: customer}, at: at}
consent: {when: {opt_in: true}}
segments:
  managers: {when: {job: {contains: manager}}}
  annas: {when: {first_name: Anna}}
  reachable: {when: {mobile: {exists: true}}}
  germans: {when: {country: DE}}
  grown: {when: {born: {before: 2008-11-20}}}
  near: {when: {home: {near: {of: "52.5,13.4", within: 50 km}}}}
  local: {when: {email: {ends_with: "@corp.test"}}}
  buyers: {when: {orders: {sum: amount, at_least: 100, within: 90 days}}}
  varied: {when: {orders: {count_distinct: product, at_least: 2}}}
"""
CONTACTS = """email,customer,first_name,job,mobile,country,born,lat,lon,opt_in
anna.privat@corp.test,C-778899,Anna,Senior manager at Privatbank,+4915112345678,Germany,1990-05-17,52.51712,13.388,yes
otto.privat@mail.test,C-778800,Otto,Sculptor,,France,2008-11-21,48.1,11.6,no
"""
ORDERS = """customer,at,amount,product
C-778899,2026-11-01,60,Ring for Anna
C-778899,2026-11-02,60,Necklace
C-778800,2026-11-02,30,Ring for Anna
"""
SECRETS = (
    *("privat", "corp.test", "C-7788", "Anna", "Otto", "Senior", "Sculptor"),
    *("15112345678", "05-17", "51712", "Ring"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("segments.yaml", FILE), ("contacts.csv", CONTACTS), ("orders.csv", ORDERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_people_are_masked_and_the_tests_pass(folder: Path) -> None:
    with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
        path, found = testing.sample(workspace, 20, None)
        outcomes = testing.test(workspace, list(workspace.config.segments)).outcomes
        with pytest.raises(ConfigError, match=r"exists already .* --output NAME"):
            testing.sample(workspace, 20, None)
    text = path.read_text(encoding="utf-8")
    assert path.name == "segments_test.yaml"
    assert [secret for secret in SECRETS if secret in text] == []
    assert [outcome.misses for outcome in outcomes] == [(), ()]
    for told in ("job: manager", "country: DE", "born: 1990-05-01", "amount: 60", "product: other 2", "+12025550100"):
        assert told in text
    assert found.left_out == {"annas": 1, "local": 1, "grown": 1}
    assert "managers: in" in text
    assert "varied: in" in text


def test_the_command_writes_elsewhere_and_refuses_what_exists(folder: Path) -> None:
    words = ("test", "--sample", "1", "--output", "more.yaml", "--as-of", "2026-11-20")
    assert sync(folder, *words).returncode == 0
    again = sync(folder, *words)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    written = (folder / "more.yaml").read_text(encoding="utf-8")
    (folder / "segments_test.yaml").write_text(written.replace("germans: out", "germans: in"), encoding="utf-8")
    failed = sync(folder, "test", "--format", "junit")
    assert (failed.returncode, 'failures="1"' in failed.stdout) == (1, True)
    (folder / "segments_test.yaml").write_text("tests: [{as_of: soon, expect: {germans: in}}]\n", encoding="utf-8")
    wrong = sync(folder, "test", "--format", "junit")
    assert (wrong.returncode, 'errors="1"' in wrong.stdout, "bad-date in line 1" in wrong.stdout) == (2, True, True)
    assert json.loads(sync(folder, "test", "--format", "json").stdout)["errors"][0]["code"] == "bad-date"
