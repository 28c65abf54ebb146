"""The mistakes that the suite must notice: the table is complete and honest, and the script works. All of them take two
minutes: `python -m tests.conformance.mutants`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import pytest

from connector.core.model import Op
from connector.platforms.base import Adapter
from connector.vendors import VENDORS
from tests.conformance.kits import KITS, Kit
from tests.conformance.mutants import run
from tests.conformance.mutants.__main__ import main
from tests.conformance.mutants.changes import CHANGES
from tests.conformance.mutants.run import FAILED, PASSED, Told, verdict
from tests.conformance.mutants.table import NOTICED, WITHOUT_MEANING, Case, cases

THROTTLE = "test_requests.py::test_a_throttle_holds_every_request"


def test_every_mistake_of_every_platform_is_noticed_by_a_test_or_has_no_meaning_there() -> None:
    assert NOTICED.keys() == CHANGES.keys()
    told = list(cases(list(VENDORS), list(NOTICED)))
    assert {(case.platform, case.mutant) for case in told} == {(one, other) for one in VENDORS for other in NOTICED}
    for platform, mutant, test in WITHOUT_MEANING:
        assert platform in VENDORS and test in ("", *NOTICED[mutant])
    for file, _, test in (each.partition("::") for tests in NOTICED.values() for each in tests):
        assert hasattr(import_module(f"tests.conformance.{file.removesuffix('.py')}"), test)


def test_a_mistake_has_no_meaning_only_where_the_platform_has_nothing_of_the_kind(adapter: Adapter, kit: Kit) -> None:
    without = {(mutant, test) for platform, mutant, test in WITHOUT_MEANING if platform == kit.name}
    offered = adapter.capabilities.operations
    pace = "test_requests.py::test_requests_keep_the_pace_that_the_vendor_allows"
    assert (("MOVE that sends nothing", "") in without) == ((Op.MOVE, None) not in offered)
    assert (("unfinished empty", "") in without) == (not any(spec.asynchronous for spec in offered.values()))
    assert (("no rate limiter", pace) in without) == (not KITS[kit.name].paces)


@pytest.mark.parametrize(
    ("without", "with_it", "expected"),
    [
        (PASSED, FAILED, "caught"),
        (PASSED, PASSED, "NOT CAUGHT"),
        (PASSED, run.BROKEN, "NOT CAUGHT"),
        (PASSED, run.ABSENT, "NOT CAUGHT"),
        (FAILED, FAILED, "NO PROOF"),
        (run.BROKEN, FAILED, "NO PROOF"),
        (run.ABSENT, FAILED, "NO PROOF"),
    ],
)
def test_only_a_failure_that_is_due_to_the_mistake_counts(without: str, with_it: str, expected: str) -> None:
    case = Case("klaviyo", "no rate limiter", THROTTLE)
    key = case.test, case.platform
    assert verdict(case, {key: Told(without)}, {key: Told(with_it)}).verdict == expected


def test_the_script_runs_the_named_tests_with_and_without_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["klaviyo", "brevo", "--mutant", "no rate limiter", "--mutant", "MOVE that sends nothing"]
    assert main(words) == 0
    table = capsys.readouterr().out
    assert "klaviyo    MOVE that sends nothing                  caught" in table
    assert "brevo      MOVE that sends nothing                  no meaning" in table
    assert "5 of 5 caught" in table


def test_the_script_ends_with_1_when_a_mistake_is_not_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def blind(tests: Sequence[str], platforms: Sequence[str], mutant: str = "") -> run.Results:
        return {(test, platform): Told(PASSED) for test in tests for platform in platforms}

    monkeypatch.setattr("tests.conformance.mutants.__main__.results", blind)
    assert main(["klaviyo", "--mutant", "unfinished empty"]) == 1
    assert "NOT CAUGHT" in capsys.readouterr().out
