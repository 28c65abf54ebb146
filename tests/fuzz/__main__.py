"""`python -m tests.fuzz [FILES] [EXPORTS]`: damaged segments.yaml files and exports (2,000 and 500 unless told)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz import run
from tests.fuzz.desk import Tally

STEP = 25


def _swept(what: str, sweep: Callable[[range], Tally], number: int) -> Tally:
    started, tally = time.monotonic(), Tally()
    parts = [range(first, min(first + STEP, number)) for first in range(0, number, STEP)]
    with ProcessPoolExecutor(2) as pool:
        for done in pool.map(sweep, parts):
            tally += done
    print(  # noqa: T201
        f"{number} damaged {what}: {tally.refused} refused with a place (exit 2), {tally.legal} still legal (exit 0), "
        f"{len(tally.wrong)} wrong; {time.monotonic() - started:.0f} s",
        flush=True,
    )
    for seed, damage, problem in tally.wrong:
        print(f"  seed {seed}, {damage}: {problem}")  # noqa: T201
    return tally


def main(files: int = 2000, exports: int = 500) -> int:
    tallies = [_swept("segments.yaml", run.files, files), _swept("exports", run.sources, exports)]
    return 1 if any(tally.wrong for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
