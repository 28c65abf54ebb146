"""Who consents by the rule with a word that says otherwise is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app.advice import check
from connector.app.workspace import Options, open_workspace
from connector.segments.advice.consent import says_opted_out

FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts: {{file: people.csv, email: Email}}
consent: {{when: {when}}}
segments:
  all: {{when: {{email: {{exists: true}}}}}}
"""


def told(folder: Path, when: str, *statuses: str) -> list[str]:
    rows = [f"p{number}@example.com,{status}" for number, status in enumerate(statuses)]
    (folder / "people.csv").write_text("\n".join(["Email,Status", *rows, ""]))
    (folder / "segments.yaml").write_text(FILE.format(when=when))
    with open_workspace(Options(file=folder / "segments.yaml")) as workspace:
        return [item.message for item in check(workspace).advice if item.code == "consent-lets-in"]


def test_a_negated_rule_lets_another_word_in(tmp_path: Path) -> None:
    words = ("subscribed", "unsubscribed", "Opted Out", "opted out", "subscribed")
    (message,) = told(tmp_path, "{status: {is_not: unsubscribed}}", *words)
    assert message.startswith("2 people count as consenting with “Opted Out” in status")
    assert told(tmp_path, "{status: subscribed}", *words) == []
    assert told(tmp_path, "{status: {is_not: unsubscribed}}", "subscribed", "unsubscribed") == []


def test_no_address_is_shown(tmp_path: Path) -> None:
    assert told(tmp_path, "{not: {status: cleaned}}", "cleaned", "opted out: ann@example.com") == []


def test_one_person_is_one(tmp_path: Path) -> None:
    (message,) = told(tmp_path, "{not: {status: cleaned}}", "subscribed", "cleaned", "Hard bounce")
    assert message.startswith("1 person counts as consenting with “Hard bounce”")


@pytest.mark.parametrize(
    "word",
    ["Opted Out", "opt-out", "UNSUBSCRIBED", "do not email", "Suppressed", "spam complaint", "bounced", "cleaned",
     "abgemeldet", "Widerrufen", "désabonné", "desinscrit", "dado de baja", "disiscritto", "uitgeschreven",
     "descadastrado", "wypisany"],
)  # fmt: skip
def test_words_of_opt_outs(word: str) -> None:
    assert says_opted_out(word)


@pytest.mark.parametrize(
    "word",
    ["subscribed", "opted in", "never unsubscribed", "not opted out", "nicht abgemeldet", "Bounceback Ltd", "yes"],
)
def test_other_words(word: str) -> None:
    assert not says_opted_out(word)
