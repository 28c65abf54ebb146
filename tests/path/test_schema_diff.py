"""`sync schema`, `sync diff-segments` and `sync check --format github|json --strict` from the command line inwards."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from connector.app.diff import Difference, diff
from connector.app.workspace import Options
from connector.cli.main import app
from connector.core.errors import ConfigError
from connector.demo.folder import TEXT
from connector.report.diff import Told, diff_json, diff_markdown, diff_text
from tests.config.test_schema import plain
from tests.path.conftest import Desk

# Ibis 12 asks DuckDB 2 for a schema by a name that is about to go.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

CONTACTS = "email,country,age\n" + "".join(
    f"p{number:02}@example.com,{['DE', 'US', 'FR'][number % 3]},{20 + number}\n" for number in range(30)
)
ORDERS = "email,ordered_at,amount\n" + "".join(
    f"p{number:02}@example.com,2026-11-0{1 + number % 9},10\n" for number in range(10)
)
HEAD = """version: 1
timezone: UTC
sources:
  contacts: {file: contacts.csv, email: email}
  orders: {file: orders.csv, join: {email: email}, at: ordered_at}
traits:
  spent: {sum: orders.amount}
"""
QUIET = "silence: [no-goal, no-owner, no-description]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    return tmp_path


def file(folder: Path, name: str, segments: str, head: str = HEAD) -> str:
    path = folder / name
    path.write_text(f"{head}segments:\n{segments}", encoding="utf-8")
    return str(path)


def difference(folder: Path, old: str, new: str, **heads: str) -> Difference:
    written = [
        file(folder, "old.yaml", old, heads.get("old_head", HEAD)),
        file(folder, "segments.yaml", new, heads.get("new_head", HEAD)),
    ]
    return diff(Options(file=folder / "segments.yaml", as_of="2026-11-20"), *written)


def told(found: Difference) -> Told:
    return Told(*((one.label, one.config, one.data) for one in (found.old, found.new)))


def doors(found: Difference) -> list[tuple[str, str, str, int]]:
    """(segment, why, condition, people), entered before left; and that every person has one door."""
    result = []
    for segment in diff_json(told(found), found.changes)["segments"]:
        assert segment["before"] + segment["entered"]["people"] - segment["left"]["people"] == segment["after"]
        for side in ("entered", "left"):
            if segment["kind"] in ("same", "changed"):
                assert sum(door["people"] for door in segment[side]["through"]) == segment[side]["people"]
            result += [
                (segment["name"], door["why"], door["condition"], door["people"]) for door in segment[side]["through"]
            ]
    return result


ALL = "  s: {{when: {{all: [{{age: {{at_least: {0}}}}}, {{country: [{1}]}}]}}}}\n"


def test_the_first_condition_that_kept_them_out(folder: Path) -> None:
    found = difference(folder, ALL.format(40, "US"), ALL.format(38, "US, DE"))
    assert doors(found) == [
        ("s", "kept-out", "age: {at_least: 40}", 2),  # of 38 and 39 years, in Germany and the US
        ("s", "kept-out", "country: [US]", 3),  # older Germans
    ]
    change = diff_json(told(found), found.changes)["segments"][0]["entered"]["through"]
    assert change[0]["instead"] == "age: {at_least: 38}" and change[1]["instead"] == "country: [US, DE]"
    assert change[0]["file"].endswith("old.yaml") and change[0]["line"] == 9


def test_the_first_condition_that_keeps_them_out(folder: Path) -> None:
    found = difference(folder, "  s: {when: {country: US}}\n", "  s: {when: {country: US, age: {less_than: 40}}}\n")
    assert doors(found) == [("s", "keeps-out", "age: {less_than: 40}", 3)]


def test_the_part_of_any_that_lets_them_in_or_let_them_in(folder: Path) -> None:
    one, two = "{age: {at_least: 45}}", "{country: US}"
    found = difference(folder, f"  s: {{when: {{any: [{one}]}}}}\n", f"  s: {{when: {{any: [{one}, {two}]}}}}\n")
    assert doors(found) == [("s", "lets-in", "country: US", 8)]
    back = difference(folder, f"  s: {{when: {{any: [{one}, {two}]}}}}\n", f"  s: {{when: {{any: [{one}]}}}}\n")
    assert doors(back) == [("s", "let-in", "country: US", 8)]


def test_from_any_to_all_it_is_the_rule(folder: Path) -> None:
    found = difference(folder, "  s: {when: {any: [{age: 20}, {age: 21}]}}\n", "  s: {when: {age: 22}}\n")
    assert doors(found) == [("s", "rule", "", 1), ("s", "keeps-out", "age: 22", 2)]


def test_a_trait_that_changed_behind_the_same_condition(folder: Path) -> None:
    rule = "  s: {when: {spent: {at_least: 10}}}\n"
    later = HEAD.replace("{sum: orders.amount}", "{sum: orders.amount, within: 14 days}")
    found = difference(folder, rule, rule, new_head=later)
    assert [(segment, why, condition) for segment, why, condition, _ in doors(found)] == [
        ("s", "keeps-out", "spent: {at_least: 10}")
    ]
    assert diff_json(told(found), found.changes)["segments"][0]["left"]["through"][0]["instead"] == ""


def test_priorities_move_people(folder: Path) -> None:
    rules = "  a: {when: {age: {at_least: 40}}}\n  b: {when: {country: US}}\n"
    found = difference(folder, f"{rules}priorities: [[a, b]]\n", f"{rules}priorities: [[b, a]]\n")
    assert doors(found) == [("a", "priorities", "", 3), ("b", "priorities", "", 3)]


def test_segments_that_come_and_go(folder: Path) -> None:
    found = difference(folder, "  a: {when: {age: 20}}\n", "  b: {when: {country: US}}\n")
    assert [(one.name, one.kind, one.before, one.after) for one in found.changes] == [
        ("b", "new", 0, 10),
        ("a", "gone", 1, 0),
    ]
    assert "left alone on the platforms" in diff_text(told(found), found.changes)


def test_people_of_another_export(folder: Path) -> None:
    (folder / "few.csv").write_text("".join(CONTACTS.splitlines(keepends=True)[:6]), encoding="utf-8")
    rule = "  s: {when: {age: {at_least: 0}}}\n"
    found = difference(folder, rule, rule, old_head=HEAD.replace("contacts.csv", "few.csv"))
    assert doors(found) == [("s", "export", "", 25)]


def test_nothing_changed(folder: Path) -> None:
    found = difference(folder, "  a: {when: {age: 20}}\n", "  a: {title: Twenty, when: {age: 20}}\n")
    assert doors(found) == [] and "1 segment with the same people" in diff_text(told(found), found.changes)


def test_addresses_are_masked(folder: Path) -> None:
    found = difference(folder, "  s: {when: {age: 20}}\n", "  s: {when: {country: US}}\n")
    texts = [diff_text(told(found), found.changes), diff_markdown(told(found), found.changes)]
    texts.append(json.dumps(diff_json(told(found), found.changes), ensure_ascii=False))
    for text in texts:
        assert "p…@example.com" in text
        assert not any(f"p{number:02}@" in text for number in range(30))


def test_markdown_cannot_be_broken_by_a_condition(folder: Path) -> None:
    found = difference(folder, "  s: {when: {country: 'U|`S'}}\n", "  s: {when: {country: US}}\n")
    line = next(line for line in diff_markdown(told(found), found.changes).splitlines() if "kept them out" in line)
    assert "``" in line and "|" not in line


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_revisions(folder: Path) -> None:
    def git(*command: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(folder), *who, *command], check=True, capture_output=True)

    file(folder, "segments.yaml", "  s: {when: {age: 20}}\n")
    git("init", "-q")
    git("add", "segments.yaml")
    git("commit", "-q", "-m", "one")
    now = file(folder, "segments.yaml", "  s: {when: {country: US}}\n")
    options = Options(file=folder / "segments.yaml", as_of="2026-11-20")
    for old in ("HEAD", "HEAD:segments.yaml"):
        found = diff(options, old, now)
        assert doors(found) == [("s", "kept-out", "age: 20", 10), ("s", "keeps-out", "country: US", 1)]
        assert found.old.label == "HEAD:segments.yaml"
    with pytest.raises(ConfigError, match="neither a file nor a git revision"):
        diff(options, "nowhere", now)
    git("commit", "-q", "-a", "-m", "two")
    assert doors(diff(options, "HEAD~1", "HEAD")) == doors(diff(options, "HEAD~1", now))


def sync(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_all_formats(folder: Path) -> None:
    old = file(folder, "old.yaml", "  s: {when: {age: 20}}\n")
    new = file(folder, "new.yaml", "  s: {when: {country: US}}\n")
    common = ("diff-segments", old, new, "--as-of", "2026-11-20")
    assert "+10  “age: 20” kept them out" in sync(*common).stdout
    assert json.loads(sync(*common, "--format", "json").stdout)["schema"] == "connector.segments-diff/1"
    assert "| `s` | 1 | 10 | +10 | −1 |" in sync(*common, "--format", "markdown").stdout


def schema(*arguments: str) -> dict[str, Any]:
    result = sync("schema", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    Draft202012Validator.check_schema(found)
    return found


def problems(shape: dict[str, Any], text: str) -> list[str]:
    from connector.config.yaml.nodes import read

    return [
        error.json_path for error in Draft202012Validator(shape).iter_errors(plain(read(text, "segments.yaml").data))
    ]


def test_schema_accepts_the_sample_and_completes_its_names(desk: Desk) -> None:
    assert problems(schema(), TEXT) == []
    shape = schema("--for", str(desk.folder / "segments.yaml"))
    assert problems(shape, TEXT) == []
    names = shape["$defs"]["condition"]["properties"]
    assert {"lifecycle_stage", "opted_in_at", "lifetime_value", "orders", "all"} <= names.keys()
    assert names["segment"]["anyOf"][0]["enum"] == sorted(
        ["new_subscribers", "repeat_customers", "vip", "at_risk", "inactive"]
    )
    send_to = shape["properties"]["segments"]["additionalProperties"]["properties"]["send_to"]
    assert set(send_to["properties"]) == {"mailchimp", "klaviyo", "hubspot"}


def test_schema_shows_a_misspelled_name(folder: Path) -> None:
    shape = schema("--for", file(folder, "segments.yaml", "  s: {when: {age: 20}}\n"))
    assert problems(shape, f"{HEAD}segments:\n  s: {{when: {{segment: vpi}}}}\n") != []
    assert problems(schema(), f"{HEAD}segments:\n  s: {{when: {{segment: vpi}}}}\n") == []


def test_check_for_a_pull_request(folder: Path) -> None:
    written = file(folder, "segments.yaml", "  s: {when: {country: Franc}}\n", HEAD + QUIET)
    result = sync("check", "--file", written, "--format", "github", "--as-of", "2026-11-20")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert any(line.startswith(f"::notice file={written},line=10,col=14,title=unseen-value::“Franc”") for line in lines)
    assert sync("check", "--file", written, "--strict", "--as-of", "2026-11-20").exit_code == 2
    wrong = file(folder, "segments.yaml", "  s: {when: {contry: FR}}\n", HEAD + QUIET)
    broken = sync("check", "--file", wrong, "--format", "github")
    assert broken.exit_code == 2
    assert broken.stdout.startswith(f"::error file={wrong},line=10,col=14,title=unknown-column::“contry”")


def test_check_as_json_tells_errors_too_and_how_to_silence(folder: Path) -> None:
    written = file(folder, "segments.yaml", "  s: {when: {country: Franc}}\n", HEAD)
    found = json.loads(sync("check", "--file", written, "--format", "json", "--as-of", "2026-11-20").stdout)
    assert found["errors"] == [] and found["contacts"] == 30
    seen = {item["code"]: item["silence"] for item in found["advice"]}
    assert seen["no-goal"] == "silence: [no-goal] in the segment s, or at the top of the file"
    assert {"unseen-value", "empty-segment", "unused-trait"} <= seen.keys()
    broken = sync("check", "--file", file(folder, "segments.yaml", "  s: {when: {}}\n"), "--format", "json")
    assert broken.exit_code == 2 and json.loads(broken.stdout)["errors"][0]["code"] == "empty"
