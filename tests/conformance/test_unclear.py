"""Consent that the export does not tell clearly does not hold: the person is blocked with a reason of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from connector.core.model import Kind
from tests import launcher
from tests.conformance.desk import Desk, Person
from tests.conformance.kits import Kit

OUT, IN, SILENT, ODD, BOTH, NEWER = (f"{name}@example.com" for name in ("out", "in", "silent", "odd", "both", "newer"))
REASON = "consent_unclear"


def asking(desk: Desk, kit: Kit, rule: object, **contacts: object) -> None:
    desk.setup([kit], {kit.name: kit.creates})
    rewrite(desk, lambda document: document["consent"].update(when=rule))
    rewrite(desk, lambda document: document["sources"]["contacts"].update(contacts))


def rewrite(desk: Desk, change: Callable[[dict[str, Any]], object]) -> None:
    path = desk.folder / "segments.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def blocked(desk: Desk) -> tuple[dict[str, str], set[str]]:
    plan, result = desk.push()
    assert result is None or not result.errors
    return {row["email"]: row["reason"] for row in plan.blocked.to_pylist()}, set(plan.changes["email"].to_pylist())


@pytest.mark.sweep(keep=2)
def test_an_opt_out_that_is_not_understood(desk: Desk, kit: Kit) -> None:
    """“Opted out” is asked for, so that a cell that cannot be read would count as no opt-out."""
    asking(desk, kit, {"not": {"consent": True}})
    rows = [Person(OUT, consent="yes"), Person(IN, consent="no"), Person(SILENT, consent="")]
    odd = [Person(ODD, consent="opted out?")]
    contradicting = [Person(BOTH, consent="no"), Person(BOTH, consent="yes"), Person(BOTH, consent="no")]
    desk.export([*rows, *odd, *contradicting])
    why, changed = blocked(desk)
    assert why == {OUT: "no_consent", ODD: REASON, BOTH: REASON}
    assert changed == {IN, SILENT}
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == {IN, SILENT}


@pytest.mark.sweep(keep=1)
def test_a_member_whose_consent_becomes_unclear_leaves(desk: Desk, kit: Kit) -> None:
    asking(desk, kit, {"not": {"consent": True}})
    people = [Person(IN, consent="no"), Person(ODD, consent="no")]
    for _ in range(2):
        desk.export(people)
        desk.push()
    desk.export([people[0], replace(people[1], consent="opt-out?")])
    desk.push()
    for kind in kit.kinds:
        assert kit.members(Kind(kind), "vip") == {IN}


@pytest.mark.parametrize("rule", [{"consent": True}, {"not": {"consent": False}}, {"any": [{"consent": True}]}])
@pytest.mark.sweep(keep=3)
def test_rows_that_disagree_and_are_equally_new(desk: Desk, kit: Kit, rule: object) -> None:
    asking(desk, kit, rule, updated_at="opted_in_at")
    old, new = "2026-01-01T10:00:00Z", "2026-02-01T10:00:00Z"
    desk.export(
        [
            Person(BOTH, consent="yes", proof=new),
            Person(BOTH, consent="no", proof=new),
            Person(NEWER, consent="no", proof=old),
            Person(NEWER, consent="yes", proof=new),
        ]
    )
    why, changed = blocked(desk)
    assert (why, changed) == ({BOTH: REASON}, {NEWER})


@pytest.mark.sweep(keep=1)
def test_check_and_why_say_so(desk: Desk, kit: Kit) -> None:
    asking(desk, kit, {"not": {"consent": True}})
    desk.export([Person(IN, consent="no"), Person(ODD, consent="opted out?")])
    said = launcher.sync(desk.folder, "check")
    assert said.returncode == 0 and "their consent does not hold" in said.stdout, said.stdout + said.stderr
    told = launcher.sync(desk.folder, "why", ODD).stdout
    assert "not understood or contradict" in told, told


WORDS = {"Ja": OUT, "oui": "fr@example.com", "Sí (01.03.2024)": "es@example.com", "TAK": "pl@example.com"}


@pytest.mark.parametrize(
    "rule",
    [
        {"not": {"consent": True}},
        {"segment": "free"},  # the rule is in a segment
    ],
)
@pytest.mark.sweep(keep=2)
def test_the_words_of_other_languages_and_dates_behind_them(desk: Desk, kit: Kit, rule: object) -> None:
    asking(desk, kit, rule)
    rewrite(desk, lambda document: document["segments"].update(free={"when": {"not": {"consent": True}}}))
    rows = [Person(email, consent=word) for word, email in WORDS.items()]
    rows += [Person(IN, consent="Nein"), Person(SILENT, consent="não"), Person(ODD, consent="abgemeldet")]
    desk.export(rows)
    why, changed = blocked(desk)
    assert why == dict.fromkeys(WORDS.values(), "no_consent") | {ODD: REASON}
    assert changed == {IN, SILENT}


@pytest.mark.parametrize("word", ["Yes", "ja"])
@pytest.mark.sweep(keep=2)
def test_a_column_of_texts_that_is_asked_for_yes(desk: Desk, kit: Kit, word: str) -> None:
    """Without a type a column of such words is one of texts, and `not` lets in whatever is written otherwise."""
    asking(desk, kit, {"not": {"consent": word}})
    rewrite(desk, lambda document: document["sources"]["contacts"]["columns"].pop("consent"))
    rewrite(desk, lambda document: document["segments"]["gold"].update(when={"not": {"consent": word}}))
    rows = [Person(OUT, consent="ja"), Person(NEWER, consent="YES"), Person(ODD, consent="YES (2024-03-01)")]
    rows += [Person(BOTH, consent="opted out"), Person(IN, consent="nein"), Person(SILENT, consent="")]
    desk.export(rows)
    why, changed = blocked(desk)
    assert changed == {IN, SILENT}
    assert why == dict.fromkeys((OUT, NEWER, ODD), "no_consent") | {BOTH: REASON}
    members = launcher.sync(desk.folder, "members", "gold", "--format", "csv").stdout
    assert {line for line in members.split() if "@" in line} == {IN, SILENT}


@pytest.mark.sweep(keep=1)
def test_texts_that_contradict_each_other(desk: Desk, kit: Kit) -> None:
    asking(desk, kit, {"consent": "subscribed"})
    rewrite(desk, lambda document: document["sources"]["contacts"]["columns"].pop("consent"))
    rewrite(desk, lambda document: document["segments"]["vip"].update(when={"consent": "subscribed"}))
    rows = [Person(BOTH, consent="unsubscribed"), Person(BOTH, consent="subscribed"), Person(IN, consent="Subscribed")]
    desk.export(rows)
    _, changed = blocked(desk)
    assert changed == {IN}
    members = launcher.sync(desk.folder, "members", "vip", "--format", "csv").stdout
    assert {line for line in members.split() if "@" in line} == {IN}


@pytest.mark.sweep(keep=2)
def test_the_cell_is_shown(desk: Desk, kit: Kit) -> None:
    asking(desk, kit, {"not": {"consent": True}})
    desk.export([Person(IN, consent="no"), Person(ODD, consent="opted out")])
    said = launcher.sync(desk.folder, "check").stdout
    assert "contacts.csv row 3, “opted out”" in said, said
