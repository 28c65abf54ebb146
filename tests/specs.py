"""One request or answer of a test, held against the vendor's document at once.

All of a run are, at its end (tests/contract/plugin.py); this is for tests that are about nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from tests.contract import documents
from tests.contract.judge import Exchange, answer_faults, request_faults
from tests.contract.plugin import prepared

needed = pytest.mark.skipif(bool(documents.missing()), reason=documents.missing())


def check_request(vendor: str, request: requests.PreparedRequest) -> None:
    assert request_faults(prepared(vendor, request)) == []


def check_answer(vendor: str, answer: requests.Response) -> None:
    parts, body = urlsplit(answer.url), answer.json() if answer.content else None
    headers = {name.lower(): value for name, value in answer.headers.items()}
    method = answer.request.method or ""
    made = Exchange(vendor, method, parts.path, parts.query, {}, "", answer.status_code, headers, body)
    assert answer_faults(made) == []
