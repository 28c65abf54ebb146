"""A good file as a Config: values, defaults, places, guards, secrets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from connector.config.language.rules import Duration
from connector.config.sections.codes import CODES, Code
from connector.config.sections.models import Config, Guards, Secret, Source
from connector.config.sections.secrets import resolve
from connector.core.errors import ConfigError
from connector.core.model import Kind, NewContacts, SyncMode
from connector.core.problem import Place
from tests.config.helpers import file_when, file_with, load

EXAMPLE = (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def example() -> Config:
    return load(EXAMPLE)


def test_the_whole_language(example: Config) -> None:
    contacts = example.sources["contacts"]
    assert (contacts.preset, contacts.email, contacts.max_age) == ("hubspot", "Email", Duration(36, "hour"))
    assert contacts.columns["company_size"].from_ == "Company size"
    assert contacts.columns["home"].from_ == ("Latitude", "Longitude")
    assert contacts.columns["tags"].separator == ";"
    assert example.sources["orders"].join == ("customer_email", "email")
    assert list(example.segments)[:2] == ["vip", "inactive"]
    vip = example.segments["vip"]
    assert [(entry.destination, entry.targets) for entry in vip.send_to] == [
        ("mailchimp", ((Kind.TAG, "VIP"),)),
        ("klaviyo", ((Kind.TAG, "vip"), (Kind.LIST, "VIP customers"))),
        ("hubspot", ((Kind.LIST, "VIP customers"),)),
    ]
    assert vip.review_by == "2027-03-31"
    assert example.consent is not None and example.consent.proof_at == "opted_in_at"
    assert example.priorities == (("vip", "loyal", "promising", "everyone_else"),)
    assert example.destinations["mailchimp"].fields == {"FNAME": "first_name", "LTV": "lifetime_value"}
    assert example.destinations["hubspot"].secret == Secret(variable="HUBSPOT_TOKEN")


def test_lifecycle_and_cleanup(example: Config) -> None:
    (policy,), cleanup = example.lifecycle, example.cleanup
    assert cleanup is not None
    assert policy.inactive.after == Duration(90, "day") and policy.inactive.sends == 8
    assert [(stage.name, stage.tag, stage.action) for stage in policy.stages] == [
        ("win_back", "win-back", None),
        ("last_call", "last-call", None),
        ("sunset", None, "archive"),
    ]
    assert policy.ramp is not None and policy.ramp.at_most.percent == Decimal(5)
    assert policy.returned is not None and policy.returned.for_ == Duration(60, "day")
    assert cleanup.bounced is not None and cleanup.bounced.soft == 5
    assert cleanup.invalid.syntax == "quarantine"


def test_defaults() -> None:
    config = load(file_with(timezone="", destinations='destinations: {k: {platform: klaviyo, api_key: "${K}"}}'))
    account = config.destinations["k"]
    assert config.timezone == "UTC" and "timezone" not in config.model_fields_set
    assert (account.new_contacts, account.mode) == (NewContacts.SKIP, SyncMode.MIRROR)
    assert account.settings == {"tag_property": "segment_tags"}
    assert account.guards == Guards()


def test_empty_sections_are_left_out() -> None:
    config = load(file_with(traits="traits:", destinations="destinations:", segments="segments: {a: {when: {x: 1}}}"))
    assert config.traits == {} and config.destinations == {}


def test_platform_settings_and_modes() -> None:
    config = load(
        file_with(
            destinations="""\
            destinations:
              h: {platform: hubspot, access_token: "${H}", version: 2026-03, tag_property: tags, mode: enrich}
              m: {platform: mailchimp, api_key: " ${M} ", audience: 42, base_url: "http://127.0.0.1:9/x/"}
            """,
            segments="segments: {a: {when: {x: 1}, send_to: {h: {}, m: {tag: 2026, mode: additive}}}}",
        )
    )
    assert config.destinations["h"].settings == {"version": "2026-03", "tag_property": "tags"}
    assert config.destinations["m"].audience == "42" and config.destinations["m"].base_url == "http://127.0.0.1:9/x"
    first, second = config.segments["a"].send_to
    assert first.targets == () and second.targets == ((Kind.TAG, "2026"),) and second.mode is SyncMode.ADDITIVE


def test_guards_override_per_key() -> None:
    config = load(
        file_with(
            guards="guards: {adds: 100, removes_percent: off, floor: 10}",
            destinations="""\
            destinations:
              a: {platform: klaviyo, api_key: "${K}"}
              b: {platform: klaviyo, api_key: "${K}", guards: {adds: 5, removes_percent: 2.5%}}
            """,
            segments="segments: {s: {when: {x: 1}, guards: {floor: 0, empty: off}}}",
        )
    )
    assert config.guards_for("a") == Guards(adds=100, removes_percent=None, floor=10)
    assert config.guards_for("b") == Guards(adds=5, removes_percent=2.5, floor=10)
    assert config.guards_for("b", "s") == Guards(adds=5, removes_percent=2.5, floor=0, empty=False)


def test_members_from_implies_frozen() -> None:
    segment = load(file_with(segments="segments: {a: {members_from: m.csv}}")).segments["a"]
    assert segment.frozen and segment.members_from == "m.csv"


def test_silenced() -> None:
    config = load(file_with(silence="silence: [no-goal]", segments="segments: {a: {when: {x: 1}, silence: [tiny]}}"))
    assert config.silenced == ("no-goal",) and config.segments["a"].silenced == ("tiny",)


def test_places() -> None:
    config = load(file_when("amount: {at_least: 5}"))
    loc = ("segments", "vip", "when", "amount")
    line = config.place(loc).line
    assert config.place(loc) == Place("segments.yaml", line, 7)
    assert config.value_place(loc) == Place("segments.yaml", line, 15)
    assert config.place((*loc, "at_least", "nowhere")) == Place("segments.yaml", line, 16)
    assert config.place(()) == Place("segments.yaml", 1, 1)


def test_models_can_be_built_by_hand() -> None:
    source = Source(name="contacts", file="c.csv", max_age=Duration(36, "hour"), join=("a", "email"))
    assert source.max_age == Duration(36, "hour") and source.join == ("a", "email")
    assert Config(path=Path("x/segments.yaml"), sources={"contacts": source}, segments={}).place(("a",)).line == 0


def test_every_code_has_its_line() -> None:
    assert set(CODES) == set(get_args(Code)) and list(CODES) == sorted(CODES)


def test_resolve() -> None:
    secret = Secret(variable="MAIL_KEY")
    assert resolve(secret, {"MAIL_KEY": " abc-us1\n"}) == "abc-us1"
    place = Place("segments.yaml", 5, 3)
    with pytest.raises(ConfigError, match=r"segments.yaml:5:3: error\[secret-not-set\].*MAIL_KEY"):
        resolve(secret, {"MAIL_KEY": "  "}, place)
    with pytest.raises(ConfigError, match="bad-secret") as caught:
        resolve(secret, {"MAIL_KEY": "topsecret value"}, place)
    assert "topsecret" not in str(caught.value)
