"""Does the time of evaluation grow with the export and no faster, and what do more segments cost?

Owns: the figures of growth. Must not: judge them.

    python -m benchmarks.linearity              # 100,000 to 3,000,000 contacts; 10 and 50 segments at 1,000,000
    python -m benchmarks.linearity 100000 5     # sizes up to this one, each measured so often

Each measurement is a process of its own; what is printed is the least of them, of the clock and of the processor: other
work on the machine only ever adds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import data
from benchmarks.scale import run

SIZES = (100_000, 300_000, 1_000_000, 3_000_000)
RUNS = 3
SEGMENTS = 10
COMPARED = (1_000_000, 10, 50)


def main(largest: int = SIZES[-1], runs: int = RUNS) -> None:
    sizes = [size for size in SIZES if size <= largest]
    print(f"{'contacts':>10} {'segments':>8} {'seconds':>8} {'per 100k':>8} {'cpu':>8} {'per 100k':>8} {'peak MiB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        least = {(size, SEGMENTS): _measure(Path(folder), size, SEGMENTS, runs) for size in sizes}
        size, few, many = min(COMPARED[0], sizes[-1]), *COMPARED[1:]
        least[size, many] = _measure(Path(folder), size, many, runs)
    for number, what in enumerate(("seconds", "cpu")):
        first, last = (least[one, SEGMENTS][number] / one for one in (sizes[0], sizes[-1]))
        more = least[size, many][number] / least[size, few][number]
        print(
            f"{what}: a contact costs {last / first:.2f} times as much at {sizes[-1]:,} as at {sizes[0]:,}; "
            f"{many} segments cost {more:.2f} times {few}"
        )


def _measure(folder: Path, contacts: int, segments: int, runs: int) -> tuple[float, float]:
    """The least seconds of the clock and of the processor."""
    export = data.contacts(folder / f"contacts-{contacts}.csv", contacts)
    file = data.segments(folder / f"segments-{contacts}-{segments}.yaml", export, segments)
    found = [run("evaluate", file) for _ in range(runs)]
    seconds, cpu = (min(one[name] for one in found) for name in ("seconds", "cpu"))
    part = contacts / 100_000
    print(f"{contacts:>10,} {segments:>8} {seconds:>8.2f} {seconds / part:>8.3f} {cpu:>8.2f} {cpu / part:>8.3f} "
          f"{max(one['peak'] for one in found):>8,.0f}", flush=True)  # fmt: skip
    return seconds, cpu


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
