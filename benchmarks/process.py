"""What `connector/cli/process.py` is worth: the same commands with it, and with Python's own beginning and end.

`python -m benchmarks.process [TIMES]`: processor and clock of `sync segments` and `sync plan --rehearse` of the demo,
in turn, each in a process of its own.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time

WITH = "from connector.cli.process import run; run()"
WITHOUT = "from connector.cli.main import main; main()"
COMMANDS = (["segments"], ["plan", "--rehearse"])


def _run(folder: str, start: str, words: list[str]) -> tuple[float, float]:
    """Seconds of the processor, and of the clock."""
    command = [sys.executable, "-c", f"import sys; sys.argv = ['sync', *sys.argv[1:]]; {start}", *words]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, seconds


def main(times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(folder, WITH, ["demo"])
        for words in COMMANDS:
            taken: dict[str, list[tuple[float, float]]] = {WITH: [], WITHOUT: []}
            for _ in range(times):
                for start, found in taken.items():
                    found.append(_run(folder, start, words))
            for name, start in (("with", WITH), ("without", WITHOUT)):
                cpu, clock = zip(*taken[start], strict=True)
                figures = f"processor {statistics.median(cpu):.2f} s (median), clock {min(clock):.2f} s (least)"
                print(f"sync {' '.join(words):18} {name:8} {figures}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
