"""What a plan must know of the accounts behind its destinations: which are one, and which the state knows nothing of.

Owns: these two looks, and their words. Must not: ask a platform (reconcile/account.py does), print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.core.errors import ConfigError
from connector.core.problem import Problem
from connector.vendors import VENDORS

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.language.rules import Loc
    from connector.config.sections.models import Config
    from connector.plan.routes import Routing
    from connector.state.base import Store


def new(workspace: Workspace, store: Store) -> list[str]:
    """A note, when nothing of what the chosen destinations hold was ever confirmed to this state."""
    names = [item.name for item in workspace.destinations()]
    unknown = [name for name, revision in store.revisions(names).items() if revision == 0]
    if not unknown:
        return []
    return [
        f"The state is new: {store.place} has no record of {', '.join(unknown)}. Members found there are taken over if "
        "they are desired (`sync adopt` does only that); all others stay unless `sync adopt --former` takes them over. "
        "If you pushed there before, this is not its state: give the right one with --state, and let "
        "--state-must-exist refuse a new one."
    ]


def outsiders(routing: Routing, desired: pa.Table, seen: pa.Table, strangers: Mapping[int, int]) -> Iterator[str]:
    """For a new state: how many members of each target are not desired. Nobody knows whether they are ours, so they
    stay. `seen` and `strangers` as observe.targets tells them."""
    from connector.plan import former

    for number, route, emails in former.members(routing, desired, seen):
        if count := strangers.get(number, 0) + len(emails):
            target = route.target
            yield (
                f"{target.destination}: {target.kind} “{target.name}” has {count:,} "
                f"member{'' if count == 1 else 's'} not desired, who stay: the state is new, and nobody knows whether "
                "they are ours. `sync adopt --former` takes them over, so that the next push removes them."
            )


def refuse_shared(workspace: Workspace, store: Store) -> None:
    """Two destinations of one account must not have a tag or list of one name: each would take from the other.

    Rehearsals are exempt: there all destinations of a platform are one account. Raises ConfigError."""
    if workspace.options.rehearse:
        return
    config, known = workspace.config, store.accounts.known()
    problems: list[Problem] = []
    for one, other in combinations(config.destinations.values(), 2):
        same = one.name in known and other.name in known and known[one.name].id == known[other.name].id
        if one.platform == other.platform and same:
            problems += _shared(config, one.name, other.name, known[one.name].name)
    if problems:
        raise ConfigError(problems)


def _shared(config: Config, one: str, other: str, account: str) -> Iterator[Problem]:
    """Each target of `other` that has the kind and name of one of `one`."""
    theirs = {(kind, name.strip().casefold()) for _, destination, kind, name in _targets(config) if destination == one}
    for loc, destination, kind, name in _targets(config):
        if destination == other and (kind, name.strip().casefold()) in theirs:
            cure = "Give each its own, or send to one of the two."
            if loc[0] == "lifecycle":
                cure = "Give the stages of each their own policy: `lifecycle:` as a list with `for: {to: …}`."
            text = (
                f"The {kind} “{name}” is written by {one} and {other}, whose keys open one account: {account}. {cure}"
            )
            yield Problem(config.place(loc), "same-target", text)


def _targets(config: Config) -> Iterator[tuple[Loc, str, str, str]]:
    """Where it stands, destination, kind and name: of segments, and of stages at each destination."""
    for segment in config.segments.values():
        for entry in segment.send_to:
            place: Loc = ("segments", segment.name, "send_to", entry.destination)
            yield from (((*place, str(kind)), entry.destination, str(kind), name) for kind, name in entry.targets)
    for number, policy in enumerate(config.lifecycle):
        for account in config.destinations.values():
            if policy.at(account.name):
                kinds = VENDORS[account.platform].kinds
                yield from (
                    ((*config.policy_at(number), *loc, str(kind)), account.name, str(kind), name)
                    for loc, kind, name in policy.targets()
                    if kind in kinds
                )
