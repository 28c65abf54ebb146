"""Every command that was to change something leaves a record, however it ended, and the alerts are sent.

Owns: writing the attempt down, and the order of record, alerts and metrics. Must not: change how the command ends:
whatever fails here is told as a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app import alerting
from connector.app.attempts import FAILED, Attempting, members
from connector.app.workspace import Workspace, open_state
from connector.core.errors import ConnectorError, StateError
from connector.core.events import Notice
from connector.core.scrub import scrub
from connector.state.attempts import Attempt

if TYPE_CHECKING:
    from connector.notify.tally import Tally
    from connector.state.base import Store


@contextmanager
def attempting(
    workspace: Workspace, store: Store, command: str, tally: Tally | None = None, metrics: Path | None = None
) -> Iterator[Attempting]:
    """The record of the block. What the block raises goes on; what fails in recording is a notice."""
    one = Attempting(workspace, store, command, tally, metrics=metrics)
    if workspace.config.notify is not None:
        one.before = members(workspace, store)
    try:
        yield one
    except BaseException as error:
        close(one, error)
        raise
    close(one, None)


@contextmanager
def state_of(workspace: Workspace, command: str) -> Iterator[Store]:
    """open_state, and those who are to know are told that it cannot be opened."""
    opened = False
    try:
        with open_state(workspace) as store:
            opened = True
            yield store
    except StateError as error:
        if not opened:
            at = workspace.now()
            made = Attempt("", command, at, at, FAILED, error.exit_code, error.kind, scrub(f"{error}", 500))
            _quietly(workspace, "No alert could be sent", lambda: alerting.tell_without_state(workspace, made))
        raise


def close(one: Attempting, error: BaseException | None) -> None:
    """Write the attempt down, tell of it, and write metrics. Never raises an Exception."""
    if one.looked or one.closed:
        return
    one.closed = True
    made: list[Attempt] = []
    _quietly(one.workspace, "This attempt could not be recorded", lambda: made.append(_recorded(one, error)))
    if made:
        _quietly(one.workspace, "No alert could be sent", lambda: alerting.tell(one, made[0]))
        _quietly(one.workspace, "The metrics could not be written", lambda: alerting.measure(one, made[0]))


def _recorded(one: Attempting, error: BaseException | None) -> Attempt:
    made = one.attempt(error)
    with one.store.noting() as attempts:
        attempts.add(made)
    return made


def _quietly(workspace: Workspace, what: str, do: Callable[[], object]) -> None:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - the command has ended, and nothing here may change how
        why = f"{error}" if isinstance(error, ConnectorError) else type(error).__name__
        workspace.options.listener(Notice("record", scrub(f"{what}: {why}", 500)))
