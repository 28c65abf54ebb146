"""Progress of a run in words and as bars at the bottom of a terminal.

Owns: the words of events, and drawing and erasing the bars. Must not: decide when bars may be seen (cli/terminal.py
does, and holds a lock while it calls them), or write to standard output.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.core.events import Event, Notice, Progress, RequestSent, Waiting
from connector.report.values import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

LONG_WAIT = 2.0  # shorter waits are no news
FREE = 4  # columns right of the bars: what is typed there ("^C") must not begin a new line


def is_over(event: Progress) -> bool:
    return event.total is not None and event.done >= event.total


def line(event: Event, verbose: bool) -> str | None:
    """What is said of an event in a line of its own: a step that is over, a long wait, with `verbose` each request."""
    if isinstance(event, Progress):
        return f"{event.destination}: {event.step}: {event.done:,}" if is_over(event) else None
    if isinstance(event, Waiting):
        long = event.seconds >= LONG_WAIT
        return f"{event.destination}: waiting {event.seconds:.0f} s ({event.why})" if long else None
    if isinstance(event, Notice):
        return f"{event.destination}: {event.text}"
    if isinstance(event, RequestSent) and verbose:
        answer = event.status or "no answer"
        return f"{event.destination}: {event.method} {event.path} -> {answer} in {event.seconds:.2f} s"
    return None


@dataclass(slots=True)
class _Step:
    """One bar: since when, how far; `drawn` is its number on the screen."""

    title: str
    done: int = 0
    total: int | None = None
    began: float = field(default_factory=time.monotonic)
    fresh: bool = True  # heard of since the bars were last erased
    drawn: TaskID | None = None


class Bars:
    """One bar per step that was heard of since the last `erase`. Not thread-safe."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], _Step] = {}
        self._bars: Any = None  # rich's, while they are on the screen

    def note(self, event: Progress) -> None:
        title = printable(f"{event.destination}: {event.step}")
        step = self._steps.setdefault((event.destination, event.step), _Step(title))
        step.done, step.total, step.fresh = event.done, event.total, True

    def draw(self) -> None:
        """Bring the screen up to date; nothing when there is no news since the bars were erased."""
        steps = [step for step in self._steps.values() if step.fresh]
        if not steps:
            return
        new = self._bars is None
        if new:
            self._bars = _rich()
        console, bars = self._bars.console, self._bars
        shown = _chosen(steps, console.height - 2)
        for step in steps:
            if step.drawn is None:
                step.drawn = bars.add_task(_cut(step.title, console), total=step.total)
                next(task for task in bars.tasks if task.id == step.drawn).start_time = step.began
            bars.update(step.drawn, completed=step.done, total=step.total, visible=any(step is one for one in shown))
        bars.start() if new else bars.refresh()

    def erase(self) -> None:
        """Leave no trace on the screen; the next `draw` shows only what is heard of from now on."""
        bars, self._bars = self._bars, None
        for step in self._steps.values():
            step.fresh, step.drawn = False, None
        if bars is not None:
            bars.stop()


def _chosen(steps: list[_Step], room: int) -> list[_Step]:
    """Those that the screen has room for: steps that are over give way first, then the oldest."""
    under_way = [step for step in steps if step.total is None or step.done < step.total]
    return steps if len(steps) <= room else under_way[-max(1, room) :] or steps[-1:]


def _cut(title: str, console: Console) -> str:
    from rich.cells import cell_len, set_cell_size

    room = max(8, console.width - _bar(console.width) - 25)  # 25: counts, time, blanks
    return title if cell_len(title) <= room else set_cell_size(title, room - 1) + "…"


def _bar(width: int) -> int:
    return max(5, min(30, width // 6))


def _rich() -> Any:
    """Bars that leave stdout and stderr alone, have no thread of their own and never hide the cursor: whatever ends
    this process, the terminal is as it was."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    class Plain(Console):
        def show_cursor(self, show: bool = True) -> bool:
            return False

    console = Plain(stderr=True, force_terminal=True, force_interactive=True)
    console.width = max(1, console.width - FREE)
    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(_bar(console.width)),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
