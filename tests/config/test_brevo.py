"""Brevo in segments.yaml: the sample of its page, and what the file may not ask of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.config.language import platform_words
from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.core.model import Kind

PAGE = Path(__file__).parent.parent.parent / "docs" / "brevo.md"
SOURCES = "version: 1\nsources:\n  contacts: {file: contacts.csv, email: Email}\n"


def sample() -> str:
    found = re.search(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return SOURCES + found[1]


def test_the_sample_of_the_page_is_read() -> None:
    config = load_text(sample(), Path("segments.yaml"))
    account = config.destinations["brevo"]
    assert (account.platform, account.secret.variable) == ("brevo", "BREVO_API_KEY")
    assert account.settings == {"tag_property": "SEGMENT_TAGS"}
    assert config.segments["vip"].send_to[0].targets == ((Kind.TAG, "vip"), (Kind.LIST, "VIP customers"))


def test_it_has_no_columns_of_opens_and_clicks() -> None:
    config = load_text(sample(), Path("segments.yaml"))
    assert set(platform_words.columns(config)) == {"brevo.status", "brevo.status_at", "brevo.suppressed"}


@pytest.mark.parametrize(("action", "good"), [("unsubscribe", True), ("archive", False), ("default", False)])
def test_only_unsubscribing_can_be_written(action: str, good: bool) -> None:
    lifecycle = f"""
lifecycle:
  signals: [ordered]
  inactive: {{after: 90 days}}
  stages: [{{name: last, action: {action}}}]
"""
    try:
        load_text(sample() + lifecycle, Path("segments.yaml"))
    except ConfigError as error:
        assert not good and "not-offered" in {problem.code for problem in error.problems}
    else:
        assert good
