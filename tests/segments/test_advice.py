"""The checker's advice: each kind is given where it should, at its place, and nowhere else; and can be silenced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.config.sections.advice_codes import ADVICE, TOLD, WARNINGS
from connector.config.sections.models import Config
from connector.segments.advice.check import advise
from connector.segments.advice.members import probes
from connector.segments.advice.model import Advice, Evidence
from connector.segments.checks import types_of
from connector.segments.evaluate import evaluate
from connector.segments.probes import with_probes
from connector.sources.model import Finding, Loaded
from tests.segments.world import AS_OF, ORDERS, amount, at, config, loaded

# Ibis 12 asks DuckDB 2 for a schema by a name that is about to go.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

TYPES: Mapping[str, Any] = {
    "country": "country",
    "city": "text",
    "age": "integer",
    "spent": "number",
    "joined": "timestamp",
    "birthday": "date",
    "vip": "boolean",
    "tags": "list",
    "last_open_at": "timestamp",
}
PEOPLE = [
    {
        "email": f"p{number}@example.com",
        "country": ["DE", "US", None][number % 3],
        "city": ["Berlin", "Boston", "Paris", "Lyon"][number % 4],
        "age": 20 + number if number % 5 else None,
        "spent": amount("10.50"),
        "joined": at("2026-10-01"),
        "birthday": None,
        "vip": number % 2 == 0,
        "tags": ["wholesale"] if number % 7 == 0 else None,
        "last_open_at": at("2026-11-01"),
    }
    for number in range(60)
]
EVENTS = ([{"_email": "p1@example.com", "_at": at("2026-11-01"), "category": "shoes"}], {"category": "text"})
ABOUT = ("no-goal", "no-owner", "no-description")
HOUSEKEPT = ["no-owner", "no-goal", "no-description"]  # by weight
QUIET = (
    f"silence: [{', '.join((*ABOUT, 'no-timezone', 'overlap', 'nearly-same', 'empty-segment', 'missing-let-in'))}]\n"
)


def given(made: Config, data: Loaded | None = None, as_of: datetime = AS_OF, secrets: tuple[str, ...] = ()) -> Evidence:
    data = data or loaded(PEOPLE, TYPES, {"orders": EVENTS})
    evaluation = evaluate(with_probes(made, probes(made)), data, as_of)
    return Evidence(made, data, evaluation, as_of, types_of(made, data, as_of), secrets)


def told(made: Config, **more: Any) -> list[Advice]:
    return advise(given(made, **more))


def codes(rules: str, *, more: str = QUIET, **how: Any) -> list[str]:
    return [item.code for item in told(config(rules, sources=ORDERS, more=more), **how)]


def rule(text: str, **how: Any) -> list[str]:
    """Codes of a file with this one rule, without unused sources."""
    return [code for code in codes(f"  s: {{when: {text}}}\n", **how) if code != "unused-source"]


NEVER = [
    "{all: [{age: {at_least: 30}}, {age: {less_than: 30}}]}",
    "{age: {more_than: 30, less_than: 31}}",
    "{all: [{spent: {more_than: 5}}, {spent: {at_most: 5}}]}",
    "{all: [{country: US}, {country: Germany}]}",
    "{all: [{country: US}, {not: {country: usa}}]}",
    "{all: [{city: berlin}, {city: {exists: false}}]}",
    "{all: [{joined: {within: 30 days}}, {joined: {more_than_ago: 60 days}}]}",
    "{joined: {before: 2026-01-01, after: 2026-01-01}}",
    "{birthday: {before: 2026-01-01, after: 2025-12-30, on: 2026-01-02}}",
    "{all: [{vip: true}, {vip: false}]}",
    "{all: [{vip: {exists: true}}, {vip: {is_not: true}}, {vip: {is_not: false}}]}",
    "{all: [{tags: {has: a}}, {tags: {has_none: [A, b]}}]}",
    "{all: [{city: {contains: x}}, {not: {city: {contains: x}}}]}",
    "{orders: {count: {less_than: 0}}}",
    "{all: [{orders: {never: true}}, {orders: {count: {at_least: 2}}}]}",
    "{all: [{any: [{age: 1}, {age: 2}]}, {age: {at_least: 3}}]}",
    "{all: [{sample: 10%}, {not: {sample: 10%}}]}",
]
SOMETIMES = [
    "{all: [{age: {at_least: 30}}, {age: {at_most: 30}}]}",
    "{all: [{spent: {more_than: 5}}, {spent: {less_than: 6}}]}",
    "{any: [{age: {at_least: 30}}, {age: {less_than: 30}}]}",  # a missing age is neither
    "{all: [{not: {country: US}}, {not: {country: DE}}]}",
    "{all: [{joined: {more_than_ago: 30 days}}, {joined: {within: 60 days}}]}",
    "{all: [{vip: {is_not: true}}, {vip: {is_not: false}}]}",  # nobody knows
    "{all: [{city: {is: Berlin, case: exact}}, {city: {is: berlin, case: exact}}]}",  # not decided, so not claimed
    "{all: [{tags: {has: wholesale}}, {tags: {size: 1}}]}",
    "{all: [{orders: {never: true, within: 30 days}}, {orders: {count: {at_least: 2}}}]}",
    "{email: {exists: true}, age: {at_least: 30}}",
]
ALWAYS = [
    "{any: [{country: US}, {not: {country: US}}]}",
    "{not: {all: [{age: {at_least: 30}}, {age: {less_than: 30}}]}}",
    "{orders: {count: {at_least: 0}}}",
    "{any: [{age: {at_least: 30}}, {age: {less_than: 30}}, {age: {exists: false}}]}",
]


@pytest.mark.parametrize("text", NEVER)
def test_a_rule_that_can_never_be_true(text: str) -> None:
    assert "never" in rule(text)


@pytest.mark.parametrize("text", SOMETIMES)
def test_a_rule_that_can_be_true_and_false(text: str) -> None:
    assert not {"never", "always"} & set(rule(text))


@pytest.mark.parametrize("text", ALWAYS)
def test_a_rule_that_always_holds(text: str) -> None:
    assert "always" in rule(text)


def test_a_trait_and_a_test_of_events_are_one_thing() -> None:
    more = f"{QUIET}traits:\n  bought: {{count: orders}}\n"
    assert "never" in codes("  s: {when: {bought: {at_least: 2}, orders: {never: true}}}\n", more=more)


def test_a_segment_is_followed() -> None:
    assert codes("  a: {when: {age: 30}}\n  b: {when: {segment: a, age: 31}}\n") == ["never", "unused-source"]
    assert codes("  a: {when: {sample: 50%}}\n  b: {when: {segment: a, not: {sample: 50%}}}\n") == ["unused-source"]


def test_parts_that_change_nothing() -> None:
    never = "{any: [{age: 30}, {all: [{age: 1}, {age: 2}]}]}"
    always = "{all: [{age: 30}, {orders: {count: {at_least: 0}}}]}"
    assert rule(never) == ["never"]
    assert rule(always) == ["always"]


def test_where_is_about_events() -> None:
    text = "{orders: {where: {any: [{category: shoes}, {all: [{category: a}, {category: b}]}]}}}"
    assert set(rule(text)) == {"unseen-value"}


def test_many_choices_end_in_time() -> None:
    pairs = ", ".join(f"{{any: [{{age: {n}}}, {{age: {n + 1}}}]}}" for n in range(25, 60))
    assert rule(f"{{all: [{pairs}]}}") in (["never"], [])


def test_sizes() -> None:
    more = f"silence: [{', '.join(ABOUT)}, missing-let-in, unused-source, overlap]\n"
    many = [{"email": f"p{number}@example.com", "age": number} for number in range(2000)]
    data = loaded(many, {"age": "integer"}, {"orders": EVENTS})
    assert codes("  s: {when: {age: {less_than: 0}}}\n", more=more, data=data) == ["empty-segment"]
    assert codes("  s: {when: {age: {less_than: 9}}}\n", more=more, data=data) == ["tiny"]
    assert codes("  s: {when: {age: {less_than: 10}}}\n", more=more, data=data) == []
    assert codes("  s: {when: {age: {at_least: 100}}}\n", more=more, data=data) == []
    assert codes("  s: {when: {age: {at_least: 99}}}\n", more=more, data=data) == ["everyone"]


def _pair(one: str, other: str, more: str = "") -> list[str]:
    silenced = f"silence: [{', '.join(ABOUT)}, unused-source]\n"
    return codes(f"  one: {{when: {{age: {one}}}}}\n  other: {{when: {{age: {other}}}}}\n", more=silenced + more)


def test_overlap() -> None:
    assert _pair("{less_than: 40}", "{at_least: 40}") == []
    assert _pair("{between: [21, 44]}", "{between: [41, 68]}") == ["overlap"]
    assert _pair("{between: [21, 64]}", "{between: [26, 69]}") == ["nearly-same"]
    assert _pair("{between: [21, 69]}", "{between: [21, 29]}") == ["overlap"]  # one lies in the other
    assert _pair("{between: [21, 44]}", "{between: [41, 68]}", "priorities:\n  - [one, other]\n") == []


def test_a_segment_that_asks_for_the_other_is_meant_to_overlap() -> None:
    more = f"silence: [{', '.join(ABOUT)}, unused-source]\n"
    rules = "  a: {when: {age: {at_least: 30}}}\n  b: {when: {segment: a, vip: true}}\n"
    assert codes(rules, more=more) == []


def test_unreachable() -> None:
    rules = "  a: {when: {age: {at_least: 30}}}\n  b: {when: {age: {at_least: 40}}}\n"
    assert codes(rules, more=f"{QUIET}priorities:\n  - [a, b]\n") == ["unreachable", "unused-source"]
    assert codes(rules, more=f"{QUIET}priorities:\n  - [b, a]\n") == ["unused-source"]


def test_same_rule() -> None:
    rules = (
        "  a: {when: {age: 30, country: [US]}}\n"
        "  b: {when: {all: [{country: US}, {all: [{age: 30}]}]}}\n"
        "  c: {when: {any: [{country: US}, {age: 30}]}}\n"
    )
    assert [code for code in codes(rules) if code == "same-rule"] == ["same-rule"]


def test_missing_values_are_counted() -> None:
    made = config("  s:\n    when:\n      not:\n        country: US\n", sources=ORDERS)
    found = [item for item in told(made) if item.code == "missing-let-in"]
    assert len(found) == 1 and (found[0].place.line, found[0].place.column) == (12, 9)
    assert "20 of the 40" in found[0].message and "country: {exists: true}" in found[0].message
    assert "missing-let-in" not in rule("{not: {country: US}, country: {exists: true}}", more="")
    assert "missing-let-in" not in rule("{not: {not: {country: US}}}", more="")
    assert "missing-let-in" in rule("{tags: {has_none: [wholesale]}}", more="")
    assert "missing-let-in" not in rule("{orders: {never: true}}", more="")


def test_for_people() -> None:
    rules = "  s:\n    when: {age: 31}\n    review_by: 2026-11-20\n"
    silent = "silence: [unused-source]\n"
    assert codes(rules, more=silent) == ["review-by-passed", *HOUSEKEPT]
    today = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
    assert codes(rules, more=silent, as_of=today) == HOUSEKEPT
    full = "  s: {when: {age: 31}, goal: g, owner: o, description: d}\n"
    assert codes(full, more=silent) == []


def test_timezone_secrets_and_too_many() -> None:
    accounts = "destinations:\n  mail: {platform: mailchimp, api_key: '${MAIL_KEY}', audience: News}\n"
    ages = (str([20 + part, 40 + part]) for part in range(8))
    rules = "".join(
        f"  s{n}: {{when: {{age: {age}}}, send_to: {{mail: {{tag: T{n}}}}}}}\n" for n, age in enumerate(ages)
    )
    assert [item for item in codes(rules, more=QUIET + accounts) if item != "unused-source"] == [
        "secret-not-set",
        "too-many-segments",
    ]
    few = "".join(rules.splitlines(keepends=True)[:6])
    assert codes(few, more=QUIET + accounts, secrets=("MAIL_KEY",)) == ["unused-source"]


def test_unused() -> None:
    sources = ORDERS + "  visits: {file: v.csv, join: {email: email}, columns: {page: {type: text}}}\n"
    more = f"{QUIET}traits:\n  bought: {{count: orders}}\n  spent_ever: {{count: orders, where: {{category: shoes}}}}\n"
    made = config("  s: {when: {bought: {at_least: 1}}}\n", sources=sources, more=more)
    assert [(item.code, item.message.split("“")[1].split("”")[0]) for item in told(made)] == [
        ("unused-source", "visits"),
        ("unused-trait", "spent_ever"),
    ]


def test_columns_without_any_value() -> None:
    data = loaded(PEOPLE, TYPES, {"orders": EVENTS})
    data.empty = {"contacts": frozenset({"birthday"})}
    assert rule("{birthday: {within: 7 days}, age: {at_least: 3}}", data=data) == ["empty-column"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{city: Bostn}", 'Did you mean "Boston"?'),
        ("{city: [Berlin, Rome]}", "It has: Berlin, Boston, Lyon, Paris."),
        ("{city: {is_not: Pariss}}", 'Did you mean "Paris"?'),
        ("{city: {is: berlin, case: exact}}", 'Did you mean "Berlin"?'),
        ("{country: France}", "It has: DE, US."),
        ("{tags: {has: wholesaler}}", 'Did you mean "wholesale"?'),
        ("{orders: {where: {category: shoe}}}", 'Did you mean "shoes"?'),
    ],
)
def test_a_value_that_nobody_has(text: str, hint: str) -> None:
    made = config(f"  s: {{when: {text}}}\n", sources=ORDERS, more=QUIET)
    found = [item for item in told(made) if item.code == "unseen-value"]
    assert len(found) == 1 and hint in found[0].message


@pytest.mark.parametrize("text", ["{city: ' BERLIN '}", "{country: United States}", "{age: 999}", "{email: x@y.test}"])
def test_values_that_are_there_or_cannot_be_known(text: str) -> None:
    assert "unseen-value" not in rule(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{last_open_at: {within: 30 days}}", True),
        ("{last_open_at: {within: 30 days}, country: US}", True),
        ("{orders: {where: {category: [opened, open]}}}", True),
        ("{any: [{last_open_at: {within: 30 days}}, {orders: {}}]}", False),
        ("{orders: {where: {category: [opened, clicked]}}}", False),
        ("{country: US}", False),
    ],
)
def test_opens_as_the_only_signal(text: str, expected: bool) -> None:
    assert ("opens-only" in rule(text)) is expected


def test_a_platform_that_was_never_read() -> None:
    more = f"{QUIET}destinations:\n  mail: {{platform: mailchimp, api_key: '${{M}}', audience: A}}\n"
    rules = "  s: {when: {not: {mail.suppressed: true}, age: 31}}\n"
    found = told(config(rules, sources=ORDERS, more=more), secrets=("M",))
    assert [item.code for item in found] == ["not-read-yet", "unused-source"]
    assert "sync plan" in found[0].message and found[0].place.line == 9


def test_what_was_guessed() -> None:
    data = loaded(PEOPLE, TYPES, {"orders": EVENTS})
    data.findings = [
        Finding("ambiguous-date", "contacts", "joined", 3, "values can be read two ways."),
        Finding("duplicates", "contacts", "email", 3, "rows"),
    ]
    assert rule("{age: 30}", data=data) == ["ambiguous-date"]


def test_silence() -> None:
    base = config("  s:\n    when: {age: 30}\n", sources=ORDERS)
    assert "no-goal" in {item.code for item in told(base)}
    there = config("  s:\n    when: {age: 30}\n    silence: [no-goal]\n", sources=ORDERS)
    assert {item.code for item in told(base)} - {item.code for item in told(there)} == {"no-goal"}
    everywhere = config("  s:\n    when: {age: 30}\n", sources=ORDERS, more="silence: [no-owner, no-goal]")
    assert {item.code for item in told(base)} - {item.code for item in told(everywhere)} == {"no-goal", "no-owner"}
    assert told(base)[0].silence.startswith(f"silence: [{told(base)[0].code}]")


def test_every_code_of_advice_is_given_somewhere() -> None:
    """The table and the code that gives advice name the same codes."""
    folder = Path(__file__).parents[2] / "connector" / "segments" / "advice"
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    given_codes = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', text))
    assert set(ADVICE) - set(WARNINGS) - set(TOLD) <= given_codes  # those come from the load


def test_an_old_export(tmp_path: Path) -> None:
    from connector.app.advice import check
    from connector.app.workspace import Options, open_workspace

    export = tmp_path / "contacts-2026-11-01.csv"
    export.write_text("email,when\na@example.com,01/02/2026\nb@example.com,03/04/2026\n", encoding="utf-8")
    file = tmp_path / "segments.yaml"
    file.write_text(
        "version: 1\nsources: {contacts: {file: contacts-*.csv, email: email, columns: {when_: {from: when}}}}\n"
        "segments: {s: {when: {when_: {within: 90 days}}}}\n",
        encoding="utf-8",
    )
    with open_workspace(Options(file=file, as_of="2026-11-10")) as workspace:
        found = {item.code: item.place.line for item in check(workspace).advice}
    assert found["stale-export"] == 2 and found["no-timezone"] == 1 and found["ambiguous-date"] == 2
    export.rename(tmp_path / "contacts-2026-11-09.csv")
    with open_workspace(Options(file=file, as_of="2026-11-10")) as workspace:
        assert "stale-export" not in {item.code for item in check(workspace).advice}


@pytest.mark.parametrize(
    ("header", "consent", "told"),
    [
        ("Email Opt Out", "", True),
        ("Accepts Email Marketing", "", True),
        ("Unsubscribed", "", True),
        ("Newsletter-Einwilligung", "", True),
        ("Désinscrit", "", True),
        ("Options", "", False),
        ("Email Opt Out", "consent: {when: {not: {email_opt_out: 'yes'}}}\n", False),
    ],
)
def test_a_column_about_consent_that_nothing_asks(tmp_path: Path, header: str, consent: str, told: bool) -> None:
    from connector.app.advice import check
    from connector.app.workspace import Options, open_workspace

    (tmp_path / "contacts.csv").write_text(f"Email,{header}\na@example.com,yes\n", encoding="utf-8")
    (tmp_path / "segments.yaml").write_text(
        f"version: 1\nsources: {{contacts: {{file: contacts.csv, email: Email}}}}\n{consent}"
        'destinations: {klav: {platform: klaviyo, api_key: "${KLAVIYO_API_KEY}"}}\n'
        "segments: {s: {when: {email: {exists: true}}, send_to: {klav: {tag: s}}}}\n",
        encoding="utf-8",
    )
    with open_workspace(Options(file=tmp_path / "segments.yaml", as_of="2026-11-10")) as workspace:
        assert ("no-consent" in {item.code for item in check(workspace).advice}) == told


@pytest.mark.parametrize(
    ("condition", "tied"),
    [
        ("age: {top: 10}", False),  # everybody has another one
        ("vip: true, spent: {top: 10}", True),
        ("spent: {bottom: 10%}", True),
        ("spent: {top: 60}", False),  # everybody
        ("spent: {top: 100%}", False),
        ("orders_ever: {top: 1}", False),
        ("orders_ever: {top: 5}", True),
        ("age: {top: 3, by: country}", False),
        ("spent: {top: 3, by: country}", True),
    ],
)
def test_a_cut_among_equals_is_told(condition: str, tied: bool) -> None:
    rules = f"  r: {{when: {{{condition}}}}}"
    more = QUIET + "traits: {orders_ever: {count: orders}}\n"
    assert ("tied-cut" in codes(rules, more=more)) == tied
