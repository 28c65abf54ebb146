"""Progress of a run on standard error: bars on a terminal, plain lines elsewhere, nothing when quiet.

Owns: the listeners that turn events into something to look at. Must not: write to standard output.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector.events import Event, Listener, Notice, Progress, RequestSent, Waiting, silent

LONG_WAIT = 2.0  # shorter waits are no news


@contextmanager
def listening(quiet: bool, verbose: bool) -> Iterator[Listener]:
    """A listener for as long as the block runs."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _bars() as listener:
            yield listener
    else:
        yield _lines(verbose)


def _lines(verbose: bool) -> Listener:
    """A line when a step is over, and for long waits; with verbose one per request."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        text = _line(event, verbose)
        if text:
            with lock:
                print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the talk

    return tell


def _line(event: Event, verbose: bool) -> str | None:
    if isinstance(event, Progress) and event.total is not None and event.done >= event.total:
        return f"{event.destination}: {event.step}: {event.done:,}"
    if isinstance(event, Waiting) and event.seconds >= LONG_WAIT:
        return f"{event.destination}: waiting {event.seconds:.0f} s ({event.why})"
    if isinstance(event, Notice):
        return f"{event.destination}: {event.text}"
    if isinstance(event, RequestSent) and verbose:
        answer = event.status or "no answer"
        return f"{event.destination}: {event.method} {event.path} -> {answer} in {event.seconds:.2f} s"
    return None


@contextmanager
def _bars() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[tuple[str, str], int] = {}
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                key = (event.destination, event.step)
                if key not in tasks:
                    tasks[key] = bars.add_task(f"{event.destination}: {event.step}", total=event.total)
                bars.update(tasks[key], completed=event.done, total=event.total)  # type: ignore[arg-type]
            elif isinstance(event, Notice):
                bars.console.print(f"{event.destination}: {event.text}", markup=False, highlight=False)

        yield tell
