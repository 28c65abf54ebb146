"""`sync rehearsal --load`: a platform's own export fills its rehearsal, opt-outs and tags included."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector import rehearse
from connector.core.errors import ConfigError, SourceError
from connector.rehearsal.core.process import Running
from tests.path import platforms

MAILCHIMP = (
    "Email Address,First Name,Last Name,LTV,MEMBER_RATING,OPTIN_TIME,LAST_CHANGED,TAGS\n"
    'Ann@Example.com,Ann,Abel,12.5,2,2026-01-05 10:00:00,2026-02-05 10:00:00,"""VIP"",""Two, words"""\n'
    "bob@example.com,Bob,Bell,,2,2026-01-05 10:00:00,2026-02-06 10:00:00,\n"
    "nobody,No,Body,,2,,,\n"
)
KLAVIYO = (
    "\ufeffEmail;First Name;Phone Number;Email Marketing Consent;Email Suppressions;segment_tags\n"
    "ann@example.com;Ann;+493012345678;SUBSCRIBED;;\"['VIP', 'Gold']\"\n"
    "bob@example.com;Bob;;UNSUBSCRIBED;;\n"
    "cleo@example.com;Cleo;;SUBSCRIBED;HARD_BOUNCE;\n"
    "dan@example.com;Dan;;NEVER_SUBSCRIBED;;\n"
)
HUBSPOT = (
    "Record ID,First Name,Email,Unsubscribed from all email,Email hard bounce reason,Lifecycle Stage\n"
    "9001,Ann,Ann@Example.com,,,Customer\n"
    "9002,Bob,bob@example.com,Yes,,Lead\n"
    "9003,Cleo,cleo@example.com,No,UNKNOWN_USER,nonsense\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_each_platform_takes_its_own(rehearsal: Running, tmp_path: Path) -> None:
    rehearsal.reset(samples=False)
    assert rehearse.fill(rehearsal, "mailchimp", write(tmp_path, "subscribed_segment_export.csv", MAILCHIMP)) == (2, 3)
    gone = "Email Address,First Name,UNSUB_TIME\ncleo@example.com,Cleo,2026-03-01 10:00:00\n"
    assert rehearse.fill(rehearsal, "mailchimp", write(tmp_path, "unsubscribed_segment_export.csv", gone)) == (1, 1)
    assert platforms.mailchimp_statuses(rehearsal.url) == {
        "ann@example.com": "subscribed", "bob@example.com": "subscribed", "cleo@example.com": "unsubscribed"
    }  # fmt: skip
    assert platforms.mailchimp(rehearsal.url) == {"VIP": {"ann@example.com"}, "Two, words": {"ann@example.com"}}

    assert rehearse.fill(rehearsal, "klaviyo", write(tmp_path, "klaviyo.csv", KLAVIYO)) == (4, 4)
    held = rehearsal.state()["platforms"]["klaviyo"]["contacts"]
    assert sum(held.values()) == 4 and len(held) >= 3
    assert platforms.klaviyo(rehearsal.url)[1] == {"VIP": {"ann@example.com"}, "Gold": {"ann@example.com"}}

    assert rehearse.fill(rehearsal, "hubspot", write(tmp_path, "hubspot.csv", HUBSPOT)) == (3, 3)
    found = platforms.hubspot_properties(rehearsal.url, "hs_email_optout", "lifecyclestage", "firstname")
    assert {email: (one.get("hs_email_optout"), one.get("lifecyclestage")) for email, one in found.items()} == {
        "ann@example.com": (None, "customer"), "bob@example.com": ("true", "lead"), "cleo@example.com": (None, None)
    }  # fmt: skip
    assert rehearsal.state()["platforms"]["hubspot"]["contacts"] == {"contact": 1, "opted out": 1, "bounced": 1}


def test_what_cannot_be_loaded_is_said(rehearsal: Running, tmp_path: Path) -> None:
    people = write(tmp_path, "people.csv", "Name\nAnn\n")
    with pytest.raises(SourceError, match="no column of addresses"):
        rehearse.fill(rehearsal, "klaviyo", people)
    with pytest.raises(ConfigError, match="takes no export"):
        rehearse.fill(rehearsal, "brevo", people)
    for word, why in (("nonsense", "is not PLATFORM=FILE"), ("mailchimp=none.csv", "There is no file none.csv")):
        with pytest.raises(ConfigError, match=why):
            rehearse.exports([word])
    assert rehearse.exports([f"klaviyo={people}"]) == [("klaviyo", people)]
