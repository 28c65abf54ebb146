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

if TYPE_CHECKING:
    from connector.app.attempts import Attempting
    from connector.app.workspace import Workspace
    from connector.state.attempts import Attempt
    from connector.state.base import Store


def tell(one: Attempting, attempt: Attempt) -> None:
    """The alerts of `notify`, if the file has that section."""
    from connector.notify import alerts, channels

    workspace, store = one.workspace, one.store
    notify = workspace.config.notify
    if notify is None:
        return
    look = alerts.Look(
        rejects=rejects(workspace, store),
        before=one.before,
        after=members(workspace, store) if attempt.run_id else {},
        first=_is_first(store, attempt),
    )
    environ = environment(workspace)
    hidden = {*channels.values(notify.to, environ), *_keys(workspace)}
    project = workspace.config.project or workspace.config.folder.resolve().name
    if workspace.options.rehearse:
        project = f"rehearsal of {project}"
    send = partial(channels.send, notify.to, environ=environ)
    for said in alerts.tell(notify, attempt, look, store.noting, send, project, hidden):
        workspace.options.listener(Notice("notify", f"no alert was sent: {said}."))


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
    """Source -> seconds since its newest file was made. Sources without a file are left out."""
    from connector.core.errors import SourceError
    from connector.sources.files.discover import files_of, newest

    found, now = {}, workspace.now()
    for name, source in workspace.config.sources.items():
        if source.origin and source.file:
            with suppress(SourceError, OSError):
                zone = ZoneInfo(source.timezone or workspace.config.timezone)
                made = newest(files_of(workspace.config, source), zone)[1]
                found[name] = max(0.0, (now - made).total_seconds())
    return found
