"""All segments of a file over loaded exports, in one pass.

Owns: evaluate(), its result, and overlap(). Must not: read files, apply consent or pauses (the plan does).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.language.rules import InSegment
from connector.config.sections.models import Config
from connector.core.errors import ConfigError
from connector.segments import kept, platform_columns
from connector.segments.checks import check_types
from connector.segments.compile import engine, sequences, traits, zones
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import Ask
from connector.segments.compile.rules import Compiler
from connector.segments.compile.traits import Made, untouched
from connector.segments.compile.windows import Clock
from connector.segments.names import CONTACTS, EMAIL, JOINED, Names, nodes
from connector.segments.priorities import waterfall
from connector.sources.columns import vacant
from connector.sources.consent import UNCLEAR
from connector.sources.model import Loaded
from connector.sources.told import told

# Both are beside the segments' names, and no segment can be called so.
CONSENT = ""
_FOR = "for:"  # of a policy of the lifecycle


@dataclass(frozen=True)
class Evaluation:
    """`table` has one row per contact, in no order: `email`; `in:SEGMENT` bool, after priorities; `consent` bool,
    `consent_at` timestamp[us, UTC] and `consent_source` string (true and null without a consent section); `unclear`
    bool, without consent because the export does not tell it clearly; `person`
    string, the CRM's id, if the file names its column;
    `value:COLUMN` for every column or trait a destination's fields name, spelled as there; with a lifecycle also
    `joined` and `signal:NAME` (timestamp[us, UTC], null = not known), `protected:N` bool for each policy, and `for:N`
    bool for those with a condition."""

    table: pa.Table
    contacts: int
    sizes: Mapping[str, int]
    notes: tuple[str, ...] = ()  # what a reader of the sizes must know: what nobody has read yet, what is frozen
    warnings: tuple[str, ...] = ()  # the first notes, which every plan has: exports as after a failure
    undecided: Mapping[str, pa.ChunkedArray] = field(default_factory=dict)  # frozen, but not yet: who matches the rule
    findings: tuple[str, ...] = ()  # what was found in the exports, as every plan tells it
    left_out: Mapping[str, str] = field(default_factory=dict)  # segments of which nothing is known, and why


@dataclass(frozen=True)
class Look:
    """What explain.py asks beside: `also` are further columns of the result, `also:0`, `also:1` …, each a name as
    written or a measure; `made` is told each trait once the frame has it, and may put another column in its place."""

    also: Sequence[str | Ask] = ()
    made: Made = untouched


def evaluate(
    config: Config,
    loaded: Loaded,
    as_of: datetime,
    *,
    look: Look | None = None,
) -> Evaluation:
    """Every segment; the rules of those in `loaded.frozen` are not asked again.

    Raises ConfigError with every test that does not fit its column."""
    problems = check_types(config, loaded, as_of)
    if problems:
        raise ConfigError(problems)
    return _Run(config, loaded, as_of, look or Look()).evaluation()


class _Run:
    def __init__(self, config: Config, loaded: Loaded, as_of: datetime, look: Look) -> None:
        self.config = config
        self.look = look
        self.loaded = loaded
        self.clock = Clock.at(as_of, config.zone)
        self.names = Names.of(config, loaded)
        empty = loaded.empty.get(CONTACTS, frozenset())
        self.frame = Frame(loaded.connection, loaded.contacts, loaded.types[CONTACTS], EMAIL, config.zone, empty)
        platform_columns.join(self.frame, config, loaded)
        traits.add(self.frame, config, self.names, loaded, self.clock, look.made)
        sequences.add(self.frame, config, self.names, loaded, self.clock)
        self.kept = kept.of(config, loaded)
        self.rules = {
            name: segment.when
            for name, segment in config.segments.items()
            if segment.when is not None and name not in self.kept
        }
        if config.consent is not None:
            self.rules[CONSENT] = config.consent.when
        for number, policy in enumerate(config.lifecycle):
            if policy.for_ is not None and policy.for_.when is not None:
                self.rules[f"{_FOR}{number}"] = policy.for_.when
        self.fields = {name: f"s{number}" for number, name in enumerate([*self.rules, *self.kept])}

    def evaluation(self) -> Evaluation:
        values = self._values()
        compiled = {name: self._compiler(name).rule(rule) for name, rule in self.rules.items()}
        person = self._person()
        compiled |= {name: kept.member(self.frame, name, people, person) for name, people in self.kept.items()}
        table = self.frame.build(values)
        for level in self._levels():
            table = table.mutate(**{self.fields[name]: compiled[name] for name in level})
        table = table.select(*values, *self.fields.values())
        return self._result(engine.arrow(self.loaded.connection, table))

    def _compiler(self, owner: str) -> Compiler:
        return Compiler(self.frame, self.names, CONTACTS, self.clock, lambda name: _[self.fields[name]], owner)

    def _levels(self) -> Iterable[list[str]]:
        """The segments in stages, each after those it asks for."""
        waiting = {
            name: {asked for node, _source in nodes(rule) if isinstance(node, InSegment) for asked in node.names}
            for name, rule in self.rules.items()
        }
        waiting |= {name: set() for name in self.kept}
        while waiting:
            ready = [name for name, asked in waiting.items() if not asked & waiting.keys()]
            assert ready, "config refuses cycles"
            yield ready
            for name in ready:
                del waiting[name]

    def _values(self) -> dict[str, Any]:
        """The columns of the result that are no conditions, by their place in it."""
        values = {"email": self._column(EMAIL).value}
        consent = self.config.consent
        if consent is not None and consent.proof_at is not None:
            values["consent_at"] = self._instant(self._column(consent.proof_at))
        if consent is not None and consent.proof_source is not None:
            values["consent_source"] = self._column(consent.proof_source).value.cast("string")
        person = self._person()
        if person is not None:
            values["person"] = person.value.cast("string")
        values |= {f"life{number}": self._instant(column) for number, column in enumerate(self._signs())}
        for written in self._sent():
            values[f"v{len(values)}"] = self._value(self._column(written))
        for number, asked in enumerate(self.look.also):
            column = self._column(asked) if isinstance(asked, str) else self.frame.columns[asked]
            values[f"a{number}"] = self._value(column)
        return values

    def _person(self) -> Column | None:
        """The column of the CRM's ids, when the file names one and anybody has one."""
        identity = self.config.sources[CONTACTS].id
        name = None if identity is None else self.names.column(CONTACTS, identity)
        column = self.frame.columns.get(name)
        return None if column is None or column.empty else column

    def _sent(self) -> list[str]:
        """The columns and traits that fields of destinations name."""
        return list(dict.fromkeys(name for item in self.config.destinations.values() for name in item.fields.values()))

    def _column(self, written: str) -> Column:
        name: Hashable = self.names.contact(written)
        return self.frame.columns[name]

    def _value(self, column: Column) -> Any:
        return column.value.cast("int64") if column.type == "integer" and column.dtype.is_decimal() else column.value

    def _instant(self, column: Column) -> Any:
        if column.empty:
            return column.value.cast("timestamp(6)")
        if column.type == "date":
            return zones.start_of_day(column.value, self.clock.zone, self.frame.extent(column))
        return column.value

    def _result(self, found: pa.Table) -> Evaluation:
        matches = {name: found[field] for name, field in self.fields.items() if name in self.config.segments}
        members = waterfall(matches, self.config.priorities)
        columns = {"email": found["email"]} | {f"in:{name}": members[name] for name in self.config.segments}
        columns |= self._consent(found)
        columns |= self._life(found)
        if "person" in found.column_names:
            columns["person"] = found["person"]
        for written, name in zip(self._sent(), [name for name in found.column_names if name[0] == "v"], strict=True):
            columns[f"value:{written}"] = found[name]
        columns |= {f"also:{number}": found[f"a{number}"] for number in range(len(self.look.also))}
        sizes = {name: pc.sum(column).as_py() or 0 for name, column in members.items()}
        warnings = vacant.warnings(self.loaded.findings)
        notes = (
            *warnings,
            *platform_columns.unread(self.config, self.loaded.observed),
            *kept.notes(self.config, self.loaded),
        )
        frozen = [name for name, segment in self.config.segments.items() if segment.frozen and name not in self.kept]
        undecided = {name: matches[name] for name in frozen}
        findings = told(self.loaded.findings)
        return Evaluation(pa.table(columns), found.num_rows, sizes, notes, warnings, undecided, findings)

    def _signs(self) -> list[Column]:
        """When somebody joined, if the export tells, then the signals of the lifecycle in the order of the file."""
        if not self.config.lifecycle:
            return []
        joined = self.frame.columns.get(self.names.column(CONTACTS, JOINED))
        known = joined is not None and (joined.empty or joined.type in ("date", "timestamp"))
        first = [joined] if joined is not None and known else []
        return [*first, *(self._column(written) for written in self._signals())]

    def _signals(self) -> list[str]:
        """Of all policies."""
        return list(dict.fromkeys(name for policy in self.config.lifecycle for name in policy.signals))

    def _life(self, found: pa.Table) -> dict[str, Any]:
        if not self.config.lifecycle:
            return {}
        written = self._signals()
        instant, never = pa.timestamp("us", tz="UTC"), pa.nulls(found.num_rows, pa.timestamp("us", tz="UTC"))
        times = [found[name].cast(pa.timestamp("us")).cast(instant) for name in found.column_names if "life" in name]
        times = times if len(times) > len(written) else [never, *times]
        columns = {"joined": times[0], **{f"signal:{name}": at for name, at in zip(written, times[1:], strict=True)}}
        for number, policy in enumerate(self.config.lifecycle):
            protected = pa.chunked_array([pa.repeat(pa.scalar(False), found.num_rows)])
            for name in policy.protect:  # all who match the rule, whatever the priorities send them as
                protected = pc.or_(protected, found[self.fields[name]])
            columns[f"protected:{number}"] = protected
            if (key := f"{_FOR}{number}") in self.fields:
                columns[key] = found[self.fields[key]]
        return columns

    def _consent(self, found: pa.Table) -> dict[str, Any]:
        rows, names = found.num_rows, found.column_names
        at = (
            found["consent_at"].cast(pa.timestamp("us"))
            if "consent_at" in names
            else pa.nulls(rows, pa.timestamp("us"))
        )
        consent = found[self.fields[CONSENT]] if CONSENT in self.fields else pa.chunked_array([pa.repeat(True, rows)])
        doubted = UNCLEAR.empty_table() if self.loaded.unclear is None else self.loaded.unclear
        undecided = doubted.filter(pc.invert(doubted["decided"]))
        consent = pc.and_(consent, pc.invert(_among(found["email"], undecided)))
        return {
            "consent": consent,
            "unclear": pc.and_(_among(found["email"], doubted), pc.invert(pc.fill_null(consent, False))),
            "consent_at": at.cast(pa.timestamp("us", tz="UTC")),
            "consent_source": found["consent_source"] if "consent_source" in names else pa.nulls(rows, pa.string()),
        }


def _among(emails: pa.ChunkedArray, people: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(emails, value_set=people["email"].combine_chunks())


def overlap(evaluation: Evaluation, names: Iterable[str] | None = None) -> dict[tuple[str, str], int]:
    """How many contacts are in both, per pair of segments (of `names`; of all without), in their order."""
    columns = {name: evaluation.table[f"in:{name}"] for name in (evaluation.sizes if names is None else names)}
    return {
        (first, second): pc.sum(pc.and_(columns[first], columns[second])).as_py() or 0
        for first, second in combinations(columns, 2)
    }
