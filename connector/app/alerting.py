"""What is told of an attempt: alerts through `notify`, and metrics in a file.

Owns: what these two look at. Must not: decide what is told (notify/ does), print.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.app.attempts import environment, members
from connector.core.events import Notice
from connector.notify import alerts
from connector.notify.marker import Marker
from connector.notify.message import clean, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.app.attempts import Attempting
    from connector.app.workspace import Workspace
    from connector.config.sections.notify import Notify
    from connector.state.attempts import Attempt
    from connector.state.base import Store


def tell(one: Attempting, attempt: Attempt) -> None:
    """The alerts of `notify`, if the file has that section."""
    workspace, store = one.workspace, one.store
    notify = workspace.config.notify
    if notify is None:
        return
    look = alerts.Look(
        rejects=rejects(workspace, store),
        before=one.before,
        after=members(workspace, store) if attempt.run_id else {},
        first=_is_first(store, attempt),
        back=_unopened(workspace).read(),
    )
    told = alerts.tell(notify, attempt, look, store.noting, _sender(workspace, notify), *_words(workspace, notify))
    if look.back and told.taken:
        _unopened(workspace).forget()
    _complain(workspace, told.said)


def tell_without_state(workspace: Workspace, attempt: Attempt) -> None:
    """The state cannot be opened, so this machine remembers that it was told."""
    notify, memory = workspace.config.notify, _unopened(workspace)
    if notify is None or "failed" not in notify.on or memory.read():
        return
    text = f"Nothing was pushed. {attempt.why}"
    project, hidden = _words(workspace, notify)
    made = message(attempt, alerts.TROUBLE, [text], bad=True, project=project, secrets=hidden)
    taken, said = _sender(workspace, notify)([made])
    if taken:
        memory.keep(clean(text, hidden))
    _complain(workspace, said)


def _sender(workspace: Workspace, notify: Notify) -> alerts.Send:
    from connector.notify import channels

    return partial(channels.send, notify.to, environ=environment(workspace))


def _words(workspace: Workspace, notify: Notify) -> tuple[str, set[str]]:
    """What an alert calls the file, and what it must not contain."""
    from connector.notify import channels

    project = workspace.config.project or workspace.config.folder.resolve().name
    hidden = {*channels.values(notify.to, environment(workspace)), *_keys(workspace)}
    return f"rehearsal of {project}" if workspace.options.rehearse else project, hidden


def _complain(workspace: Workspace, said: Sequence[str]) -> None:
    for one in said:
        workspace.options.listener(Notice("notify", f"no alert was sent: {one}."))


def _unopened(workspace: Workspace) -> Marker:
    inside = ("rehearsal",) if workspace.options.rehearse else ()
    return Marker(Path(workspace.config.folder, ".connector", *inside, "state-alert"))


def rejects(workspace: Workspace, store: Store) -> dict[str, dict[str, int]]:
    """Destination -> code -> records that wait for their row to change."""
    found: dict[str, dict[str, int]] = {}
    for name in workspace.config.destinations:
        for row in store.rejects(name).group_by("code", use_threads=False).aggregate([("email", "count")]).to_pylist():
            found.setdefault(name, {})[row["code"] or "refused"] = row["email_count"]
    return found


def _is_first(store: Store, attempt: Attempt) -> bool:
    """Whether nothing was pushed with success before."""
    from connector.state.base import RunState

    if any(run.state is RunState.DONE and run.id != attempt.run_id for run in store.runs(50)):
        return False
    return not any(one.exit_code in (0, 1) and one.id != attempt.id for one in store.attempts.last(50) if one.sides)


def _keys(workspace: Workspace) -> set[str]:
    variables = [item.secret.variable for item in workspace.config.destinations.values()]
    return {workspace.secrets[name].strip() for name in variables if workspace.secrets.get(name, "").strip()}


def measure(one: Attempting, attempt: Attempt) -> None:
    """The file of --metrics, if it was asked for."""
    if one.metrics is not None:
        write(one.workspace, one.store, attempt, one.metrics)


def write(workspace: Workspace, store: Store, attempt: Attempt | None, path: Path) -> None:
    """What is known of the state, the exports and an attempt as OpenMetrics. Raises ConfigError without
    prometheus-client."""
    from connector.notify import metrics

    stand = metrics.Stand(
        attempts=store.attempts.counts(),
        members=members(workspace, store),
        rejects=rejects(workspace, store),
        served=store.attempts.served(),
        ages=ages(workspace),
    )
    metrics.write(path, attempt, stand)


def ages(workspace: Workspace) -> dict[str, float]:
    """Source -> seconds since its newest file was made. Sources without a file are left out, and files elsewhere that
    this command did not fetch."""
    from connector.core.errors import SourceError
    from connector.sources.files.discover import made_of

    found, now = {}, workspace.now()
    for name, source in workspace.config.sources.items():
        if source.origin and source.file:
            with suppress(SourceError, OSError):
                zone = ZoneInfo(source.timezone or workspace.config.timezone)
                if (made := made_of(workspace.config, source, zone)) is not None:
                    found[name] = max(0.0, (now - made).total_seconds())
    return found
