"""`sync cleanup --restore FILE`: the people of a cleanup's list are taken back, as far as that can be done.

Owns: reading the list, and the order of these steps. Must not: print, or decide who may be taken back (plan/undo.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app import observing
from connector.app.apart import Apart
from connector.app.offline import evaluate
from connector.app.workspace import Workspace, adapter, require_keys
from connector.core.errors import ConfigError, PlanError
from connector.core.model import Op, Outcome
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.core.plan import Plan
    from connector.state.base import Store

PREFIX = "restore-"
_OPS = {"archive": Op.RETIRE, "suppress": Op.RETIRE, "unsubscribe": Op.UNSUBSCRIBE}
_DONE = ("archived", "suppressed", "unsubscribed")


def restore(workspace: Workspace, store: Store, path: Path) -> Plan:
    """The plan that takes back those that the list names as archived or suppressed; pushed like any plan.

    Raises ConfigError for a file that is no such list, PlanError when segments.yaml lacks a destination of it or a run
    is unfinished."""
    import pyarrow.compute as pc

    from connector.plan import undo as inverse
    from connector.plan.assemble import assemble
    from connector.plan.desired import counted
    from connector.plan.routes import route

    require_keys(workspace)
    store.require_finished()
    done = read(path)
    touched = set(done["destination"].to_pylist())
    missing = sorted(touched - workspace.config.destinations.keys())
    if missing:
        raise PlanError(f"{path} names {', '.join(missing)}, which segments.yaml no longer has. Put it back.")
    evaluation, sides, apart = evaluate(workspace, store, leave_out=True), [], Apart(workspace.options.require_all)
    for item in workspace.destinations():
        if item.name in touched:
            connected = adapter(workspace, item)
            if apart.tried(item.name, partial(observing.read, workspace, store, item.name, connected)) is None:
                continue
            routing = route(workspace.config, item)
            sides.append(inverse.Undone(routing, store.ledger(item.name), connected.capabilities))
    apart.require(len(sides))
    chosen = [side.ledger.destination for side in sides]
    done = done.filter(pc.is_in(done["destination"], value_set=_texts(chosen)))
    return assemble(
        [inverse.part(done, evaluation.table, side, workspace.as_of) for side in sides],
        as_of=workspace.as_of,
        made_at=datetime.now(UTC),
        export=counted(evaluation.table),
        before=store.last_export(),
        notes=evaluation.warnings,
        findings=evaluation.findings,
        prefix=PREFIX,
        unread=apart.unread,
        kinds=apart.kinds,
    )


def read(path: Path) -> pa.Table:
    """RUN_CHANGES of a list: those that were archived or suppressed."""
    import csv

    import pyarrow as pa

    from connector.core.schemas import RUN_CHANGES

    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _not_a_list(path, f"It cannot be read: {error.__class__.__name__}.") from None
    if any(not {"destination", "email", "action"} <= row.keys() or row["action"] not in _OPS for row in rows):
        raise _not_a_list(path, "It does not have the columns and actions of one.")
    found = [
        {
            "destination": row["destination"],
            "op": str(_OPS[row["action"]]),
            "email": _address(row["email"]),
            "outcome": str(Outcome.APPLIED),
        }
        for row in rows
        if row.get("outcome", _DONE[0]) in _DONE
    ]
    return pa.Table.from_pylist(found, RUN_CHANGES)


def _address(cell: str) -> str:
    """Without what keeps a spreadsheet from taking it for a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in tuple("=+@-") else cell


def _texts(names: list[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(names, pa.string())


def _not_a_list(path: Path, why: str) -> ConfigError:
    message = f"{path} is no list of a cleanup (.connector/retired-….csv). {why}"
    return ConfigError([Problem(Place("--restore"), "bad-list", message)])
