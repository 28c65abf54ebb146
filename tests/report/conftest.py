"""One report of the demo after a first push, made once per run; the tests look at its three forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.app.reporting import gather
from connector.app.workspace import Options, open_workspace
from connector.report.page.document import document
from connector.report.page.html import html
from connector.report.page.text import text
from tests import shared
from tests.path.conftest import AS_OF, new_desk

HOSTILE = "</script><img src=//x.test/a>&\"'{{7*7}}"
EARLIER = "2026-11-10"  # a snapshot; the push is at AS_OF
PUSHED = "klaviyo"  # the others are destinations that nothing was ever pushed to


@dataclass(frozen=True)
class Made:
    folder: Path
    found: dict[str, Any]
    html: str
    text: str


@pytest.fixture(scope="session")
def made() -> Made:
    return shared.once("report", _make)


def _make() -> Made:
    """A title and a goal are hostile, one review is overdue; mail and money are measured, as in the sample."""
    folder = shared.folder() / "report"
    folder.mkdir()
    desk = new_desk(folder)
    kept = desk.sync("snapshot", "--rehearse", as_of=EARLIER)
    assert kept.returncode == 0, kept.stderr
    done = desk.sync("push", "--rehearse", "--yes", "--to", PUSHED)
    assert done.returncode == 0, done.stderr
    written = HOSTILE.replace("'", "''")
    desk.edit("title: VIP customers", f"title: '{written}'\n    review_by: 2026-01-31")
    desk.edit("goal: a third order", "goal: a third order, says anna@shop.test")
    desk.edit("title: Inactive", "title: At risk")
    desk.edit("goal: keep them close", f"goal: '{written}'")
    with open_workspace(Options(file=folder / "segments.yaml", as_of=AS_OF, rehearse=True), offline=True) as workspace:
        found = document(gather(workspace))
    return Made(folder, found, html(found), text(found))
