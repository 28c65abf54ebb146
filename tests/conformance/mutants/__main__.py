"""`python -m tests.conformance.mutants [PLATFORM…] [--mutant NAME]`: does the suite notice each mistake?

Ends with 1 when a mistake was not noticed, or when a test fails without any.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from connector.vendors import VENDORS
from tests.conformance.mutants.run import CAUGHT, Results, Told, results, verdict
from tests.conformance.mutants.table import NOTICED, Case, cases


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.mutants", description=__doc__)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"of {', '.join(VENDORS)}; all without any")
    parser.add_argument("--mutant", action="append", choices=list(NOTICED), metavar="NAME", help="only this one")
    parser.add_argument("--why", action="store_true", help="show what each test said")
    given = parser.parse_args(words)
    if strange := set(given.platforms) - VENDORS.keys():
        parser.error(f"no such platform: {', '.join(sorted(strange))}")
    chosen = list(cases(given.platforms or list(VENDORS), given.mutant or list(NOTICED)))
    return judged(chosen, given.why)


def judged(chosen: Sequence[Case], why: bool = False) -> int:
    """Prints the table; 1 when something is wrong."""
    started = time.monotonic()
    without, missed = _results(chosen), 0
    print(f"{'platform':<10} {'mutant':<40} {'verdict':<12} test")  # noqa: T201
    for mutant in dict.fromkeys(case.mutant for case in chosen):
        mine = [case for case in chosen if case.mutant == mutant]
        with_it = _results(mine, mutant)
        for case in mine:
            told = verdict(case, without, with_it)
            missed += told.verdict not in (CAUGHT, "")
            print(_line(case, told, why), flush=True)  # noqa: T201
    meant = [case for case in chosen if not case.reason]
    print(f"{len(meant) - missed} of {len(meant)} caught in {time.monotonic() - started:.0f} s")  # noqa: T201
    return 1 if missed else 0


def _line(case: Case, told: Told, why: bool) -> str:
    line = f"{case.platform:<10} {case.mutant:<40} {told.verdict or 'no meaning':<12} {case.test}".rstrip()
    return f"{line}: {told.why}" if why or told.verdict != CAUGHT else line


def _results(chosen: Sequence[Case], mutant: str = "") -> Results:
    meant = [case for case in chosen if not case.reason]
    tests = list(dict.fromkeys(case.test for case in meant))
    return results(tests, list(dict.fromkeys(case.platform for case in meant)), mutant) if meant else {}


if __name__ == "__main__":
    sys.exit(main())
