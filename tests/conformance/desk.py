"""A folder with segments.yaml and an export, and the verbs that the commands call.

Owns: Person, Desk. Must not: know a platform beyond its Kit.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connector import rehearse
from connector.app import planning, pushing
from connector.app.workspace import Options, open_state, open_workspace
from connector.core.plan import Plan
from connector.plan.guards.rules import NAMES
from connector.push.run import RunResult
from connector.rehearsal.core.process import Running
from tests.conformance.kits import Kit

SEGMENTS = ("vip", "gold")
PROOF = "2026-01-05T10:00:00Z"
AS_OF = "2026-11-20T12:00:00Z"


@dataclass(frozen=True)
class Person:
    """One row of the export. `number` stays the same when the address changes."""

    email: str
    vip: bool = True
    gold: bool = False
    consent: str = "yes"
    proof: str = PROOF
    name: str = ""
    number: str = ""


@dataclass(frozen=True)
class Desk:
    folder: Path
    running: Running

    def setup(self, kits: Iterable[Kit], policies: Mapping[str, str]) -> None:
        """segments.yaml: every segment goes to a target of its own name, of each kind that a platform offers."""
        kits = list(kits)
        flags = {name: {"type": "boolean"} for name in (*SEGMENTS, "consent")}
        contacts = {"file": "contacts.csv", "email": "email", "id": "number"}
        document = {
            "version": 1,
            "sources": {"contacts": contacts | {"columns": flags | {"opted_in_at": {"type": "timestamp"}}}},
            "consent": {"when": {"consent": True}, "proof": {"at": "opted_in_at", "source": "via"}},
            "destinations": {kit.name: self._destination(kit, policies[kit.name]) for kit in kits},
            "segments": {
                name: {"when": {name: True}, "send_to": {kit.name: dict.fromkeys(kit.kinds, name) for kit in kits}}
                for name in SEGMENTS
            },
        }
        (self.folder / "segments.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        (rehearse.files(self.folder) / "address").write_text(self.running.url, encoding="utf-8")

    def _destination(self, kit: Kit, policy: str) -> dict[str, Any]:
        return {
            "platform": kit.name,
            kit.secret: "${KEY_" + kit.name.upper() + "}",
            "new_contacts": policy,
            "fields": {kit.field: "name"},
            **kit.extra,
        }

    def export(self, people: Sequence[Person]) -> None:
        with (self.folder / "contacts.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("email", "number", "vip", "gold", "consent", "opted_in_at", "via", "name"))
            for one in people:
                flags = ("yes" if each else "no" for each in (one.vip, one.gold))
                rows.writerow((one.email, one.number or one.email, *flags, one.consent, one.proof, "form", one.name))

    def push(self, *, between: Callable[[], object] = lambda: None) -> tuple[Plan, RunResult | None]:
        """Plan and push, as `sync push --yes` does with every guard lifted. No result: nothing to send.

        `between`: what happens on the platform before the push."""
        options = Options(self.folder / "segments.yaml", as_of=AS_OF, rehearse=True, allow=NAMES, reason="test")
        with open_workspace(options) as workspace, open_state(workspace) as store:
            plan = planning.plan(workspace, store)
            pushing.guard(workspace, plan)
            between()
            return plan, pushing.push(workspace, store, plan) if plan.changes.num_rows else None
