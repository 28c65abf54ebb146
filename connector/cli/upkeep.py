"""undo, drift, adopt, forget, rejects, prune: keeping what was done in order.

Owns: their options and what they print. Must not: hold logic of a plan or a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.applying import Allow, Asked, Metrics, Reason, RequireAll, Yes, carry_out, left, told
from connector.cli.common import SAMPLE, Common, command, confirm, data, data_json, talk
from connector.cli.interrupt import interruptible
from connector.core.counts import by_count, count_of

if TYPE_CHECKING:
    from connector.app.workspace import Workspace
    from connector.core.plan import Plan
    from connector.state.base import Store

DRIFTED = 10


def register(app: typer.Typer) -> None:
    command(app, "undo", "  sync undo last\n  sync undo 20261120-080000-1a2b --only vip")(undo)
    examples = f"  sync drift\n  sync drift --to {SAMPLE} -v\n  sync drift --format json"
    command(app, "drift", examples, without=("as_of",))(drift)
    command(app, "adopt", f"  sync adopt\n  sync adopt --former\n  sync adopt --to {SAMPLE} --only vip --yes")(adopt)
    command(app, "forget", "  sync forget ada@example.com", without=("only", "to"))(forget)
    examples = f"  sync rejects\n  sync rejects --to {SAMPLE} --format json\n  sync rejects retry --only vip"
    command(app, "rejects", examples, without=("as_of",))(rejects)
    command(app, "prune", "  sync prune\n  sync prune --older-than '13 months' --yes", without=("only", "to"))(prune)


Former = Annotated[
    bool,
    typer.Option(
        "--former", help="Also members who are not desired: the next push removes them. After a state was lost."
    ),
]


def undo(
    common: Common,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of `sync runs`, or: last.")],
    yes: Yes = False,
    allow: Allow = None,
    reason: Reason = None,
    require_all: RequireAll = False,
    metrics: Metrics = None,
) -> int:
    """Take back what a run changed: shown first, with the same guards, then pushed like any plan."""
    from connector.app import upkeep as verbs

    def make(workspace: Workspace, store: Store) -> Plan:
        return verbs.undo(workspace, store, run)

    return carry_out(common, Asked(f"undo {run}", "Take this back?", yes, allow, reason, require_all, metrics), make)


def adopt(
    common: Common,
    former: Former = False,
    yes: Yes = False,
    require_all: RequireAll = False,
    metrics: Metrics = None,
) -> int:
    """Take over existing tags and lists: those who are desired and there already become ours. Sends nothing."""
    from connector.app import upkeep as verbs

    def make(workspace: Workspace, store: Store) -> Plan:
        return verbs.adopt(workspace, store, former=former)

    words = "adopt --former" if former else "adopt"
    asked = Asked(words, "Record these as ours?", yes, require_all=require_all, metrics=metrics)
    return carry_out(common, asked, make)


def drift(common: Common, require_all: RequireAll = False) -> int:
    """What others added to our tags and lists and removed from them. Ends with 10 when there is any; writes nothing."""
    from connector.app import upkeep as verbs
    from connector.app.apart import Apart
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import DestinationError
    from connector.report.upkeep import drift_json, drift_text

    with (
        interruptible(left(common)) as stop,
        told(common) as listener,
        open_workspace(common.options(listener), stop) as workspace,
        open_state(workspace) as store,
    ):
        apart = Apart(require_all)
        found = verbs.drift(workspace, store, apart)
        unread = apart.unread
        workspace.go_on()
    if common.json:
        data_json(drift_json(found, common.verbose, unread))
    else:
        data("\n".join([drift_text(found, common.verbose), *(f"NOT READ: {why}" for why in unread.values())]))
    return DestinationError.exit_code if unread else DRIFTED if any(found) else 0


def forget(
    common: Common, email: Annotated[str, typer.Argument(help="The person's address.")], yes: Yes = False
) -> int:
    """Remove a person from the local state for good; an old export cannot bring them back."""
    from connector.app import upkeep as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.upkeep import forget_json, forget_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        if not confirm("Forget this person? There is no way back.", yes):
            talk("Nothing was changed.")
            if common.json:
                data_json({"schema": "connector.declined/1", "done": False})
            return 0
        found = verbs.forget(workspace, store, email)
    if common.json:
        data_json(forget_json(found.held, found.addresses))
    else:
        data(forget_text(found.held, found.platforms, found.addresses))
    return 0


def rejects(
    common: Common,
    action: Annotated[
        str | None, typer.Argument(metavar="[retry]", help="Try them once more at the next push.")
    ] = None,
) -> int:
    """People that a platform refused, why, and what to do; each waits until the person's row changes."""
    from connector.app import upkeep as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem
    from connector.report.upkeep import rejects_json, rejects_text, retry_json, retry_text

    if action not in (None, "retry"):
        raise ConfigError([Problem(Place("rejects"), "unknown-action", f'No "{action}" here; there is: retry.')])
    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        if action:
            count = verbs.retry(workspace, store)
            data_json(retry_json(count)) if common.json else data(retry_text(count))
            return 0
        found = {item.name: store.rejects(item.name) for item in workspace.destinations()}
    data_json(rejects_json(found)) if common.json else data(rejects_text(found, common.verbose))
    return 0


def prune(
    common: Common,
    keep: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Keep the changes of so many days.")] = 90,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Instead: delete what is older than this: 13 months, 2 years.")
    ] = None,
    keep_history: Annotated[
        int, typer.Option(min=1, metavar="DAYS", help="Keep for so many days who entered and left segments.")
    ] = 800,
    yes: Yes = False,
) -> int:
    """Delete old changes from the journal, and old entries and exits of segments. Runs older than that cannot be taken
    back any more; sizes, definitions and all else are kept."""
    from connector.app.pruning import policy
    from connector.app.pruning import prune as verb
    from connector.app.workspace import open_state, open_workspace

    age = policy(older_than or f"{keep} days")
    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        if not confirm(f"Delete changes older than {age}? Those runs cannot be taken back then.", yes):
            talk("Nothing was changed.")
            if common.json:
                data_json({"schema": "connector.declined/1", "done": False})
            return 0
        done = verb(workspace, store, age, keep_history)
    if common.json:
        told = {"changes": done.changes, "before": done.before.isoformat()}
        told |= {"history": done.flows, "history_before": done.flows_before.isoformat()}
        data_json({"schema": "connector.prune/1", **told})
    else:
        were = by_count(done.changes, "was", "were")
        data(f"{count_of(done.changes, 'change')} of runs before {done.before:%Y-%m-%d %H:%M} UTC {were} deleted.")
        if done.flows:
            what, were = count_of(done.flows, "entry or exit", "entries and exits"), by_count(done.flows, "was", "were")
            data(f"{what} of segments before {done.flows_before:%Y-%m-%d} {were} deleted.")
    return 0
