"""`connector` for the shell parts of deploy/: a fork, as in tests/launcher.py, which costs no start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.launcher import Fork

if __name__ == "__main__":
    with Fork(["sync", *sys.argv[1:]], Path.cwd(), os.environ, [0, 1, 2]) as child:
        sys.exit(child.wait())
