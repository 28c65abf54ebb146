"""sync why: one person's rows, traits, verdicts and next changes, the same as members and plan give for everybody."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from connector.app import why as verbs
from connector.app.offline import evaluate
from connector.app.workspace import Options, open_workspace
from connector.cli.why import _pairs
from connector.core.errors import ConfigError
from connector.plan.saved import load as load_plan
from connector.report.why import why_json, why_text
from connector.segments.explain.words import words
from tests.path import sample
from tests.path.conftest import Desk

FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts:
    file: contacts.csv
    email: Email
    updated_at: Changed
    columns: {tags: {type: list, separator: ";"}, ok: {type: boolean}}
  orders: {file: orders.csv, join: {email: email}, at: at}
traits:
  value: {sum: orders.amount}
  last_order_at: {latest: orders.at}
consent:
  when: {ok: true}
destinations:
  news: {platform: klaviyo, api_key: "${NO_KEY}", fields: {city: city}}
segments:
  best:
    title: The best
    when: {value: {top: 1}}
    send_to: {news: {list: Best}}
  abroad:
    when:
      any:
        - country: {is_not: DE}
        - not: {city: [Bonn, "Bad Ems"]}
    send_to: {news: {tag: abroad}}
  lately:
    when:
      last_order_at: {within: 90 days}
      tags: {has: vip}
  buyers:
    when: {orders: {count: {at_least: 1}, where: {amount: {more_than: 5}}}}
priorities:
  - [best, buyers]
"""
CONTACTS = """Email,Name,City,Country,tags,ok,Changed
ada@example.com,Ada,Bonn,DE,vip;x,yes,2026-11-01 10:00
bob@example.com,Bob,Rome,,,no,2026-11-01 10:00
ADA@example.com,Ida,,DE,,yes,2026-10-01 10:00
"two@example.com; three@example.com",T,,,,,
cid@example.com,Cid,Bonn,DE,vip,yes,2026-11-01 10:00
"""
ORDERS = """email,at,amount
ada@example.com,2026-11-10 08:00,10.00
cid@example.com,2026-01-10 08:00,7.50
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in (("segments.yaml", FILE), ("contacts.csv", CONTACTS), ("orders.csv", ORDERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def ask(folder: Path, email: str, *assignments: tuple[str, str], **options: Any) -> dict[str, Any]:
    """`sync why --format json`, in this process; what the text says is under "text"."""
    given = Options(file=folder / "segments.yaml", as_of="2026-11-20", **options)
    with open_workspace(given, offline=True) as workspace:
        found = verbs.why(workspace, email, assignments)
        names = list(workspace.config.segments)
        told = why_json(found, names) | {"text": why_text(found, names, workspace.config.zone)}
    assert max(len(line) for line in told["text"].splitlines()) <= 80
    return json.loads(json.dumps(told))  # type: ignore[no-any-return]


def members(told: dict[str, Any]) -> set[str]:
    return {item["name"] for item in told["segments"] if item["member"]}


def test_identity_tells_rows_and_what_won(small: Path) -> None:
    told = ask(small, " Ada@Example.com ")
    assert [(row["file"], row["row"]) for row in told["rows"]] == [("contacts.csv", 2), ("contacts.csv", 4)]
    columns = {item["name"]: item for item in told["columns"]}
    assert columns["city"] == {"name": "city", "value": "Bonn", "row": 2, "lost": []}
    assert "name" not in columns, "no rule uses it"
    assert "contacts.csv, row 4, updated 2026-10-01 10:00" in told["text"]


def test_with_everything_the_unused_columns_are_told_as_well(small: Path) -> None:
    with open_workspace(Options(file=small / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
        found = verbs.why(workspace, "ada@example.com", everything=True)
    assert found.identity is not None
    won = next(item for item in found.identity.columns if item.column == "name")
    assert (won.value, won.lost) == ("Ada", ((1, "Ida"),))


def test_traits_and_every_condition_with_its_value(small: Path) -> None:
    told = ask(small, "bob@example.com")
    assert told["traits"] == {"value": "0.00", "last_order_at": None}
    abroad = next(item for item in told["segments"] if item["name"] == "abroad")
    first, second = abroad["rule"]["parts"]
    line = FILE[: FILE.index("country: {is_not")].count("\n") + 1
    assert first == {
        "condition": "country: {is_not: DE}", "holds": True, "line": line, "values": {"country": None},
    }  # fmt: skip
    assert second["condition"] == "not" and second["parts"][0]["condition"] == "city: [Bonn, Bad Ems]"
    assert second["holds"] and not second["parts"][0]["holds"]
    text = " ".join(told["text"].split())
    assert "country: {is_not: DE} → true (country is missing, which a negated test lets in)" in text
    assert "last_order_at: {within: 90 days} → false (last_order_at is missing)" in text
    assert told["consent"]["given"] is False and "Consent: no" in told["text"]


def test_priorities_name_the_segment_that_took_the_person(small: Path) -> None:
    told = ask(small, "ada@example.com")
    buyers = next(item for item in told["segments"] if item["name"] == "buyers")
    assert buyers["matches"] and not buyers["member"] and buyers["taken_by"] == "best"
    assert "buyers: no: the rule holds, and best comes first in its priorities" in told["text"]


def test_what_if_changes_one_person_only(small: Path) -> None:
    told = ask(small, "cid@example.com", ("last_order_at", "2026-11-01"), ("value", "99.999"), ("City", "Rome"))
    assert told["supposed"] == {"last_order_at": "2026-10-31T23:00:00+00:00", "value": "99.999", "city": "Rome"}
    assert told["changes"] == {"enters": ["best", "abroad", "lately"], "leaves": ["buyers"]}
    assert members(told) == {"best", "abroad", "lately"}
    assert members(ask(small, "cid@example.com")) == {"buyers"}
    told = ask(small, "ada@example.com", ("tags", ""), ("ok", "no"))
    assert told["changes"] == {"enters": [], "leaves": ["lately"]} and told["consent"]["given"] is False
    (news,) = told["destinations"]
    assert {row["reason"] for row in news["blocked"]} == {"no_consent"}


@pytest.mark.parametrize(
    ("name", "value", "code", "words_"),
    [
        ("lastorder_at", "2026-11-01", "unknown-column", 'Did you mean "last_order_at"?'),
        ("last_order_at", "yesterday", "bad-value", "2026-01-31"),
        ("value", "much", "bad-value", "numbers"),
        ("ok", "perhaps", "bad-value", "yes/no"),
        ("email", "x@example.com", "not-settable", "sync why OTHER"),
        ("news.status", "subscribed", "not-settable", "platform"),
    ],
)
def test_what_cannot_be_supposed(small: Path, name: str, value: str, code: str, words_: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(small, "ada@example.com", (name, value))
    (problem,) = caught.value.problems
    assert problem.code == code and words_ in problem.message


def test_set_takes_a_name_and_a_value() -> None:
    assert _pairs(["a=b=c", " n = 1"]) == [("a", "b=c"), ("n", " 1")]
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        _pairs(["lifetime"])


def test_a_column_that_nobody_has_can_be_supposed(small: Path) -> None:
    path = small / "contacts.csv"
    path.write_text(CONTACTS.replace(",vip;x,", ",,").replace(",vip,", ",,"), encoding="utf-8")
    assert "lately" in members(ask(small, "ada@example.com", ("tags", "vip")))


@pytest.mark.parametrize("email", ["three@example.com", "two@example.com"])
def test_an_address_of_the_quarantine(small: Path, email: str) -> None:
    told = ask(small, email)
    assert told["quarantine"] == [{"file": "contacts.csv", "row": 5, "reason": "several"}]
    assert told["in_export"] is False and "more than one address" in " ".join(told["text"].split())


def test_an_address_that_is_only_part_of_another_is_not_found(small: Path) -> None:
    told = ask(small, "wo@example.com")
    assert told["quarantine"] == [] and "no contact of the export" in told["text"]


def test_what_is_no_address_and_is_found_nowhere_is_an_error(small: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(small, "nonsense")
    assert "nonsense" not in str(caught.value)


def test_verdicts_are_those_of_everybody(small: Path) -> None:
    options = Options(file=small / "segments.yaml", as_of="2026-11-20")
    with open_workspace(options, offline=True) as workspace:
        everybody = evaluate(workspace).table.to_pylist()
    assert len(everybody) == 3
    for row in everybody:
        wanted = {name.removeprefix("in:") for name, value in row.items() if name.startswith("in:") and value}
        assert members(ask(small, row["email"])) == wanted


@pytest.mark.long
def test_why_foretells_what_the_plan_does(pushed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people that the next push adds, takes out, updates, moves, blocks or leaves alone."""
    old = min(sample.desired(pushed.folder / "exports")["repeat_customers"])
    new = old.replace("@", ".new@")
    export = pushed.folder / "exports" / "contacts-2026-11-20.csv"
    text = re.sub(re.escape(old), new, export.read_text(encoding="utf-8-sig"), flags=re.IGNORECASE)
    export.write_text(text, encoding="utf-8")
    pushed.edit("lifetime_value: {at_least: 500}", "lifetime_value: {at_least: 450}")
    pushed.edit("opted_in_at: {within: 30 days}", "opted_in_at: {within: 20 days}")
    assert pushed.sync("plan", "--rehearse", "--out", "next.plan").returncode == 0
    plan = load_plan(pushed.folder / "next.plan")
    changes: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for row in plan.changes.to_pylist():
        change = (row["destination"], row["op"], row["kind"], row["target"], row["fields"])
        for email in {row["email"], row["old_email"]} - {None}:
            changes[email].add(change)
    blocked: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for row in plan.blocked.to_pylist():
        blocked[row["email"]].add((row["destination"], row["op"], row["target"], row["reason"]))
    people = [old, new, *sorted(changes)[::40], *sorted(blocked)[::200], "nobody@example.com"]
    assert len(people) > 7 and "move" in {op for _, op, *_ in changes[old]} and changes[new] >= changes[old]
    load, read_once = verbs._load, list[Any]()
    monkeypatch.setattr(verbs, "_load", lambda *given: (read_once or read_once.append(load(*given)) or read_once)[0])
    for email in people:
        told = ask(pushed.folder, email, rehearse=True)
        sides = told["destinations"]
        next_push = {
            (side["name"], row["op"], row["kind"], row["target"], row["fields"])
            for side in sides
            for row in side["next_push"]
        }
        held_back = {
            (side["name"], row["op"], row["target"], row["reason"]) for side in sides for row in side["blocked"]
        }
        assert (next_push, held_back) == (changes[email], blocked[email])


def test_the_command_shows_what_is_held(pushed: Desk) -> None:
    email = pushed.json("members", "vip")["members"][0]
    told = pushed.json("why", email, "--rehearse", "--only", "vip", "--to", "mailchimp")
    (side,) = told["destinations"]
    assert {"kind": "tag", "name": "VIP"} in side["targets"] and side["known"] and side["next_push"] == []
    assert [item["name"] for item in told["segments"]] == ["vip"]
    done = pushed.sync("why", email, "--rehearse")
    assert done.returncode == 0 and "no platform was asked" in done.stdout and "“VIP”" in done.stdout


def test_conditions_read_as_in_the_file(tmp_path: Path) -> None:
    from connector.config.load import load_text

    lines = [
        "country: [US, CA]",
        "country: US",
        "city: {is_not: Bonn}",
        'city: {in: [Bonn, "a, b"], case: exact}',
        "city: {not_contains: [a, b]}",
        "city: {exists: false}",
        "amount: {between: [1, 2.50]}",
        "tags: {size: {at_least: 2}}",
        "at: {not_within: 90 days}",
        "at: {month: december}",
        "amount: {top: 10%, by: country}",
        'home: {near: {of: "52.5,13.4", within: 25 km}}',
        "orders: {}",
        "orders: {never: true, within: 30 days}",
        "orders: {count: {at_least: 3}, within: 180 days, where: {category: shoes, amount: {more_than: 5}}}",
        "orders: {sum: amount, at_least: 500}",
        "orders: {last_within: 7 days}",
        "sequence: [{orders: {category: shoes}}, {not: {orders: {}}, within: 7 days}]",
        "sample: 10%",
        "split: {name: test, part: a, of: {a: 45, b: 55}}",
        "any: [{country: US}, {not: {city: Bonn}}]",
    ]
    text = (
        "version: 1\nsources:\n  contacts: {file: c.csv, email: email}\n"
        "  orders: {file: o.csv, join: {email: email}, at: at}\nsegments:\n"
        + "".join(f"  s{number}: {{when: {{{line}}}}}\n" for number, line in enumerate(lines))
    )
    config = load_text(text, tmp_path / "segments.yaml")
    assert [words(segment.when) for segment in config.segments.values()] == lines
