"""Reading the platforms' campaign reports for `sync measure` and `sync report`.

Owns: who is asked, and that trouble of one destination is told and stops nothing. Must not: count, print, write to a
platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.core.model import Kind

if TYPE_CHECKING:
    from connector.config.sections.models import Destination, Segment
    from connector.measure.campaigns import Told
    from connector.measure.periods import Stretch
    from connector.state.base import Store

UNASKED = "not read: no platform was called"
NONE_OURS = "no tag or list of ours is known there yet"


def told(workspace: Workspace, store: Store, period: Stretch, *, ask: bool) -> tuple[Told, ...]:
    """One for each chosen destination whose platform reports campaigns. Without `ask` no platform is called."""
    from connector.measure.campaigns import Told
    from connector.vendors import VENDORS

    found = []
    for item in workspace.destinations():
        note = VENDORS[item.platform].campaigns
        if not note:
            continue
        targets = {(kind, key): name for (kind, name), key in store.target_ids(item.name).items()}
        if not ask or not targets:
            found.append(Told(item.name, (), targets, note, UNASKED if targets else NONE_OURS))
            continue
        found.append(_asked(workspace, store, item, period, Told(item.name, (), targets, note)))
    return tuple(found)


def _asked(workspace: Workspace, store: Store, item: Destination, period: Stretch, empty: Told) -> Told:
    from dataclasses import replace

    from connector.app.workspace import adapter
    from connector.core.errors import ConfigError, ConnectorError, Interrupted
    from connector.platforms.campaigns import Campaigns
    from connector.reconcile.account import verify

    try:
        asked = adapter(workspace, item)
        if not isinstance(asked, Campaigns):
            return replace(empty, why="the platform reports no campaigns")
        verify(store, item.name, asked, workspace.options.listener)
        return replace(empty, reports=tuple(asked.campaigns(period.low, period.high)))
    except Interrupted:
        raise
    except ConfigError as error:
        return replace(empty, why=f"its campaign reports were not read: {error.problems[0].message}")
    except ConnectorError as error:  # also of a state that may only be read, when the account is new to it
        return replace(empty, why=f"its campaign reports could not be read: {error}")


def sent_to(segment: Segment) -> dict[str, frozenset[tuple[Kind, str]]]:
    """Destination -> the tags and lists that the segment is sent to."""
    found: dict[str, frozenset[tuple[Kind, str]]] = {}
    for send in segment.send_to:
        found[send.destination] = found.get(send.destination, frozenset()) | frozenset(send.targets)
    return found
