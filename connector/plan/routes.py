"""Which segment goes to which target of one destination, and by which mode.

Owns: Route and Routing (the outcome of `send_to`, `paused`, `--only`). Must not: look at members or the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connector.config.language.rules import Duration
from connector.config.sections.models import Config, Destination, Guards
from connector.core.model import Kind, SyncMode, Target


@dataclass(frozen=True, slots=True)
class Route:
    """One segment sent to one target."""

    segment: str
    target: Target
    mode: SyncMode
    guards: Guards | None = None  # the segment's own limits; None: the destination's
    hold: Duration | None = None  # how long nobody goes back


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything of one destination. `enriched` are segments whose people get fields and nothing else."""

    destination: Destination
    routes: tuple[Route, ...]
    enriched: tuple[str, ...]
    notes: tuple[str, ...]
    idle: frozenset[tuple[Kind, str]] = frozenset()  # targets of the file that get nothing now: paused, or not chosen

    def is_orphan(self, kind: str, name: str) -> bool:
        """Whether no segment of the file, and no stage routed here, is sent to this target any more."""
        sent = {(route.target.kind, route.target.name) for route in self.routes}
        return (Kind(kind), name) not in sent | self.idle


def route(
    config: Config,
    destination: Destination,
    only: tuple[str, ...] = (),
    left_out: Mapping[str, str] | None = None,
) -> Routing:
    """The routes of `destination`, in the file's order; `only` are globs of segment names, `left_out` segments of which
    nothing is known, and why."""
    routes: list[Route] = []
    enriched: list[str] = []
    notes: list[str] = []
    idle: set[tuple[Kind, str]] = set()
    for segment in config.segments.values():
        for send in segment.send_to:
            if send.destination != destination.name:
                continue
            unknown = (left_out or {}).get(segment.name)
            if segment.paused or unknown or not _chosen(segment.name, only):
                idle |= {(Kind(kind), name) for kind, name in send.targets}
            if not _chosen(segment.name, only):
                continue
            if segment.paused:
                notes.append(f"{destination.name}: segment {segment.name} is paused, nothing of it is sent.")
                continue
            if unknown:
                notes.append(f"{destination.name}: segment {segment.name} is left out, its members stay: {unknown}.")
                continue
            mode = send.mode or destination.mode
            if mode is SyncMode.ENRICH:
                enriched.append(segment.name)
                continue
            routes += [
                Route(
                    segment.name,
                    Target(destination.name, Kind(kind), name),
                    mode,
                    config.guards_for(destination.name, segment.name),
                    segment.hold,
                )
                for kind, name in send.targets
            ]
    return Routing(destination, tuple(routes), tuple(enriched), tuple(notes), frozenset(idle))


def _chosen(name: str, only: tuple[str, ...]) -> bool:
    return not only or any(fnmatchcase(name, pattern) for pattern in only)
