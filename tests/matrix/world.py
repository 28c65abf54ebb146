"""All platforms side by side, an export, and what the platforms and the state hold of it.

Owns: Everywhere, Moment. A platform with a kit (tests/conformance/kits) is in the matrix by itself. Must not: know an
entry point or an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from connector.app.workspace import open_state
from connector.rehearsal.core.process import start
from tests.conformance.kits import KITS, Kit
from tests.path.small import Small

PLATFORMS = tuple(KITS)
READERS, EXTRA = "Readers", "Extra"
TARGETS = (READERS, EXTRA)
LONG_AGO = "2020-01-05T10:00:00Z"
ALLOWED = ("empty", "removes", "retires", "stages")

Targets = Mapping[str, frozenset[str]]  # "list Readers" -> addresses


@dataclass(frozen=True)
class Moment:
    """What one platform holds, and what of it the state claims as ours: targets -> addresses, and address -> first
    name, another field, everything about consent."""

    members: Targets
    names: Mapping[str, str]
    others: Mapping[str, str]
    standing: Mapping[str, str]
    ours: Targets


@dataclass
class Everywhere(Small):
    kits: dict[str, Kit] = field(default_factory=dict)
    today: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d}")

    def ask(
        self,
        people: Mapping[str, str],
        *,
        extra: str = "",
        more: Mapping[str, object] | None = None,
        numbers: Mapping[str, str] | None = None,
        clicks: Mapping[str, str] | None = None,
    ) -> None:
        """The export of `people` (name -> address), and a segment “readers” of everybody; “extra” is of those whose
        plan is `extra`. `numbers` tells whose CRM id somebody has, `clicks` their last click, else it was long ago."""
        lines = ["Id,Email,Name,Plan,Opt in,Opted in at,Last click at"]
        for name, email in people.items():
            number = (numbers or {}).get(name, name)
            click = (clicks or {}).get(email, LONG_AGO)
            lines.append(f"{number},{email},{name.title()},paid,yes,{LONG_AGO},{click}")
        (self.folder / "people.csv").write_text("\n".join(lines) + "\n")
        segments = {"readers": {"when": {"plan": "paid"}, "send_to": self._targets(READERS)}}
        if extra:
            segments["extra"] = {"when": {"plan": extra}, "send_to": self._targets(EXTRA)}
        times = {name: {"type": "timestamp"} for name in ("opted_in_at", "last_click_at")}
        columns = {"opt_in": {"type": "boolean"}, **times}
        document = {
            "version": 1,
            "sources": {"contacts": {"file": "people.csv", "email": "Email", "id": "Id", "columns": columns}},
            "consent": {"when": {"opt_in": True}, "proof": {"at": "opted_in_at"}},
            "destinations": {name: self._destination(kit) for name, kit in self.kits.items()},
            "segments": segments,
            **(more or {}),
        }
        (self.folder / "segments.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def _targets(self, name: str) -> dict[str, object]:
        return {platform: dict.fromkeys(kit.kinds, name) for platform, kit in self.kits.items()}

    def _destination(self, kit: Kit) -> dict[str, object]:
        policy = "subscribed" if "subscribed" in kit.policies else kit.creates
        secret = {kit.secret: "${KEY_" + kit.name.upper() + "}"}
        return {"platform": kit.name, **secret, "new_contacts": policy, "fields": {kit.field: "name"}, **kit.extra}

    def look(self) -> dict[str, Moment]:
        return {name: self._look(kit) for name, kit in self.kits.items()}

    def _look(self, kit: Kit) -> Moment:
        members = {f"{kind} {name}": frozenset(kit.members(kind, name)) for kind in kit.kinds for name in TARGETS}
        return Moment(members, kit.values(), kit.values(kit.other_field), kit.standing(), self._ours(kit.name))

    def _ours(self, destination: str) -> Targets:
        with self.open() as workspace, open_state(workspace) as store:
            ledger = store.ledger(destination)
        emails = {row["id"]: row["email"] for row in ledger.contacts.to_pylist()}
        found: dict[str, set[str]] = {}
        names = {row["id"]: f"{row['kind']} {row['name']}" for row in ledger.targets.to_pylist()}
        for row in ledger.memberships.to_pylist():
            found.setdefault(names[row["target"]], set()).add(emails[row["contact"]])
        return {name: frozenset(who) for name, who in found.items()}

    def forget_all(self) -> None:
        """The state is lost."""
        for path in self._place().glob("state.db*"):
            path.unlink()

    def written(self, addresses: Collection[str], files: str = "*") -> set[str]:
        """Those of the addresses that stand in a file of ours beside the exports: the state, lists of a cleanup."""
        texts = [path.read_bytes() for path in self._place().glob(files) if "platforms.db" not in path.name]
        return {address for address in addresses if any(address.encode() in text for text in texts)}

    def _place(self) -> Path:
        return self.folder / ".connector" / "rehearsal"


@contextmanager
def everywhere(folder: Path, platforms: Sequence[str] = PLATFORMS) -> Iterator[Everywhere]:
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True, exist_ok=True)
    with start(place / "platforms.db", "--no-samples") as running:
        (place / "address").write_text(running.url)
        running.settings(limits=False, polls=0, erased_return=True)
        kits = {name: KITS[name](running) for name in platforms}
        try:
            yield Everywhere(folder, running, kits=kits)
        finally:
            for kit in kits.values():
                kit.close()
