"""Output of a command to a terminal, or to the files in its place: text, questions and progress bars, one at a time.

Owns: erasing the bars before anything is printed or asked (they return with the next event), the terminal's width, the
question, and Ctrl-C while it is open. Must not: know a command, or what is printed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from connector.core.events import Event, Listener
    from connector.report.progress import Bars

PERIOD = 0.1  # seconds between two drawings of the bars
PATIENCE = 1.0  # seconds that the last words wait for somebody else who is printing
OF_THE_RECORD = ("notify", "record")  # in place of a destination's name, in notices of the end of a command
WIDTH = 80  # of a terminal that does not tell
_lock = threading.Lock()  # held by the one who prints, draws or asks
_bars: list[Bars] = []  # those that are alive
_logs = threading.Event()  # set: what goes to standard error is JSON


def log_as_json(wanted: bool) -> None:
    """From now on standard error gets one JSON object per line."""
    _logs.set() if wanted else _logs.clear()


def write(text: str, *, err: bool = False, exact: bool = False, after: str = "") -> None:
    """Print a text; on a terminal in lines that fit, unless `exact`. `after` goes before it, on a terminal only."""
    if err and _logs.is_set():
        from connector.notify.log import said

        log(said(text))
        return
    with _lock:
        _erase()
        stream = sys.stderr if err else sys.stdout
        start = after if after and _width(stream) else ""
        typer.echo(start + (text if exact else _fitted(text, stream)), err=err)


def log(line: str) -> None:
    """One line of the log on standard error."""
    with _lock:
        typer.echo(line, err=True)


def say_soon(text: str) -> None:
    """For handlers of signals: printed as soon as nobody else is printing (that may be who was interrupted)."""
    more = {"err": True, "after": "\r"}  # over the ^C that the terminal showed
    threading.Thread(target=write, args=(text,), kwargs=more, name="talk").start()


def last_words(text: str) -> None:
    """For handlers of signals that end the process at once."""
    if _lock.acquire(timeout=PATIENCE):
        _erase()
    with suppress(OSError):
        os.write(sys.stderr.fileno(), f"\n{_fitted(text, sys.stderr)}\n".encode())


def ask(question: str) -> bool:
    """Whether a person agrees; end of input declines, and input typed before the question is discarded.
    Raises Interrupted at Ctrl-C. Nothing else is printed until there is an answer."""
    from connector.core.errors import Interrupted

    def interrupted(signum: int, frame: object) -> None:
        raise Interrupted("Interrupted. Nothing was done.")

    with _lock:
        _erase()
        _forget_typed()
        before = signal.signal(signal.SIGINT, interrupted)
        try:
            return _answer(question)
        except Interrupted:
            typer.echo(err=True)  # the answer's line is not left half-written
            raise
        finally:
            signal.signal(signal.SIGINT, before)


def _forget_typed() -> None:
    with suppress(ImportError, OSError, ValueError):  # no such thing on Windows
        import termios

        with suppress(termios.error):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _answer(question: str) -> bool:
    while True:
        typer.echo(f"{question} [y/N]: ", nl=False, err=True)
        typed = sys.stdin.readline()
        if not typed:
            typer.echo(err=True)
        answer = typed.strip().lower()
        if answer in ("", "n", "no", "y", "yes"):
            return answer in ("y", "yes")
        typer.echo("Please answer y or n.", err=True)


@contextmanager
def listening(quiet: bool, verbose: bool) -> Iterator[Listener]:
    """A listener for as long as the block runs: bars on a terminal that can draw them, else a line when a step is
    over; long waits and, with `verbose`, every request are lines on both."""
    from connector.report.progress import Bars

    if _logs.is_set():
        from connector.notify.log import happened

        yield lambda event: log(line) if (line := happened(event)) else None
    elif quiet:
        yield _urgent
    elif not sys.stderr.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        yield _listener(verbose, None)
    else:
        bars, over = Bars(), threading.Event()
        drawing = threading.Thread(target=_draw, args=(bars, over), name="bars", daemon=True)
        _bars.append(bars)
        drawing.start()
        try:
            yield _listener(verbose, bars)
        finally:
            over.set()
            drawing.join()
            with _lock:
                _erase()
                _bars.remove(bars)


def _urgent(event: Event) -> None:
    """What is told even where the result is for programs: an alert that was not sent, an attempt not recorded."""
    from connector.core.events import Notice

    if isinstance(event, Notice) and event.destination in OF_THE_RECORD:
        write(f"{event.destination}: {event.text}", err=True)


def _listener(verbose: bool, bars: Bars | None) -> Listener:
    from connector.core.events import Progress
    from connector.report.progress import line

    def tell(event: Event) -> None:
        if bars is not None and isinstance(event, Progress):
            with _lock:
                bars.note(event)
        elif text := line(event, verbose):
            write(text, err=True)

    return tell


def _draw(bars: Bars, over: threading.Event) -> None:
    while not over.wait(PERIOD):
        with _lock, suppress(OSError):
            bars.draw()


def _erase() -> None:
    with suppress(OSError):
        for bars in _bars:
            bars.erase()


def _fitted(text: str, stream: TextIO) -> str:
    """What goes to a file or a program is left as it is."""
    from connector.report.fit import fit

    width = _width(stream)
    return fit(text, width) if width else text


def width() -> int:
    """Of standard output; 0 for what is no terminal."""
    return _width(sys.stdout)


def _width(stream: TextIO) -> int:
    """0 for what is no terminal."""
    if stream is None or not stream.isatty():
        return 0
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    return WIDTH
