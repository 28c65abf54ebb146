"""Runs last: whatever the tests before it sent and were answered is valid under the vendors' documents."""

from __future__ import annotations

import pytest

from tests.contract import documents, plugin


def test_every_request_and_answer_of_this_run_is_in_the_documents(request: pytest.FixtureRequest) -> None:
    kept = plugin.record(request.config)
    if kept is None:
        pytest.skip(documents.missing())
    verdict = kept.judge()
    if not verdict.requests and not verdict.answers:
        pytest.skip("No other test ran, so nothing was sent.")
    assert not verdict.faults, "\n".join(verdict.faults)
