"""Runs the suite on another day: python -m tests.clock +400 [--busy 2] [arguments of pytest].

The first argument is the number of days, 0 for today; --busy keeps so many processors busy beside it.
"""

from __future__ import annotations

import subprocess
import sys

from tests.clock import ahead

DAY = 24 * 3600


def main(days: int, busy: int, words: list[str]) -> int:
    # The clock is moved before pytest could rewrite time_machine, which is a plugin of it; nothing depends on that.
    command = [sys.executable, "-m", "pytest", "-W", "ignore::pytest.PytestAssertRewriteWarning", *words]
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        return subprocess.run(command, env=ahead(days * DAY)).returncode
    finally:
        for loop in loops:
            loop.kill()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    _, days, *rest = sys.argv
    busy = int(rest[1]) if rest[:1] == ["--busy"] else 0
    sys.exit(main(int(days), busy, rest[2:] if busy else rest))
