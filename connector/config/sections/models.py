"""segments.yaml as typed values, after validation.

Owns: the shape of a configuration (pydantic models) and Config.place, which finds any part of it in the file.
Must not: open exports, know an engine, hold a secret (only the name of its variable; secrets.py reads it late).

Beyond LANGUAGE's page the file also knows:
- `mode: mirror|additive|enrich` at a destination, and in an entry of send_to; an entry with `mode: enrich` may go
  without tag and list;
- `guards:` at the top (for all destinations), at a destination and at a segment, each overriding the one before key by
  key; a limit is switched off with the word `off`;
- `base_url:` at a destination, and the platform's own keys: `settings` of its facts in connector/vendors;
- `silence: [code, …]` at the top and at a segment, for advice of the checker;
- `case: exact` beside a test of text: {is: X, case: exact}; `sample: {percent: 10%, name: X}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, SkipValidation

from connector.config.language.rules import Duration, Loc, Rule, Trait
from connector.config.language.values import text
from connector.config.sections import remote
from connector.config.sections.cases import Case
from connector.config.sections.codes import BadValue
from connector.config.sections.fields import (
    Codes,
    Day,
    Delimiter,
    Encoding,
    Engine,
    File,
    Limit,
    LimitPercent,
    Missing,
    Model,
    Price,
    Switch,
    Text,
    Url,
    Whole,
    Window,
    YesNo,
    Zone,
    before,
    schema,
    secret_name,
)
from connector.config.sections.lifecycle import Cleanup, Lifecycle, Several
from connector.config.sections.measure import AnyGoal, Experiment, Measure
from connector.config.sections.notify import Notify
from connector.config.sections.platforms import NO_PRESET, Platform, Preset
from connector.config.sections.quality import Quality
from connector.core.model import ColumnType, Kind, NewContacts, SyncMode
from connector.core.problem import Place
from connector.core.session import Session


def _headers(value: Any) -> Any:
    """A header, or the two of a place."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise BadValue("wrong-type", "`from` is one header, or two for a place: [Latitude, Longitude].")
        return tuple(text(header) for header in value)
    return None if value is None else text(value)


def _join(value: Any) -> Any:
    """{column of this source: column of contacts}."""
    if value is None or isinstance(value, tuple):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise BadValue("wrong-type", "`join` is one pair, {column here: column of contacts}: {customer_email: email}.")
    here, there = next(iter(value.items()))
    return here, text(there)


def _addresses(value: Any) -> Any:
    """A header, or several: the first that is filled."""
    if isinstance(value, list | tuple):
        if not value:
            raise BadValue("wrong-type", "`email` is a header, or several: [Work email, Home email].")
        return tuple(text(header) for header in value)
    return None if value is None else text(value)


_TEXT = {"type": "string"}
_ADDRESSES = schema(anyOf=[_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}])
_HEADERS = schema(anyOf=[_TEXT, {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}])
_JOIN = schema(type="object", additionalProperties=_TEXT, minProperties=1, maxProperties=1)


class Column(Model):
    """One entry of `columns:`. `from_` is a header or, for a place, two."""

    from_: Annotated[str | tuple[str, str] | None, before(_headers), _HEADERS] = Field(default=None, alias="from")
    type: ColumnType | None = None
    separator: Text | None = None
    format: Text | None = None  # strptime-like, as DuckDB reads it
    decimal: Literal[".", ","] | None = None
    missing: Missing | None = None


class Source(Model):
    """A file or a set of files (`file`), or a table of another engine (`table`). `contacts` has email, emails, id
    and updated_at; the others have join, at, and the id of an event."""

    name: str
    file: File | None = None  # as written: relative to the folder of segments.yaml, or s3://…; may be a glob
    table: Text | None = None  # as written: name, schema.name or catalog.schema.name
    allow_outside: YesNo = False  # a file that lies outside the folder of segments.yaml
    pick: Literal["all", "newest"] = "all"
    preset: Preset = NO_PRESET
    email: Annotated[str | tuple[str, ...] | None, before(_addresses), _ADDRESSES] = None  # several: the first filled
    emails: Text | None = None  # further addresses of the same person
    id: Text | None = None
    updated_at: Text | None = None
    max_age: Window | None = None
    columns: Mapping[str, Column] = {}
    join: Annotated[tuple[str, str] | None, before(_join), _JOIN] = None  # (column here, column of contacts)
    at: Text | None = None
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    sheet: Text | None = None
    skip_rows: Whole = 0
    timezone: Zone | None = None
    missing: Missing | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The headers of `email`, the first one first."""
        return () if self.email is None else (self.email,) if isinstance(self.email, str) else self.email

    @property
    def origin(self) -> str:
        """What the file calls the place of the rows."""
        return remote.shown(self.file) if self.file else self.table or ""


NONE_NEEDED = "none_needed"  # in the place of the section: nobody has to be asked


class Consent(Model):
    """`when` holds for those who may be contacted; `proof_*` are the columns of the dated proof."""

    when: Annotated[Rule, SkipValidation]
    proof_at: Text | None = None
    proof_source: Text | None = None


class Secret(Model):
    """`${NAME}`: only the variable's name is kept; the value is read when a destination is called."""

    variable: str

    def __str__(self) -> str:
        return "${" + self.variable + "}"


def _secret(value: Any) -> Any:
    return value if isinstance(value, Secret) else Secret(variable=secret_name(value))


SecretText = Annotated[Secret, before(_secret), schema(type="string", pattern=r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$")]


class Guards(Model):
    """When a plan is refused. Shares are of the target's members in the ledger; below `floor` changes a share
    does not refuse. None switches a limit off."""

    adds_percent: LimitPercent = 100.0  # only where there are members
    adds: Limit = None
    removes_percent: LimitPercent = 20.0
    removes: Limit = None
    floor: Whole = 50
    shrunken_percent: LimitPercent = 30.0  # the export lost more than this since the last run
    updates_percent: LimitPercent = 50.0  # of the contacts that we wrote fields of: those whose values would change
    updates: Limit = None
    emptied_fields: LimitPercent = 20.0  # of the values that we wrote of a field: those that would be cleared
    consent_percent: LimitPercent = 20.0  # by so many points the share of consenting people changed since the last run
    subscribes: Limit = None  # new contacts that may be mailed at once
    empty: Switch = True  # a segment that had members has none
    tier: Limit = None  # contacts that the account's price covers
    stages_percent: LimitPercent = 20.0  # of the destination's contacts: those who enter a stage of the lifecycle
    stages: Limit = None
    retires_percent: LimitPercent = (
        10.0  # of the destination's contacts: those that `sync cleanup` archives or suppresses
    )
    retires: Limit = None

    def overridden(self, by: Guards | None) -> Guards:
        """These, with every key that `by` names."""
        if by is None:
            return self
        return self.model_copy(update={name: getattr(by, name) for name in by.model_fields_set})


class Tier(Model):
    """One step of the account's price list: `price` for at most `up_to` contacts, in any currency and period."""

    up_to: Several
    price: Price


class Destination(Model):
    """One account. `settings` holds the platform's own keys."""

    name: str
    platform: Platform
    secret: SecretText  # under the key that the platform's facts name
    audience: Text | None = None  # its name or id, on a platform with audiences
    new_contacts: NewContacts = NewContacts.SKIP
    mode: SyncMode = SyncMode.MIRROR
    fields: Mapping[str, Text] = {}  # platform field -> column or trait
    guards: Guards = Guards()
    prices: tuple[Tier, ...] = ()  # the account's price list, for the estimate of `sync lifecycle`
    base_url: Url | None = None  # another address than the vendor's, e.g. the rehearsal platforms
    settings: Mapping[str, Text] = {}


class SendTo(Model):
    """One entry of send_to: the targets in one destination. `mode` overrides the destination's."""

    destination: str
    targets: tuple[tuple[Kind, str], ...]  # both `tag` and `list` may be given
    mode: SyncMode | None = None


class Segment(Model):
    """Exactly one of `when` and `members_from` is set; `members_from` implies frozen."""

    name: str
    renamed_from: Text | None = None  # the name that the history knows it by
    when: Annotated[Rule | None, SkipValidation] = None
    members_from: File | None = None
    allow_outside: YesNo = False  # of members_from
    title: Text | None = None
    description: Text | None = None
    goal: AnyGoal = None  # text for people, or what is measured
    owner: Text | None = None
    review_by: Day | None = None
    frozen: YesNo = False
    paused: YesNo = False
    hold: Window | None = None
    send_to: tuple[SendTo, ...] = ()
    guards: Guards | None = None  # only the keys that were written count: see Config.guards_for
    silenced: Codes = Field(default=(), alias="silence")  # codes of advice switched off for this segment


class Config(Model):
    """The whole file. Mappings keep the file's order."""

    path: Path
    version: Literal[1] = 1
    project: Text | None = None  # whose state it is
    timezone: Zone = "UTC"
    engine: Engine = "duckdb"
    sources: Mapping[str, Source]
    traits: Mapping[str, Annotated[Trait, SkipValidation]] = {}
    consent: Consent | None = None
    destinations: Mapping[str, Destination] = {}
    segments: Mapping[str, Segment]
    priorities: tuple[tuple[str, ...], ...] = ()
    silenced: Codes = Field(default=(), alias="silence")  # codes of advice switched off for the whole file
    guards: Guards = Guards()  # for every destination that says nothing else
    lifecycle: tuple[Lifecycle, ...] = ()  # the policies; a person is under the first that is theirs
    cleanup: Cleanup | None = None
    measure: Measure | None = None
    experiments: Mapping[str, Experiment] = {}
    notify: Notify | None = None
    quality: Quality = Quality()
    tests: Annotated[tuple[Case, ...], SkipValidation, schema(type="array")] = ()  # `sync test` runs them

    _places: Mapping[Loc, Place] = PrivateAttr(default_factory=dict)
    _values: Mapping[Loc, Place] = PrivateAttr(default_factory=dict)
    _session: Session = PrivateAttr(default_factory=Session)

    @property
    def folder(self) -> Path:
        """Paths in the file are relative to this."""
        return self.path.parent

    @property
    def session(self) -> Session:
        """What a command keeps while it works on this file; the same for every changed copy of the file."""
        return self._session

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def policy_at(self, number: int) -> Loc:
        """Where the policy `number` of the lifecycle stands: one alone may be the section itself."""
        loc: Loc = ("lifecycle", number)
        return loc if loc in self._values or loc in self._places else ("lifecycle",)

    def place(self, loc: Loc) -> Place:
        """Where the key (or list item) `loc` stands in the file; the nearest enclosing part when it has no place of
        its own."""
        while loc and loc not in self._places:
            loc = loc[:-1]
        return self._places.get(loc, Place(self.path.as_posix()))

    def word_place(self, loc: Loc, word: str) -> Place:
        """Where `word` is the key at `loc` or the one around it, or stands in a value below; else place(loc)."""
        nearby = [self._places[part] for part in (loc, loc[:-1]) if part[-1:] == (word,) and part in self._places]
        below = [place for part, place in self._values.items() if part[: len(loc)] == loc]
        for place in (*nearby, *sorted(below)):
            found = place.lines.find(word, place.line, place.column) if place.lines else None
            if found is not None:
                return replace(place, line=found[0], column=found[1])
        return self.place(loc)

    def value_place(self, loc: Loc) -> Place:
        """Where the value of `loc` begins; the nearest enclosing part's when it has none of its own."""
        while loc and loc not in self._values:
            loc = loc[:-1]
        return self._values.get(loc, Place(self.path.as_posix()))

    def guards_for(self, destination: str, segment: str | None = None) -> Guards:
        """The destination's guards, overridden by the segment's."""
        return self.destinations[destination].guards.overridden(self.segments[segment].guards if segment else None)


def hours(duration: Duration) -> timedelta:
    """The fixed length of a Duration given in hours.

    Raises ValueError for calendar units, whose length depends on the day."""
    if duration.unit != "hour":
        raise ValueError(f"{duration} has no fixed length")
    return timedelta(hours=duration.number)
