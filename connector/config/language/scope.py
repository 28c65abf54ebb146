"""What a condition may name where it stands, and the problems found in it.

Owns: Scope. Must not: parse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from connector.config.language.rules import Loc, Window
from connector.config.sections.collector import Collector
from connector.core.problem import did_you_mean

CONTACTS = "contacts"


@dataclass(frozen=True, slots=True)
class Scope:
    """`sources`: the related sources' names -> their `at` column or None. `inside` is the source whose own rows
    the condition is about (a `where`, a step of a sequence), None for one about contacts. `named` is true where a
    sample may take the segment's name. `complete` is false when the sources could not be read at all: then nobody is
    told that one is unknown."""

    problems: Collector
    sources: Mapping[str, str | None]
    segments: Collection[str]
    named: bool = False
    complete: bool = True
    inside: str | None = None
    splits: dict[str, tuple[tuple[tuple[str, int], ...], int]] = field(default_factory=dict)

    def within_source(self, source: str) -> Scope:
        return replace(self, inside=source)

    def for_segment(self) -> Scope:
        return replace(self, named=True)

    def source(self, name: object, loc: Loc) -> str | None:
        """`name` if it is a related source, else a problem."""
        if isinstance(name, str) and name in self.sources:
            return name
        if not self.complete:
            return None
        if name == CONTACTS:
            self.problems.add(loc, "unknown-source", "contacts are the people themselves; name a source of events.")
        else:
            known = did_you_mean(str(name), self.sources) or " No related source is declared."
            self.problems.add(loc, "unknown-source", f"There is no source “{str(name)[:40]}”.{known}")
        return None

    def needs_time(self, source: str, loc: Loc, window: Window | None) -> None:
        """A window counts only events with a time."""
        if window is not None and self.sources.get(source) is None:
            self.problems.add(
                loc, "missing-time", f"“{source}” has no `at: COLUMN`, so nothing is known about when; add it there."
            )
