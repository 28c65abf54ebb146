"""What advice is, and what it is made from.

Owns: Advice, Evidence. Must not: find anything itself, print, call a platform.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from connector.config.language.rules import Loc
from connector.config.sections.advice_codes import WARNINGS, AdviceCode
from connector.config.sections.models import Config
from connector.core.problem import Place, Problem, Severity
from connector.segments.advice.rates import Rate
from connector.segments.checks import TypeOf
from connector.segments.evaluate import Evaluation
from connector.segments.names import Names
from connector.sources.model import Loaded


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding. `segments` are those whose `silence:` may switch it off; without any only the file's can."""

    code: AdviceCode
    place: Place
    message: str
    segments: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem:
        return Problem(
            self.place, self.code, self.message, Severity.WARNING if self.code in WARNINGS else Severity.ADVICE
        )

    @property
    def silence(self) -> str:
        """How to switch it off, in the words of the file."""
        where = f"in the segment {' or '.join(self.segments)}, or at the top of the file"
        return f"silence: [{self.code}] {where if self.segments else 'at the top of the file'}"


@dataclass(frozen=True)
class Evidence:
    """`evaluation` is that of probes (advice_members.probes): every segment has all who match its rule.

    `type_of` gives the type of a test's column, None when nobody has a value. `secrets` are the variables that are
    set. `history` (quality.turnover) and `rates` are what is known of segments over time, if anything is."""

    config: Config
    loaded: Loaded
    evaluation: Evaluation
    as_of: datetime
    type_of: TypeOf
    secrets: Collection[str]
    history: pa.Table | None = None
    rates: Mapping[str, Rate] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        return Names.of(self.config, self.loaded)

    def segment(self, code: AdviceCode, name: str, message: str, *more: str | int) -> Advice:
        """About one segment, at a part of it."""
        return Advice(code, self.config.place(("segments", name, *more)), message, (name,))

    def file(self, code: AdviceCode, loc: Loc, message: str) -> Advice:
        """About a part of the file that is no segment."""
        return Advice(code, self.config.place(loc), message)
