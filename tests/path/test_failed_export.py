"""The night after a failed export: segments and plans say so, and no list is emptied silently."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.path.conftest import Desk

HEADER = "order_id,customer_email,ordered_at,amount,category\n"


def _header_only(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")


@pytest.mark.sweep(keep=0)
def test_orders_of_a_header_are_told_everywhere(pushed: Desk) -> None:
    _header_only(pushed.folder / "exports" / "orders.csv")
    words = "WARNING: orders: orders.csv has a header and no row, as after a failed export."
    check = pushed.sync("check")
    assert check.returncode == 0
    assert re.search(r"segments\.yaml:\d+:3: warning\[no-rows\]: orders: orders\.csv has a header", check.stdout)
    assert pushed.sync("check", "--strict").returncode == 2
    assert "no-rows" in {item["code"] for item in pushed.json("check")["findings"]}
    assert words in " ".join(pushed.sync("hygiene").stdout.split())
    assert "no-rows" in {item["code"] for item in pushed.json("hygiene")["findings"]}
    for command in (("segments",), ("members", "inactive")):
        assert words in pushed.sync(*command).stderr
        assert pushed.json(*command)["notes"][0].startswith(words)
    plan = pushed.sync("plan", "--rehearse")
    assert plan.returncode == 0 and words in plan.stdout
    saved = pushed.folder / "night.plan"
    assert pushed.json("plan", "--rehearse", "--out", str(saved))["notes"][0].startswith(words)
    before = pushed.writes()
    for way in ((), ("--plan", str(saved))):
        push = pushed.sync("push", "--rehearse", "--yes", *way)
        assert push.returncode == 3, push.stdout + push.stderr
        assert words in push.stdout and "GUARD empty: mailchimp tag" in push.stdout
        assert "bug" not in push.stdout + push.stderr
    assert pushed.writes() == before


def test_a_night_without_contacts_empties_nothing(pushed: Desk) -> None:
    _header_only(pushed.folder / "exports" / "contacts-2026-11-20.csv")
    before = pushed.writes()
    push = pushed.sync("push", "--rehearse", "--yes")
    assert push.returncode == 3, push.stdout + push.stderr
    for words in (
        "WARNING: contacts: contacts-2026-11-20.csv has a header and no row",
        "GUARD shrunken",
        "GUARD empty",
    ):
        assert words in push.stdout
    assert pushed.writes() == before
    lifecycle = pushed.sync("cleanup", "--rehearse")
    assert "bug" not in lifecycle.stdout + lifecycle.stderr


@pytest.mark.parametrize("content", [b"", b"\n"])
@pytest.mark.sweep(keep=1)
def test_a_file_of_nothing_stops_the_push(pushed: Desk, content: bytes) -> None:
    (pushed.folder / "exports" / "orders.csv").write_bytes(content)
    push = pushed.sync("push", "--rehearse", "--yes")
    assert push.returncode == 2 and "orders.csv" in push.stderr and "bug" not in push.stderr
