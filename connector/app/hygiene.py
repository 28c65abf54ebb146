"""`sync hygiene`: the state of the exports, as a report; nothing is changed.

Owns: the order of these steps. Must not: print, or call a platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.offline import headers
from connector.app.workspace import Workspace, open_state

if TYPE_CHECKING:
    from connector.sources.hygiene.report import Survey
    from connector.sources.model import Loaded


def hygiene(workspace: Workspace) -> tuple[Survey, Loaded]:
    """Read every column of every source, old exports too, and judge them; the rows are in the second part."""
    from connector.sources.hygiene.report import survey
    from connector.sources.load import load

    found = headers(workspace, any_age=True)
    loaded = load(workspace.config, found, workspace.as_of, keep=True)
    return survey(workspace.config, loaded, workspace.as_of, _before(workspace)), loaded


def _before(workspace: Workspace) -> int | None:
    """The contacts of the last run; None when there was none."""
    from connector.state.open import exists

    if not exists(workspace.state_url):
        return None
    with open_state(workspace) as store:
        last = store.last_export()
        return last.contacts if last else None
