"""Runs the named tests, without a mistake and with each, in processes of their own, and judges what they say.

Owns: the variable that asks for a mutant, the processes, the verdicts. Must not: know a mistake.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from connector.vendors import VENDORS
from tests.conformance.mutants.changes import CHANGES
from tests.conformance.mutants.table import Case

VARIABLE = "CONFORMANCE_MUTANT"  # MISTAKE:PLATFORM,PLATFORM…
SUITE = "tests/conformance"
ROOT = Path(__file__).parents[3]
SECONDS = 600
PASSED, FAILED, BROKEN, ABSENT = "passed", "failed", "broken", "not run"
CAUGHT = "caught"


class Told(NamedTuple):
    """What a test said: PASSED …, and why it failed."""

    verdict: str
    why: str = ""


Results = Mapping[tuple[str, str], Told]  # (test, platform) -> …


@contextmanager
def mutated() -> Iterator[None]:
    """With the mistake that the environment asks for, if any."""
    mutant, _, platforms = os.environ.get(VARIABLE, "").partition(":")
    with pytest.MonkeyPatch.context() as patch:
        for platform in platforms.split(",") if mutant else ():
            module, name = VENDORS[platform].adapter.split(":")
            CHANGES[mutant](getattr(import_module(module), name), patch)
        yield


def results(tests: Sequence[str], platforms: Sequence[str], mutant: str = "") -> Results:
    """What the tests say of these platforms: FAILED if one of a test's variants fails, BROKEN if it did not get that
    far."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # The clock may be moved (tests/clock), which imports a plugin of pytest before pytest could rewrite it.
        moved = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *moved, f"--junitxml={report}"]
        command += ["-k", " or ".join(platforms), *(f"{SUITE}/{test}" for test in tests)]
        environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        # What mutants send is not judged by the vendors' documents.
        environment |= {"CONNECTOR_SPECS": folder, VARIABLE: f"{mutant}:{','.join(platforms)}"}
        environment.pop("REHEARSAL_RECORD", None)
        try:
            subprocess.run(command, cwd=ROOT, env=environment, timeout=SECONDS, stdout=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return {}
        told = [(case.get("name", ""), _verdict(case)) for case in ElementTree.parse(report).iter("testcase")]
    return {(test, platform): _of(test, platform, told) for test in tests for platform in platforms}


def _verdict(case: ElementTree.Element) -> Told:
    for part in case:
        if part.tag == "failure":
            return Told(FAILED, part.get("message", "").partition("\n")[0])
        if part.tag in ("error", "skipped"):
            return Told(BROKEN, part.get("message", ""))
    return Told(PASSED)


def _of(test: str, platform: str, told: Sequence[tuple[str, Told]]) -> Told:
    name = test.partition("::")[2]
    found = [one for variant, one in told if variant.startswith((f"{name}[{platform}]", f"{name}[{platform}-"))]
    return min(found, key=lambda one: (FAILED, BROKEN, PASSED).index(one.verdict), default=Told(ABSENT))


def verdict(case: Case, without: Results, with_it: Results) -> Told:
    """CAUGHT, or what is wrong; "" where there is nothing to notice."""
    if case.reason:
        return Told("", case.reason)
    key = case.test, case.platform
    before, after = without.get(key, Told(ABSENT)), with_it.get(key, Told(ABSENT))
    if before.verdict != PASSED:
        return Told("NO PROOF", f"{before.verdict} without the mutant: {before.why}")
    return Told(CAUGHT if after.verdict == FAILED else "NOT CAUGHT", f"{after.verdict}: {after.why}")
