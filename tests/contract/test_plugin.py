"""The collection itself: what any process of a run keeps is judged, and a fault is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract import documents
from tests.contract.judge import Exchange
from tests.contract.plugin import Record

pytestmark = pytest.mark.skipif(bool(documents.missing()), reason=documents.missing())

HEADERS = {"authorization": "Klaviyo-API-Key x", "revision": "2026-07-15", "accept": "application/vnd.api+json"}


def _asked(query: str) -> Exchange:
    return Exchange("klaviyo", "GET", "/api/lists", query, HEADERS, "")


def test_what_is_kept_is_judged_once(tmp_path: Path) -> None:
    Record(tmp_path).keep(_asked(""))
    judging = Record(tmp_path)
    assert (judging.judge().requests, judging.judge().requests) == (1, 1)
    assert not judging.verdict.faults


def test_a_request_outside_the_documents_is_a_fault(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.keep(_asked("page[sizes]=10"))
    assert record.judge().faults
