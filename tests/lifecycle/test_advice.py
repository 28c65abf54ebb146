"""What `sync check` says of a policy that would archive people by haste, or nobody ever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import launcher

GOOD = """
lifecycle:
  signals: [last_click_at]
  inactive: {after: 90 days, sends: 8}
  protect: [vip]
  stages:
    - {name: win_back, tag: win-back}
    - {name: sunset, after: 30 days, action: default}
  returned: {tag: won-back, for: 60 days}
  ramp: {at_most: 5% of contacts}
"""
FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts:
    {file: people.csv, email: Email, columns: {last_click_at: {type: timestamp}, last_sent_at: {type: timestamp}}}
destinations:
  mailchimp: {platform: mailchimp, api_key: "${MC}", audience: Newsletter, new_contacts: skip}
segments:
  vip: {when: {plan: vip}}
  paid: {when: {plan: paid}, send_to: {mailchimp: {tag: Paid}}}
"""
CODES = {
    "all-protected", "no-ramp", "no-sends", "one-day", "one-stage", "own-mails", "quick-stage", "short-history",
}  # fmt: skip


def advised(folder: Path, policy: str) -> dict[str, str]:
    """Code -> the line of the file that it is about, of the advice of this room."""
    rows = [
        f"p{n}@example.com,{'vip' if n % 3 else 'paid'},2025-0{1 + n % 9}-03,2026-03-0{1 + n % 9}" for n in range(30)
    ]
    (folder / "people.csv").write_text("\n".join(["Email,Plan,Last click at,Last sent at", *rows]) + "\n")
    (folder / "segments.yaml").write_text(FILE + policy)
    found = launcher.sync(folder, "check", "--format", "json", "--as-of", "2026-04-01")
    lines = (folder / "segments.yaml").read_text().splitlines()
    told = json.loads(found.stdout)["advice"]
    return {one["code"]: lines[one["line"] - 1].strip() for one in told if one["code"] in CODES}


def test_a_sound_policy_is_not_talked_about(tmp_path: Path) -> None:
    assert advised(tmp_path, GOOD) == {}


@pytest.mark.parametrize(
    ("code", "sound", "haste"),
    [
        ("one-day", "after: 90 days", "after: 1 day"),
        ("one-day", "for: 60 days", "for: 1 day"),
        ("one-day", "after: 30 days", "after: 1 day"),
        (
            "one-stage",
            "    - {name: win_back, tag: win-back}\n    - {name: sunset, after: 30 days,",
            "    - {name: sunset,",
        ),
        ("own-mails", "signals: [last_click_at]", "signals: [last_click_at, last_sent_at]"),
        ("all-protected", "protect: [vip]", "protect: [vip, paid]"),
        ("no-sends", "sends: 8", "sends: 0"),
        ("short-history", "after: 90 days, sends: 8", "after: 2 years, sends: 40"),
        ("no-ramp", "  ramp: {at_most: 5% of contacts}\n", ""),
        ("quick-stage", "after: 30 days", "after: 10 days"),
    ],
)
def test_haste_is(tmp_path: Path, code: str, sound: str, haste: str) -> None:
    assert sound in GOOD
    assert code in advised(tmp_path, GOOD.replace(sound, haste))
