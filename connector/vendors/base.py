"""The shape of a platform's facts.

Owns: Vendor, its Rehearsal, and Known (a column of its export). Must not: name a platform, or hold behaviour beyond
what is derived from the facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from connector.core.model import RETIRED, ColumnType, Kind, NewContacts

LAST = 1000  # the `order` of platforms that come as packages of their own


class Use(StrEnum):
    """What a destination of segments.yaml asks of a platform, and so of its key. The value is the word for people."""

    READ = "reading contacts"
    CREATE = "new contacts"
    FIELDS = "fields"
    TAGS = "tags"
    LISTS = "lists"
    UNSUBSCRIBE = "unsubscribing"
    RETIRE = "archiving or suppressing"
    SIGNALS = "opens and clicks"


WRITING = frozenset(Use) - {Use.READ, Use.SIGNALS}


class Known(NamedTuple):
    """One header of a platform's export. `yes` are further words that mean true (a consent's state, say)."""

    column: str
    type: ColumnType | None = None
    separator: str | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


class Longest(NamedTuple):
    """The most characters of a name. `source` is the vendor's page with the date, or says that none tells it: then the
    number is one that no sensible name reaches, so that a mistake is found here and not by a push."""

    characters: int
    source: str


class Phone(NamedTuple):
    """A field that holds a phone number, which is one person's alone. `pattern` is what the vendor takes (full match,
    understood by Python and RE2), `form` its name for people, `source` the page with the date."""

    pattern: str
    form: str
    example: str
    source: str


UNTOLD = "no page of the vendor tells a limit (looked for on 2026-11-29)"


class Rehearsal(NamedTuple):
    """The platform as a local server. `routes` is its module (connector/rehearsal/core/world.py says what that has),
    `path` what follows the server's address in `base_url`, `account` the id of the account behind the sample key."""

    routes: str
    path: str
    account: str


@dataclass(frozen=True, eq=False)  # each exists once; a comparison by value would only slow the start
class Vendor:
    """One platform, without talking to it. `name` is the word after `platform:`."""

    name: str
    title: str
    adapter: str  # "package.module:Class", which is imported when the platform is called
    secret: str  # the key of its secret in segments.yaml
    variable: str  # the environment variable that the examples name
    auth_header: str  # the header of requests that holds the secret
    sample_key: str  # of the form of a key, and opens the rehearsal platform only
    kinds: frozenset[Kind]  # of targets
    new_contacts: frozenset[NewContacts]  # the policies that a CREATE can carry out
    erase: str  # the way to erasing a person by hand there, ends with a full stop
    settings: Mapping[str, str | None] = field(default_factory=dict)  # its own keys of a destination, with defaults
    retire: str | None = None  # archive or suppress: the end of the lifecycle that the platform can take back
    unsubscribes: bool = False  # `action: unsubscribe` is offered
    audience: bool = False  # a destination names one of the account's audiences
    engagement: bool = True  # it tells in bulk who opened and clicked
    rights: Mapping[str, frozenset[Use]] = field(default_factory=dict)  # what a key may be given -> what needs it
    right: str = "scope"  # the vendor's word for one
    names: Mapping[Kind, Longest] = field(default_factory=dict)  # of targets
    property_name: Longest | None = None  # of the property that holds tags, which we make
    campaigns: str = ""  # what its campaign reports count and cannot tell; "" where it has none
    phones: Mapping[str, Phone] = field(default_factory=dict)  # by the platform's name of the field
    tag_separator: str = ""  # what stands between the tags of a contact, so that none can hold it
    preset: Mapping[str, Known] = field(default_factory=dict)  # header of its export (lower case) -> column
    rehearsal: Rehearsal | None = None
    order: int = LAST  # its place in lists and texts

    def __post_init__(self) -> None:
        """Raises ValueError for facts that the connector could not act on: a package of others may hold any."""
        if not (self.name.isascii() and self.name.isidentifier() and self.name.islower()):
            raise ValueError(f"the name “{self.name[:40]}” is not one lower-case word")
        if self.retire is not None and self.retire not in RETIRED:
            raise ValueError(f"retire is {' or '.join(RETIRED)}, not “{self.retire[:40]}”")
        if not self.kinds or ":" not in self.adapter:
            raise ValueError("it needs kinds of target, and its adapter as package.module:Class")

    @property
    def policies(self) -> list[str]:
        """The values of `new_contacts`, in the order of the documentation."""
        return [str(policy) for policy in NewContacts if policy in self.new_contacts]

    def name_problem(self, kind: Kind, name: str) -> str:
        """Why the platform cannot hold a target of this name; "" when it can."""
        if kind is Kind.TAG and self.tag_separator and self.tag_separator in name:
            return f"{self.title} separates tags by “{self.tag_separator}”, so a tag cannot hold one."
        return self._too_long(f"The name of a {kind}", name, self.names.get(kind))

    def property_problem(self, name: str) -> str:
        """Why the platform cannot hold a property of this name; "" when it can."""
        return self._too_long("The name of a property", name, self.property_name)

    def _too_long(self, what: str, name: str, longest: Longest | None) -> str:
        if longest is None or len(name) <= longest.characters:
            return ""
        return f"{what} has {len(name)} characters, and {self.title} takes {longest.characters} at most."

    @property
    def tag_property(self) -> str:
        """The property that holds the tags of a contact unless the file names another; "" where they are none."""
        return self.settings.get("tag_property") or ""

    @property
    def example(self) -> str:
        """A destination on this platform as one line of segments.yaml."""
        audience = ", audience: Newsletter" if self.audience else ""
        return f'{self.name}: {{platform: {self.name}, {self.secret}: "${{{self.variable}}}"{audience}}}'
