"""Every wrong word of segments.yaml is shown: its line, a mark under it, the word, and what is allowed there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.core.problem import Problem
from tests import launcher
from tests.config.helpers import file_when, file_with, load

CONDITIONS = [
    ("orders: {count: {at_least: lots}}", "lots", "1000.5"),
    ("last: {within: yesterday}", "yesterday", "90 days"),
    ("last: {within: 90d}", "90d", "90 days"),
    ("last: {within: 45}", "45", "“45 days”"),
    ("last: {within: 6mo}", "6mo", "“6 months”"),
    ("last: {more_than_ago: 2 fortnights}", "2 fortnights", "weeks"),
    ("last: {within_next: soon}", "soon", "90 days"),
    ("city: {exists: maybe}", "maybe", "true or false"),
    ('city: {matches: "(ab"}', '"(ab"', "RE2"),
    ("city: {longer_than: many}", "many", "whole number"),
    ('spent: {at_least: "10,5"}', '"10,5"', "1000.5"),
    ("spent: {between: [10, high]}", "high", "number"),
    ("spent: {between: 10}", "10", "[10, 20]"),
    ("spent: {top: best}", "best", "10%"),
    ("spent: {bottom: 0%}", "0%", "above 0%"),
    ("born: {anniversary_within: 3 hours}", "3 hours", "days"),
    ("born: {month: [jan, smarch]}", "smarch", "march, april"),
    ("born: {weekday: someday}", "someday", "monday, tuesday"),
    ("born: {before: soon}", "soon", "2026-01-31"),
    ("born: {on: 2026-02-30}", "2026-02-30", "calendar"),
    ("tags: {has_any: vip}", "vip", "[one, two]"),
    ("tags: {size: big}", "big", "1000.5"),
    ("city: {in: Berlin}", "Berlin", "[one, two]"),
    ("city: {is: x, case: inexact}", "inexact", "exact"),
    ("home: {near: {of: Berlin, within: 3 km}}", "Berlin", "52.52,13.40"),
    ('home: {near: {of: "52.5,13.4", within: far}}', "far", "25 km"),
    ("sample: ten", "ten", "10%"),
    ("split: {name: a, part: c, of: {a: 50, b: 50}}", "c", "a, b"),
    ("split: {name: a, part: a, of: {a: half, b: 50}}", "half", "whole number"),
    ("segment: nosuch", "nosuch", "vip"),
    ("orders: {never: false}", "false", "true"),
    ("orders: {count: 3, within: recently}", "recently", "90 days"),
    ("orders: {first_within: ages}", "ages", "90 days"),
    ("orders: {sum: amount, at_least: much}", "much", "1000.5"),
    ("orders: often", "often", "{count: {at_least: 3}"),
    ("or: [{city: x}, {city: y}]", "or", "any: ["),
    ("and: [{city: x}, {city: y}]", "and", "all: ["),
    ("nor: {city: x}", "nor", "not: {any:"),
    ("city: {equals: x}", "equals", '"is"'),
    ("all: everybody", "everybody", "list of conditions"),
]

_MAIL = 'destinations:\n  mail: {platform: mailchimp, audience: News, api_key: "${K}", %s}\n'
_HUB = 'destinations:\n  hub: {platform: hubspot, access_token: "${K}", %s}\n'
_PEOPLE = (
    "sources:\n  contacts: {file: contacts.csv, email: Email, %s}\n  orders: {file: o.csv, join: {a: email}, at: at}\n"
)
_ORDERS = "sources:\n  contacts: {file: contacts.csv, email: Email}\n  orders: {file: o.csv, %s}\n"
_VIP = "segments:\n  vip: {when: {city: x}, %s}\n"
_POLICY = "lifecycle:\n  signals: [a]\n  inactive: {after: %s}\n  stages: [{name: a, action: %s}]\n"

SECTIONS = [
    ("destinations", 'destinations:\n  m: {platform: sendgrid, api_key: "${K}"}\n', "sendgrid", "mailchimp, klaviyo"),
    ("destinations", _MAIL % "new_contacts: always", "always", "skip, transactional, pending, subscribed"),
    ("destinations", _HUB % "new_contacts: pending", "pending", "Write one of"),
    ("destinations", _MAIL % "mode: mirorr", "mirorr", "mirror, additive, enrich"),
    ("destinations", _MAIL % "prices: [{up_to: many, price: 3}]", "many", "whole number"),
    ("destinations", _MAIL % "prices: [{up_to: 3, price: cheap}]", "cheap", "1000.5"),
    ("destinations", _MAIL % "guards: {removes_percent: half}", "half", "10%"),
    ("destinations", _MAIL % "guards: {removes: few}", "few", "whole number"),
    ("destinations", _MAIL % "guards: {empty: maybe}", "maybe", "true or off"),
    ("destinations", _MAIL % "guards: {removal: 5}", "removal", '"removes"'),
    ("destinations", _MAIL % "fields: all", "all", "mapping"),
    ("destinations", _HUB % 'tag_property: "9 x"', '"9 x"', "letters, digits"),
    ("sources", _PEOPLE % "preset: shopifi", "shopifi", "shopify"),
    ("sources", _PEOPLE % "delimiter: ';;'", "';;'", "tab"),
    ("sources", _PEOPLE % "encoding: utf-99", "utf-99", "utf-8"),
    ("sources", _PEOPLE % "skip_rows: two", "two", "whole number"),
    ("sources", _PEOPLE % "max_age: fresh", "fresh", "36 hours"),
    ("sources", _PEOPLE % "pick: latest", "latest", "all, newest"),
    ("sources", _PEOPLE % "missing: n.a.", "n.a.", "[one, two]"),
    ("sources", _PEOPLE % "columns: {cost: {type: money}}", "money", "text, integer, number"),
    ("sources", _PEOPLE % "columns: {cost: {decimal: point}}", "point", "Valid: ., ,."),
    ("sources", _ORDERS % "at: at, join: email", "email", "{customer_email: email}"),
    ("timezone", "timezone: Berlin\n", "Berlin", "Europe/Berlin"),
    ("version", "version: two\n", "two", "version 1"),
    ("engine", "engine: mysql\n", "mysql", "duckdb"),
    ("silence", "silence: [unseen-valeu]\n", "unseen-valeu", "unseen-value"),
    ("priorities", "priorities: [[vip, nosuch]]\n", "nosuch", "vip"),
    ("priorities", "priorities: vip\n", "vip", "- [vip, loyal"),
    ("segments", _VIP % "review_by: soon", "soon", "2026-01-31"),
    ("segments", _VIP % "paused: maybe", "maybe", "true or false"),
    ("segments", _VIP % "frozen: 1", "1", "true or false"),
    ("segments", _VIP % "hold: long", "long", "90 days"),
    ("segments", _VIP % "guards: {empty: maybe}", "maybe", "true or off"),
    ("segments", _VIP % "send_to: {mial: {tag: x}}", "mial", '"mail"'),
    ("segments", _VIP % "send_to: {mail: {tags: x}}", "tags", '"tag"'),
    ("segments", _VIP % "send_to: {mail: vips}", "vips", "{tag: VIP}"),
    ("segments", _VIP % "send_to: {mail: {tag: x, mode: merge}}", "merge", "mirror, additive, enrich"),
    ("segments", _VIP % "owners: me", "owners", '"owner"'),
    ("lifecycle", _POLICY % ("ages", "archive"), "ages", "90 days"),
    ("lifecycle", _POLICY % ("90 days", "destroy"), "destroy", "archive, suppress"),
    ("lifecycle", _POLICY % ("90 days", "delete"), "delete", "archive, suppress"),
    ("lifecycle", _POLICY % ("90 days", "archive") + "  ramp: {at_most: some}\n", "some", "5% of contacts"),
    ("lifecycle", _POLICY % ("90 days", "archive") + "  protect: [nobody]\n", "nobody", "vip"),
    ("cleanup", "cleanup: {bounced: {hard: never}}\n", "never", "whole number"),
    ("cleanup", "cleanup: {bounced: {action: erase}}\n", "erase", "remove_tags, report"),
    ("cleanup", "cleanup: {invalid: {typo: ignore}}\n", "ignore", "quarantine, report"),
    ("consent", "consent: agreed\n", "agreed", "when, and proof"),
    ("traits", "traits:\n  spent: {total: orders.amount}\n", "total", "sum, average"),
    ("traits", "traits:\n  spent: {sum: order.amount}\n", "order.amount", '"orders"'),
    ("traits", "traits:\n  spent: {sum: orders.amount, within: long}\n", "long", "90 days"),
]


def only(text: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0]


def shows(problem: Problem, text: str, word: str, valid: str) -> None:
    """The line as it stands in the file (its end may be cut), the marks under the word, the word, what is valid."""
    said, line, marks = str(problem).split("\n")
    bare = word.strip("\"'")
    assert bare in problem.message and valid in said, said
    start = marks.index("^")
    assert line[start : start + marks.count("^")] == word, f"{line}\n{marks}"
    shown = line.partition("| ")[2].strip("…")
    assert shown in text.split("\n")[problem.place.line - 1] and max(map(len, (line, marks))) < 80


@pytest.mark.parametrize(("condition", "word", "valid"), CONDITIONS)
def test_a_word_of_a_condition(condition: str, word: str, valid: str) -> None:
    text = file_when(condition)
    shows(only(text), text, word, valid)


@pytest.mark.parametrize(("section", "written", "word", "valid"), SECTIONS)
def test_a_word_of_a_section(section: str, written: str, word: str, valid: str) -> None:
    text = file_with(**{section: written})
    shows(only(text), text, word, valid)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("segments:\n  vip:\n    when: {city: x}\n  send_to: {mail: {tag: x}}\n", "send_to"),
        ("segments:\n  vip:\n    when: {city: x}\n  title: Very\n", "title"),
        ("segments:\n  vip:\n    when: {city: x}\npaused: true\n", "paused"),
        ("segments:\n  vip:\n    when: {city: x}\nsend_to: {mail: {tag: x}}\n", "send_to"),
    ],
)
def test_a_key_that_is_indented_wrongly_leads_to_its_parent(written: str, key: str) -> None:
    told = only(file_with(segments=written))
    assert f"`{key}` is a key of a segment" in told.message and "“vip” is above it" in told.message


SECRET = "pk_live_verysecret12"


@pytest.mark.parametrize(
    "entry",
    [
        f"{{platform: klaviyo, api_key: {SECRET}, mode: mirorr}}",
        f"{{platform: klaviyo, apikey: {SECRET}, mode: mirorr}}",
        f'{{platform: klaviyo, api_key: "${{K}}", base_url: "https://me:{SECRET}@host"}}',
        f"{{platform: klaviyo, api_key: {SECRET}",
        f'{{platform: klaviyo, api_key: "{SECRET}}}',
        f"{{platform: klaviyo, api_key: {SECRET}, api_key: {SECRET}}}",
        f'{{platform: sendgrid, api_key: "${{K}}"}}  # was {SECRET}',
        f"{{platform: klaviyo, api_key: [{SECRET}]}}",
        f"{{platform: klaviyo, api_key: {{{SECRET}: x}}}}",
        f"{{platform: klaviyo, api_key: &a {SECRET}}}",
    ],
)
@pytest.mark.parametrize("section", ["destinations", "destinatons"])
def test_a_line_with_a_key_is_shown_without_it(entry: str, section: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(file_with(destinations=f"{section}:\n  mail: {entry}\n"), Path("segments.yaml"))
    told = str(caught.value) + json.dumps([problem.as_json() for problem in caught.value.problems])
    assert SECRET not in told and SECRET[3:] not in told


def test_what_no_yaml_is_shows_its_line(tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_text("version: 1\nsegments:\n  vip:\n    when: {country: [US, CA}\n")
    found = launcher.sync(tmp_path, "check")
    assert found.returncode == 2
    assert "   4 |     when: {country: [US, CA}\n" in found.stderr and "^" in found.stderr


def test_wide_signs_tabs_and_long_lines_keep_the_mark_in_place() -> None:
    told = only(file_when(f"city: {{is: 東京, case: {'x' * 90}}}"))
    _, line, marks = str(told).split("\n")
    assert "東京" in line and len(line) <= 80 and marks.count("^") > 5
    before = line[: line.index("x")]
    assert marks.index("^") == len(before) + 2  # two signs that are two columns wide
