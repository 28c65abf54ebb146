"""What the platforms said of contacts, for rules that ask: read before a plan, and taken from the state at the desk.

Owns: when it is read, and that desk commands see what was read last. Must not: print, know what a word means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.workspace import Workspace, open_state
from connector.config.language.platform_words import ENGAGEMENT_WORDS
from connector.config.sections.models import Config

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.platforms.base import Adapter
    from connector.state.base import Store


def read(workspace: Workspace, store: Store, destination: str, adapter: Adapter, everything: bool = False) -> bool:
    """Bring the state up to date with what changed on one platform; returns whether everybody was read just now.

    Everybody, and who opened and clicked, is read only for a file whose rules ask for it, or for `everything`: then
    also what the platform delivered late."""
    from connector.platforms.http.limits import WallClock
    from connector.push import pending_jobs
    from connector.reconcile import engagement, observe
    from connector.reconcile.account import verify

    verify(store, destination, adapter, workspace.options.listener)
    if store.journal.jobs_abandoned(destination):  # what they do must be seen
        pending_jobs.wait(destination, adapter, workspace.reading, WallClock(workspace.stop))
    words = asked(workspace.config).get(destination, frozenset())
    tell, now = workspace.reading, adapter.now()
    complete = observe.changes(store, adapter, destination, everything or bool(words), now, tell)
    if everything or words & ENGAGEMENT_WORDS.keys():
        engagement.read(store, adapter, destination, now, tell)
    if everything:
        engagement.late(store, adapter, destination, now, tell)
    return complete


def asked(config: Config) -> dict[str, frozenset[str]]:
    """Destination -> the words that the file asks for; a lifecycle asks each for its people, clicks and sends."""
    from connector.segments.names import asked_of_platforms

    found = asked_of_platforms(config)
    if not config.lifecycle:
        return found
    always = frozenset({*ENGAGEMENT_WORDS, "status"})
    return {name: found.get(name, frozenset()) | always for name in config.destinations}


def last_read(workspace: Workspace, store: Store | None) -> dict[str, pa.Table]:
    """Destination -> what rules may ask of its contacts, as of the last reading; empty when no rule asks.

    Without `store` the workspace's own is opened, if there is one."""
    from connector.segments.names import asked_of_platforms
    from connector.state.open import exists

    asked = asked_of_platforms(workspace.config)
    if not asked or (store is None and not exists(workspace.state_url)):
        return {}
    if store is not None:
        return _from(store, list(asked))
    with open_state(workspace) as opened:
        return _from(opened, list(asked))


def _from(store: Store, destinations: list[str]) -> dict[str, pa.Table]:
    from connector.segments.platform_columns import observed

    found = {}
    for name in destinations:
        ledger = store.ledger(name)
        if ledger.whole:  # before that, only some people are known
            found[name] = observed(ledger.contacts, store.engagement(name)[0])
    return found
