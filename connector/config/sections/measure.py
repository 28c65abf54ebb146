"""`goal` of a segment, `measure:` and `experiments:` as typed values.

Owns: their keys and defaults. Must not: compute a figure, know the rest of the file (aims.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from connector.config.language import durations, values
from connector.config.language.rules import Duration
from connector.config.sections.codes import BadValue
from connector.config.sections.fields import (
    DURATION,
    PERCENT,
    Day,
    Model,
    Text,
    TextList,
    Texts,
    before,
    schema,
)
from connector.core.problem import one_of

After = Literal["send", "click"]
Method = Literal["sequential", "fixed"]
OPENS, CLICKS = "opens", "clicks"


class Goal(Model):
    """An event of `source` `within` a time after a mail was sent, or clicked; of an experiment: after somebody came
    into a part. `within` None: until the end of the period."""

    source: str
    within: Duration | None = None
    after: After = "send"

    def __str__(self) -> str:
        """As people read it: orders within 7 days of a click."""
        if self.within is None:
            return self.source
        return f"{self.source} within {self.within}" + (" of a click" if self.after == "click" else "")


def _goal(value: Any) -> Any:
    if isinstance(value, Goal) or value is None:
        return value
    if not isinstance(value, dict):
        return values.text(value)
    if len(value) != 1:
        raise BadValue("wrong-type", "A goal that is measured names one source: {orders: {within: 7 days}}.")
    ((source, how),) = value.items()
    how = {} if how is None else how
    if not isinstance(how, dict) or not set(how) <= {"within", "after"}:
        raise BadValue("wrong-type", "Beside the source stand `within` and `after`: {orders: {within: 7 days}}.")
    after = how.get("after", "send")
    if after not in ("send", "click"):
        raise BadValue("unknown-value", f"`after` is what the time is counted from.{one_of(after, ('send', 'click'))}")
    within = durations.duration(how["within"]) if "within" in how else None
    return Goal(source=str(source), within=within, after=after)


_HOW = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"within": {"type": "string", "pattern": DURATION}, "after": {"enum": ["send", "click"]}},
}
_EVENT = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _HOW}
AnyGoal = Annotated[str | Goal | None, before(_goal), schema(anyOf=[{"type": ["string", "number"]}, _EVENT])]


def _aim(value: Any) -> Any:
    found = _goal(value)
    if isinstance(found, str) and found not in (OPENS, CLICKS):
        raise BadValue(
            "unknown-value", f"An experiment needs a goal that can be measured.{one_of(found, (OPENS, CLICKS))}"
        )
    return found


Aim = Annotated[str | Goal, before(_aim), schema(anyOf=[{"enum": [OPENS, CLICKS]}, _EVENT])]


def _effect(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    found = values.percent(value)
    if found <= 0:
        raise BadValue("bad-percent", "The effect to be found is above 0: 10%.")
    return found


Effect = Annotated[Decimal, before(_effect), schema(anyOf=[{"type": "number"}, {"type": "string", "pattern": PERCENT}])]


class Mail(Model):
    """The event source that tells what became of mail. `kind` is its column of kinds; the others are words in it."""

    source: Text
    kind: Text = "type"
    message: Text | None = None  # the column that tells mails of one person apart; None: by day
    machine: Text | None = None  # a yes/no column: opened by a privacy proxy
    sent: Texts = ("sent", "received", "delivered", "received email")
    opened: Texts = ("opened", "open", "opened email")
    clicked: Texts = ("clicked", "click", "clicked email")
    bounced: Texts = ("bounced", "bounce", "bounced email")
    unsubscribed: Texts = ("unsubscribed", "unsubscribe")


class Measure(Model):
    mail: Mail | None = None
    revenue: Text | None = None  # SOURCE.COLUMN


class Experiment(Model):
    """`parts` are segments that split the same people, the first is the one that others are compared with."""

    name: str
    parts: TextList
    goal: Aim
    from_: Day = Field(alias="from")
    to: Day
    effect: Effect = Decimal(10)  # the relative lift, in percent, that is to be found
    method: Method = "sequential"
