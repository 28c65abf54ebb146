"""The process of `sync`: how it begins and how it ends.

Owns: how often Python looks for garbage, the encoding of output, and leaving at once when all is done. Must not: know a
command, or explain an error (main.py). It saves 0.3 to 0.5 s of every command (docs/benchmarks.md).
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys

# What is imported lives as long as the process. At Python's own threshold, a tenth of a push's start is spent looking
# through it for garbage, again and again.
COLLECT_AFTER = 50_000  # new containers


def run() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(COLLECT_AFTER)
    speak()
    leave = Leave()
    atexit.register(leave)  # the first to be registered is the last to be called
    from connector.cli.main import main

    try:
        main()
    except SystemExit as end:
        leave.code = end.code if isinstance(end.code, int) else None
        raise


def speak() -> None:
    """What goes into files and pipes is UTF-8, also where Windows would write an encoding that lacks half of our signs.
    An encoding that was asked for (PYTHONIOENCODING), and a terminal's own, stay: signs that they lack are spelled
    out."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or stream.encoding.lower().replace("-", "") == "utf8":
            continue
        if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8")


class Leave:
    """The last exit handler: threads have ended and every other handler has run, so all that Python would do from
    here on is take apart, object by object, what was imported. That takes 0.3 s after a push."""

    def __init__(self) -> None:
        self.code: int | None = None  # None: Python ends in its own way

    def __call__(self) -> None:
        if self.code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:  # None: the process was started without it
                    stream.flush()
        except OSError:
            return  # Python tells of it
        os._exit(self.code)
