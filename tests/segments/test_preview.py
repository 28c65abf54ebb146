"""The funnel of a rule against counting by hand, and the preview's three forms against each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connector.config.sections.models import Config
from connector.core.schemas import LEDGER_CONTACTS, LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS
from connector.plan.against_ledger import against
from connector.plan.routes import route
from connector.report.preview.document import document
from connector.report.preview.html import html
from connector.report.preview.text import text
from connector.segments.preview.look import Preview, preview
from connector.state.base import Ledger
from tests.launcher import sync
from tests.path.test_json import documented, keys
from tests.segments.world import AS_OF, ORDERS, config, loaded

RULES = """  big: {when: {all: [{size: {at_least: 4}}, {size: {at_most: 9}}]}}
  other: {when: {country: FR}}
  mixed:
    title: <b>Mixed</b> & more
    when:
      all:
        - segment: big
        - all:
            - any:
                - country: [DE, AT]
                - all: [{country: US}, {size: {at_least: 6}}]
                - not: {any: [{size: {at_most: 7}}, {note: {exists: true}}]}
        - not: {segment: [other, odd]}
        - note: {is_not: never}
  odd: {when: {size: 5}}
priorities: [[odd, mixed]]
destinations:
  mail: {platform: mailchimp, api_key: "${K}", audience: A}
"""
PEOPLE = [
    {"email": f"p{number}@example.com", "size": number % 12, "country": country, "note": note}
    for number, (country, note) in enumerate(
        (country, note) for country in ("DE", "AT", "US", "FR", None) for note in (None, "secret note", "never") * 8
    )
]
Row = Mapping[str, Any]
TABLES = (LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS)


def made(rules: str = RULES) -> Config:
    segments, _, more = rules.partition("priorities:")
    return config(segments, more=f"priorities:{more}" if more else "", sources=ORDERS)


def shown(name: str = "mixed", people: int = 3, rules: str = RULES) -> tuple[Config, Preview]:
    file = made(rules)
    world = loaded(PEOPLE, {"size": "integer", "country": "country", "note": "text"}, {"orders": ([], {})})
    return file, preview(file, world, AS_OF, name, people)


def test_every_count_is_that_of_counting_by_hand() -> None:
    _, found = shown()
    big: Callable[[Row], bool] = lambda row: 4 <= row["size"] <= 9  # noqa: E731
    us = lambda row: row["country"] == "US" and row["size"] >= 6  # noqa: E731
    rest = lambda row: row["size"] > 7 and row["note"] is None  # noqa: E731
    german = lambda row: row["country"] in ("DE", "AT")  # noqa: E731
    union = lambda row: german(row) or us(row) or rest(row)  # noqa: E731
    asked = lambda row: row["country"] == "FR" or row["size"] == 5  # noqa: E731
    never = lambda row: row["note"] != "never"  # noqa: E731
    lines = [big, union, lambda row: not asked(row), never]
    left = list(PEOPLE)
    assert [step.group for step in found.steps] == ["segment", "any", "not", ""]
    for number, (line, step) in enumerate(zip(lines, found.steps, strict=True)):
        others = [one for place, one in enumerate(lines) if place != number]
        kept = [row for row in left if line(row)]
        assert (step.before, step.holds, step.after) == (len(left), len(kept), len(kept))
        assert step.alone == sum(line(row) for row in PEOPLE)
        assert step.only == sum(all(one(row) for one in others) and not line(row) for row in PEOPLE)
        left = kept
    assert (found.matches, found.members, found.taken_by) == (len(left), len(left), ("odd",))
    inside = [row for row in PEOPLE if big(row)]
    alternatives = [german, us, rest]
    for number, (line, step) in enumerate(zip(alternatives, found.steps[1].parts, strict=True)):
        others = [one for place, one in enumerate(alternatives) if place != number]
        reached = [row for row in inside if line(row)]
        assert (step.before, step.holds) == (len(inside), len(reached))
        assert step.only == sum(not any(one(row) for one in others) for row in reached)
        assert step.after == sum(any(one(row) for one in alternatives[: number + 1]) for row in inside)
    assert [part.text for part in found.steps[0].parts] == ["size: {at_least: 4}", "size: {at_most: 9}"]
    both = found.steps[2].parts[0]
    assert (both.group, [part.text for part in both.parts]) == ("segments", ["segment: other", "segment: odd"])
    assert [step.line for step in found.steps] == [18, 20, 24, 25]


def test_who_an_earlier_segment_of_the_priorities_takes_is_told() -> None:
    file, found = shown("odd", rules=RULES.replace("[[odd, mixed]]", "[[big, odd]]"))
    told = document(file, found, (), None, AS_OF)
    assert (told["matches"], told["members"], told["taken_by"]) == (10, 0, ["big"])
    assert "10 → 0, 10 are in big" in text(told)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_text_page_and_json_tell_the_same_and_name_nobody() -> None:
    file, found = shown()
    told = document(file, found, (), None, AS_OF)
    page, screen = html(told), text(told)
    parsed = _Page()
    parsed.feed(page)
    words = " ".join(" ".join(parsed.words).split())
    numbers = []
    todo = list(told["funnel"])
    for step in todo:
        todo += step["parts"]
        numbers += [f"{step['holds']:,} of {step['before']:,}", f"{step['before']:,} → {step['holds']:,}"]
        assert f"line {step['line']}" in screen
        assert f"line {step['line']}" in words
    for form in (words, " ".join(screen.split())):
        assert f"{told['members']} of {told['contacts']} contacts" in form
        assert all(one in form or two in form for one, two in zip(numbers[::2], numbers[1::2], strict=True))
        assert "@example" not in form
        assert "secret" not in form
    assert "<b>Mixed" not in page
    assert "&lt;b&gt;Mixed&lt;/b&gt; &amp; more" in page
    assert "@example.com" not in json.dumps(told)
    assert len(told["sample"]["rows"]) == 3
    assert told["sample"]["columns"] == ["country", "size", "note"]
    tags = [tag for tag, _ in parsed.tags]
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert [tag for tag in tags if tag in ("h1", "main")] == ["main", "h1"]


def test_every_key_is_documented() -> None:
    file, found = shown("odd", rules=RULES.replace("{size: 5}}", "{size: 5}, send_to: {mail: {tag: Odd}}}"))
    empty = Ledger("mail", 0, None, *(schema.empty_table() for schema in (LEDGER_CONTACTS, *TABLES)))
    told = document(file, found, tuple(against(found.table, "odd", route(file, file.destinations["mail"]), empty)),
                    None, AS_OF)  # fmt: skip
    assert set(keys(told)) == documented("connector.preview/1")


def test_a_list_has_no_funnel(tmp_path: Path) -> None:
    file = made("  listed: {members_from: invited.csv}\n")
    world = loaded(PEOPLE, {"size": "integer"}, {"orders": ([], {})})
    world.members = {"listed": pa.array(["p1@example.com", "p3@example.com"])}
    found = preview(file, world, AS_OF, "listed", 5)
    assert (found.members, found.steps, found.decided) == (2, (), "decided by the list invited.csv")
    told = document(file, found, (), None, AS_OF)
    assert "2 of 120 contacts" in text(told)
    assert "Its rule is not asked: decided by the list" in html(told)


@pytest.mark.parametrize("mode", ["mirror", "additive"])
def test_changes_are_told_against_the_ledger(mode: str) -> None:
    rules = RULES.replace("odd: {when: {size: 5}}", "odd: {when: {size: 5}, send_to: {mail: {tag: Odd}}}")
    file, found = shown("odd", rules=rules.replace("audience: A", f"audience: A, mode: {mode}"))
    members = [row["email"] for row in PEOPLE if row["size"] == 5]
    contacts = pa.table(
        {
            "id": [1, 2, 3, 4],
            "email": [members[0], members[1], "gone@example.com", members[2]],
            "status": ["subscribed", "unsubscribed", "subscribed", "cleaned"],
        }
    )
    targets = pa.table({"id": [7, 8], "kind": ["tag", "tag"], "name": ["Odd", "Else"], "remote_id": ["a", "b"]})
    memberships = pa.table({"target": [7, 7, 8], "contact": [1, 3, 4]})
    ledger = Ledger("mail", 1, None, contacts, memberships, targets, pa.table({}))
    (change,) = against(found.table, "odd", route(file, file.destinations["mail"]), ledger)
    assert (change.held, change.enters, change.blocked, change.leaves) == (2, 9, 1, 1)
    told = document(file, found, (change,), AS_OF, AS_OF)
    assert "2 there, 9 enter (1 opted out or blocked: not sent), 1 leave" in " ".join(text(told).split())
    assert ("who stay there" in text(told)) == (mode == "additive")
    assert "9 enter" in html(told)


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("email,country\na@example.com,DE\nb@example.com,FR\n", encoding="utf-8")
    sources = "version: 1\nsources: {contacts: {file: c.csv, email: email}}\n"
    segments = "segments: {german: {when: {country: DE}, send_to: {mail: {tag: German}}}}\n"
    account = 'destinations: {mail: {platform: mailchimp, api_key: "${K}", audience: A}}\n'
    (tmp_path / "segments.yaml").write_text(sources + segments + account, encoding="utf-8")
    done = sync(tmp_path, "preview", "german", "--format", "html")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "", "Wrote preview-german.html.")
    page = (tmp_path / "preview-german.html").read_text(encoding="utf-8")
    assert "Nothing was pushed yet." in page
    assert "0 there, 1 enter, 0 leave" in page
    assert not (tmp_path / ".connector").exists(), "a look leaves nothing behind"
    wrong = sync(tmp_path, "preview", "germn")
    assert (wrong.returncode, 'Did you mean "german"?' in wrong.stderr) == (2, True)
