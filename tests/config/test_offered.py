"""What a platform does not offer is refused at its line when the file is read, never by a push."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.core.model import Kind, NewContacts
from connector.vendors import VENDORS

FILE = """version: 1
sources: {{contacts: {{file: a.csv, email: E, columns: {{opt: {{type: boolean}}}}}}}}
consent: {{when: {{opt: true}}, proof: {{at: opted_at}}}}
destinations:
  here:
    platform: {platform}
    {secret}: "{key}"
    {audience}
    new_contacts: {policy}{setting}
segments:
  all: {{when: {{opt: true}}, send_to: {{here: {{{kind}: {name}}}}}}}
{more}
"""
LINE = 9


def read(
    platform: str, policy: str = "skip", kind: str = "tag", more: str = "", name: str = "All", setting: str = ""
) -> None:
    vendor = VENDORS[platform]
    audience = "audience: News" if vendor.audience else "mode: mirror"
    told = {"audience": audience, "policy": policy, "kind": kind, "more": more, "name": name, "setting": setting}
    load_text(FILE.format(platform=platform, secret=vendor.secret, key="${KEY}", **told), Path("segments.yaml"))


@pytest.mark.parametrize("policy", list(NewContacts))
@pytest.mark.parametrize("platform", list(VENDORS))
def test_a_policy_for_new_contacts(platform: str, policy: NewContacts) -> None:
    vendor = VENDORS[platform]
    if policy in vendor.new_contacts:
        read(platform, policy)
        return
    with pytest.raises(ConfigError) as caught:
        read(platform, policy)
    text = str(caught.value)
    assert f"segments.yaml:{LINE}:19: error[not-offered]: {vendor.title} " in text
    valid = {"klaviyo": "skip, transactional", "hubspot": "skip, transactional", "brevo": "skip, subscribed"}
    assert f"“{policy}”" in text and f"Write one of: {valid[platform]}." in text
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("platform", list(VENDORS))
def test_contacts_are_created_only_where_the_file_says_a_word_about_consent(platform: str) -> None:
    vendor = VENDORS[platform]
    policy = next(iter(vendor.new_contacts - {NewContacts.SKIP, NewContacts.SUBSCRIBED}), None)
    audience = "audience: News, " if vendor.audience else ""
    file = (
        "version: 1\nsources: {contacts: {file: a.csv, email: E}}\nCONSENT\n"
        f'destinations: {{here: {{platform: {platform}, {vendor.secret}: "${{KEY}}", '
        f"{audience}new_contacts: POLICY}}}}\n"
        "segments: {all: {when: {email: {exists: true}}}}\n"
    )

    def told(consent: str, policy: NewContacts) -> str:
        try:
            load_text(file.replace("CONSENT", consent).replace("POLICY", policy), Path("segments.yaml"))
        except ConfigError as error:
            return ", ".join(problem.code for problem in error.problems)
        return ""

    assert told("", NewContacts.SKIP) == "" == told("consent: none_needed", NewContacts.SKIP)
    if policy:
        assert told("", policy) == "needs-consent" and told("consent: none_needed", policy) == ""
    if NewContacts.SUBSCRIBED in vendor.new_contacts:
        assert told("consent: none_needed", NewContacts.SUBSCRIBED) == "needs-consent"


def test_a_kind_of_target() -> None:
    read("klaviyo", kind="list")
    with pytest.raises(ConfigError, match=r"error\[no-list\]: Mailchimp has no list"):
        read("mailchimp", kind="list")


STAGE = """lifecycle:
  signals: [opted_at]
  inactive: {after: 90 days}
  stages:
    - {name: quiet, KIND: Quiet}
"""


def test_a_kind_of_target_of_a_stage() -> None:
    read("mailchimp", more=STAGE.replace("KIND", "tag"))
    read("hubspot", more=STAGE.replace("KIND", "list"))
    with pytest.raises(ConfigError, match=r"yaml:16:21: error\[not-offered\]: .* has a list .*write `tag:`"):
        read("mailchimp", more=STAGE.replace("KIND", "list"))


def test_mails_alone_need_a_platform_that_tells_of_them() -> None:
    mails = STAGE.replace("{after: 90 days}", "{sends: 16}").replace("KIND", "tag")
    read("klaviyo", more=mails)
    with pytest.raises(ConfigError, match=r"yaml:14:21: error\[not-offered\]: .*No platform here tells how many mails"):
        read("brevo", kind="list", more=mails.replace("tag:", "list:"))


def test_two_destinations_of_one_account_with_the_same_stages() -> None:
    """The same key and audience: each of them would take off the other's tags."""
    more = STAGE.replace("KIND", "tag")
    twin = FILE.replace("segments:", '  there: {{platform: klaviyo, api_key: "${{KEY}}"}}\nsegments:')
    parts = {"platform": "klaviyo", "secret": "api_key", "key": "${KEY}", "audience": "mode: mirror"}
    text = twin.format(**parts, policy="skip", kind="tag", more=more, name="All", setting="")
    with pytest.raises(ConfigError, match=r"yaml:17:26: error\[same-target\]: .*by here and by there, which are one"):
        load_text(text, Path("segments.yaml"))
    apart = text.replace("  signals:", "- for: {to: there}\n  signals:")
    load_text(apart, Path("segments.yaml"))
    load_text(
        text.replace('there: {platform: klaviyo, api_key: "${KEY}"', 'there: {platform: klaviyo, api_key: "${TOO}"'),
        Path("a"),
    )


@pytest.mark.parametrize(("platform", "kind"), [(name, kind) for name in VENDORS for kind in VENDORS[name].names])
def test_a_name_that_is_too_long(platform: str, kind: str) -> None:
    """Of a segment's target, and of a stage's; at the limit it is taken."""
    longest = VENDORS[platform].names[Kind(kind)].characters
    stage = "lifecycle: {{signals: [opted_at], inactive: {{after: 1 year}}, stages: [{{name: bye, {kind}: {name}}}]}}"
    read(platform, kind=str(kind), more=stage.format(kind=kind, name="x" * longest))
    with pytest.raises(ConfigError, match=f"has {longest + 1} characters, and .* takes {longest} at most") as refused:
        read(platform, kind=str(kind), more=stage.format(kind=kind, name="x" * (longest + 1)))
    assert [problem.code for problem in refused.value.problems] == ["bad-target"]
    with pytest.raises(ConfigError, match=f"takes {longest} at most"):
        read(platform, kind=str(kind), name="y" * (longest + 1))


@pytest.mark.parametrize("platform", [name for name in VENDORS if VENDORS[name].property_name])
def test_a_property_whose_name_is_too_long(platform: str) -> None:
    longest = VENDORS[platform].property_name
    assert longest is not None
    with pytest.raises(ConfigError, match="The name of a property has") as refused:
        read(platform, setting=f"\n    tag_property: {'p' * (longest.characters + 1)}")
    assert [problem.code for problem in refused.value.problems] == ["bad-name"]
