"""segments.yaml as typed values, after validation.

Owns: the shape of a configuration (pydantic models) and Config.place, which finds any part of it in the file.
Must not: open exports, know an engine, reveal a secret (they are pydantic SecretStr, read late).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, PrivateAttr, SkipValidation

from connector.config.rules import Duration, Loc, Rule, Trait
from connector.model import Kind, NewContacts, SyncMode
from connector.problem import Place

ColumnType = Literal["text", "integer", "number", "date", "timestamp", "boolean", "list", "country", "phone", "place"]
Preset = Literal["hubspot", "salesforce", "klaviyo", "mailchimp", "shopify", "none"]


class Model(BaseModel):
    """Frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Column(Model):
    """One entry of `columns:`. `from_` is a header or, for a place, two."""

    from_: str | tuple[str, str] | None = None
    type: ColumnType | None = None
    separator: str | None = None
    format: str | None = None  # strptime-like, as DuckDB reads it
    decimal: Literal[".", ","] | None = None
    missing: tuple[str, ...] | None = None


class Source(Model):
    """A file or a set of files. `contacts` has email, id and updated_at; the others have join and at."""

    name: str
    file: str  # as written: relative to the folder of segments.yaml, may be a glob
    pick: Literal["all", "newest"] = "all"
    preset: Preset = "none"
    email: str | None = None
    id: str | None = None
    updated_at: str | None = None
    max_age: Duration | None = None
    columns: Mapping[str, Column] = {}
    join: tuple[str, str] | None = None  # (column of this source, column of contacts)
    at: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    skip_rows: int = 0
    timezone: str | None = None
    missing: tuple[str, ...] | None = None


class Consent(Model):
    """`when` holds for those who may be contacted; `proof_*` are the columns of the dated proof."""

    when: Annotated[Rule, SkipValidation]
    proof_at: str | None = None
    proof_source: str | None = None


class Secret(Model):
    """`${NAME}`: only the variable's name is kept; the value is read when a destination is called."""

    variable: str

    def __str__(self) -> str:
        return "${" + self.variable + "}"


class Guards(Model):
    """When a plan is refused. Shares are of the target's members in the ledger; below `floor` changes a share
    does not refuse. None switches a limit off."""

    adds_percent: float | None = None
    adds: int | None = None
    removes_percent: float | None = 20.0
    removes: int | None = None
    floor: int = 50
    shrunken_percent: float | None = 30.0  # the export lost more than this since the last run


class Destination(Model):
    """One account. `settings` holds platform-specific keys (audience, revision, version, tag_property …)."""

    name: str
    platform: Literal["mailchimp", "klaviyo", "hubspot"]
    secret: Secret  # api_key or access_token
    audience: str | None = None  # Mailchimp
    new_contacts: NewContacts = NewContacts.SKIP
    mode: SyncMode = SyncMode.MIRROR
    fields: Mapping[str, str] = {}  # platform field -> column or trait
    guards: Guards = Guards()
    base_url: str | None = None  # another address than the vendor's, e.g. the rehearsal platforms
    settings: Mapping[str, str] = {}


class SendTo(Model):
    """One entry of send_to: the targets in one destination. `mode` overrules the destination's."""

    destination: str
    targets: tuple[tuple[Kind, str], ...]  # both `tag` and `list` may be given
    mode: SyncMode | None = None


class Segment(Model):
    """Exactly one of `when` and `members_from` is set."""

    name: str
    when: Annotated[Rule | None, SkipValidation] = None
    members_from: str | None = None
    title: str | None = None
    description: str | None = None
    goal: str | None = None
    owner: str | None = None
    review_by: str | None = None
    frozen: bool = False
    paused: bool = False
    hold: Duration | None = None
    send_to: tuple[SendTo, ...] = ()


class Config(Model):
    """The whole file. Mappings keep the file's order."""

    path: Path
    version: Literal[1] = 1
    timezone: str = "UTC"
    engine: str = "duckdb"
    sources: Mapping[str, Source]
    traits: Mapping[str, Annotated[Trait, SkipValidation]] = {}
    consent: Consent | None = None
    destinations: Mapping[str, Destination] = {}
    segments: Mapping[str, Segment]
    priorities: tuple[tuple[str, ...], ...] = ()
    silenced: tuple[str, ...] = ()  # codes of advice switched off for the whole file

    _places: Mapping[Loc, Place] = PrivateAttr(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Paths in the file are relative to this."""
        return self.path.parent

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def place(self, loc: Loc) -> Place:
        """Where `loc` stands in the file; the nearest enclosing part when it has no place of its own."""
        while loc and loc not in self._places:
            loc = loc[:-1]
        return self._places.get(loc, Place(self.path.name))


def hours(duration: Duration) -> timedelta:
    """The fixed length of a Duration given in hours.

    Raises ValueError for calendar units, whose length depends on the day."""
    if duration.unit != "hour":
        raise ValueError(f"{duration} has no fixed length")
    return timedelta(hours=duration.number)
