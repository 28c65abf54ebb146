"""Wrong input of any kind: one clear message with a place, exit code 2, no traceback, the ledger untouched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.path.conftest import Desk


def _truncate(desk: Desk) -> None:
    (desk.folder / "exports" / "orders.csv").write_bytes(b"\xff\xfe\x00\xd8garbage\x00\x00")


def _remove(desk: Desk) -> None:
    (desk.folder / "exports" / "orders.csv").unlink()


CASES: dict[str, tuple[Callable[[Desk], object], tuple[str, ...], str]] = {
    "no file": (lambda desk: (desk.folder / "segments.yaml").unlink(), (), "segments.yaml"),
    "not YAML": (lambda desk: desk.edit("version: 1", "version: [1"), (), "segments.yaml:"),
    "unknown key": (lambda desk: desk.edit("preset: hubspot", "presett: hubspot"), (), "Did you mean"),
    "unknown column": (lambda desk: desk.edit("{email_opt_in: true}", "{email_optin: true}"), (), "segments.yaml:"),
    "wrong type of test": (lambda desk: desk.edit("{at_least: 500}", "{starts_with: a}"), (), "segments.yaml:"),
    "secret in the file": (lambda desk: desk.edit("${HUBSPOT_TOKEN}", "pat-na1-000"), (), "segments.yaml:"),
    "missing export": (_remove, (), "orders.csv"),
    "garbled export": (_truncate, (), "segments.yaml:"),
    "export too old": (lambda desk: None, ("--as-of", "2026-12-24"), "segments.yaml:"),
    "bad moment": (lambda desk: None, ("--as-of", "yesterday"), "--as-of"),
    "unknown destination": (lambda desk: None, ("--as-of", "2026-11-20", "--to", "mailchim"), "mailchimp"),
    "unknown guard": (lambda desk: None, ("--allow", "remove", "--reason", "x"), 'Did you mean "removes"?'),
    "guard without a reason": (lambda desk: None, ("--allow", "removes"), "--reason"),
    "unknown segment": (lambda desk: None, ("--as-of", "2026-11-20", "--only", "vipp"), "vip"),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_ends_in_one_message_and_exit_2(desk: Desk, name: str) -> None:
    damage, words, expected = CASES[name]
    damage(desk)
    words = words or ("--as-of", "2026-11-20")
    done = desk.sync("push", "--rehearse", "--yes", *words, as_of=None)
    assert done.returncode == 2, done.stdout + done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr and "pat-na1-000" not in done.stderr
    assert sum(desk.writes().values()) == 0
    if name not in {"no file", "not YAML", "unknown key", "secret in the file"}:
        assert "Nothing was pushed yet" in desk.sync("status", "--rehearse", as_of=None).stdout


def test_a_missing_secret_names_the_variable_and_nothing_else(desk: Desk) -> None:
    done = desk.sync("doctor", "--to", "mailchimp", env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 2 and "MAILCHIMP_API_KEY" in done.stdout
