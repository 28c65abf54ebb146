"""Some random histories; ten thousand with `python -m tests.crash.histories`."""

from __future__ import annotations

from tests.crash.histories import run


def test_whatever_happens_the_invariants_hold() -> None:
    run(15)
