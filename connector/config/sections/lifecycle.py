"""The `lifecycle:` and `cleanup:` sections as typed values.

Owns: their keys, defaults and what excludes what. Must not: know a platform, or decide who is inactive
(connector/lifecycle does).

Deleting a contact does not exist: no action here does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from re import ASCII, compile
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from connector.config.language import values
from connector.config.language.rules import Rule
from connector.config.sections.codes import BadValue
from connector.config.sections.fields import PERCENT, Days, Model, Text, TextList, Whole, before, schema
from connector.core.model import Kind
from connector.core.problem import one_of

# default: what each platform can take back (`retire` of its facts in connector/vendors).
Action = Literal["default", "archive", "suppress", "unsubscribe"]
ACTIONS: tuple[Action, ...] = ("default", "archive", "suppress", "unsubscribe")
CleanupAction = Literal["default", "archive", "suppress", "unsubscribe", "remove_tags", "report"]
CLEANUP_ACTIONS: tuple[CleanupAction, ...] = (*ACTIONS, "remove_tags", "report")
Hygiene = Literal["quarantine", "report"]
_SHARE = compile(r"(\d+(?:\.\d+)?\s*%)\s+of\s+contacts", ASCII)


def _action(value: Any) -> Any:
    return _one_of(value, ACTIONS)


def _cleanup_action(value: Any) -> Any:
    return _one_of(value, CLEANUP_ACTIONS)


def _one_of(value: Any, actions: tuple[str, ...]) -> Any:
    if value in actions:
        return value
    if value == "delete":
        raise BadValue("unknown-value", f"Deleting cannot be undone and does not exist here: {', '.join(actions)}.")
    raise BadValue("unknown-value", f"This is no action.{one_of(value, actions)}")


class Amount(Model):
    """At most so many contacts: exactly one of `count` and `percent` (of the contacts in the export) is set."""

    count: int | None = None
    percent: Decimal | None = None


def _amount(value: Any) -> Any:
    if isinstance(value, Amount):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Amount(count=value)
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue("bad-percent", "Write a share, 5% of contacts, or a number above 0.")
    return Amount(percent=values.percent(match[1]))


def _shares(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise BadValue("wrong-type", "The parts and their shares are needed here: {send: 90, holdout: 10}.")
    found = {part: values.whole(share) for part, share in value.items()}
    if sum(found.values()) != 100:
        raise BadValue("shares", "The shares must make 100.")
    return found


def _some_stages(value: Any) -> Any:
    if isinstance(value, list | tuple) and value:
        return value
    raise BadValue("empty", "At least one stage is needed: - name: win_back.")


def _above_zero(value: Any) -> int:
    found = values.whole(value)
    if found < 1:
        raise BadValue("range", "At least 1.")
    return found


Several = Annotated[int, before(_above_zero), schema(type="integer", minimum=1)]
AtMost = Annotated[
    Amount,
    before(_amount),
    schema(anyOf=[{"type": "integer", "minimum": 1}, {"type": "string", "pattern": PERCENT[:-1] + "of contacts$"}]),
]
Shares = Annotated[dict[str, int], before(_shares), schema(type="object", additionalProperties={"type": "integer"})]
ActionWord = Annotated[Action, before(_action), schema(enum=list(ACTIONS))]
CleanupWord = Annotated[CleanupAction, before(_cleanup_action), schema(enum=list(CLEANUP_ACTIONS))]


class NeverEngaged(Model):
    """The threshold for those who never showed a signal, from joining or opting in on. Without `sends` the general one
    holds; without `after` only mails count."""

    after: Days | None = None
    sends: Whole | None = None


class Inactive(Model):
    """At least one is set. Both must hold: `after` without a signal, and `sends` mails received meanwhile (if known).
    Without `after` there is no time limit: `sends` mails since the last activity, and they must be known."""

    after: Days | None = None
    sends: Whole | None = None
    never_engaged: NeverEngaged | None = None


class StageSplit(Model):
    """A test within a stage: whole shares that make 100; the part called holdout gets neither tag nor list."""

    name: Text
    of: Shares


class Stage(Model):
    """One stage. `after` counts from the recorded entry into the stage before; the first has none."""

    name: Text
    after: Days | None = None
    tag: Text | None = None
    list_: Text | None = Field(default=None, alias="list")
    action: ActionWord | None = None
    split: StageSplit | None = None


class Returned(Model):
    """What somebody gets who comes back, and for how long."""

    tag: Text | None = None
    list_: Text | None = Field(default=None, alias="list")
    for_: Days | None = Field(default=None, alias="for")


class Ramp(Model):
    """At most so many people leave per run."""

    at_most: AtMost
    per: Literal["run"] = "run"


class Whose(Model):
    """`for:` of a policy: everybody in it is matched by `when`, at the destinations `to`. One of them is set. `written`
    is the text that tells it from other policies."""

    when: Annotated[Rule | None, SkipValidation] = None
    to: tuple[str, ...] = ()
    written: str = ""


class Lifecycle(Model):
    """One policy: who is inactive, which stages follow, who is never touched. Of several the first counts whose `for`
    matches a person at a destination; one without matches everybody."""

    for_: Annotated[Whose | None, schema(type=["string", "array", "object"])] = Field(default=None, alias="for")
    signals: TextList  # columns or traits with the time of the last activity
    inactive: Inactive
    protect: TextList = ()  # segments
    stages: Annotated[tuple[Stage, ...], before(_some_stages)]
    returned: Returned | None = None
    ramp: Ramp | None = None

    def at(self, destination: str) -> bool:
        """Whether it holds there."""
        return self.for_ is None or not self.for_.to or destination in self.for_.to

    def targets(self) -> Iterator[tuple[tuple[str | int, ...], Kind, str]]:
        """The tags and lists of the stages, and where in the policy each is written."""
        parts: list[tuple[tuple[str | int, ...], Stage | Returned]] = [
            (("stages", number), stage) for number, stage in enumerate(self.stages)
        ]
        parts += [(("returned",), self.returned)] if self.returned else []
        for loc, part in parts:
            yield from ((loc, kind, name) for kind, name in ((Kind.TAG, part.tag), (Kind.LIST, part.list_)) if name)


class Bounced(Model):
    """From how many bounces on a contact is archived or suppressed."""

    hard: Several = 1
    soft: Several | None = None
    action: CleanupWord = "report"


class Unsubscribed(Model):
    """What happens with those who unsubscribed on the platform and still carry our tags."""

    action: CleanupWord = "report"


class Invalid(Model):
    """What happens with addresses of the export that look wrong."""

    syntax: Hygiene = "quarantine"
    role: Hygiene = "report"
    disposable: Hygiene = "report"
    typo: Hygiene = "report"


class Cleanup(Model):
    """Housekeeping beside the lifecycle; `protect` of the lifecycle stops it too."""

    bounced: Bounced | None = None
    unsubscribed: Unsubscribed | None = None
    invalid: Invalid = Invalid()
