"""Advice about the lifecycle's policy: what would archive people by haste, or nobody ever.

Owns: these findings. Must not: decide who is inactive (connector/lifecycle does), or look at a platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pyarrow.compute as pc

from connector.config.language.rules import Aggregate, Compare, Duration, Loc, Pick, walk
from connector.config.sections.advice_codes import AdviceCode
from connector.config.sections.lifecycle import Lifecycle
from connector.core.counts import by_count
from connector.segments.advice.model import Advice, Evidence

DAY, WEEK = timedelta(days=1), timedelta(days=7)
_UNITS = {"hour": DAY / 24, "day": DAY, "week": WEEK, "month": 30 * DAY, "year": 365 * DAY}
# What we do ourselves is no sign of anybody's life.
_OURS = frozenset({"send", "sends", "sent", "mailed", "mailing", "delivered", "delivery", "deliveries", "received"})
_THEIRS = frozenset({"click", "clicks", "clicked", "open", "opens", "opened", "reply", "replies", "replied", "order"})
Found = tuple[AdviceCode, Loc, str]


def advice(given: Evidence) -> Iterator[Advice]:
    for number, section in enumerate(given.config.lifecycle):
        people = _people(given, section, number)
        for code, loc, text in (*_durations(section), *_stages(section), *_mails(given, section), *people):
            yield given.file(code, (*given.config.policy_at(number), *loc), text)


def _durations(section: Lifecycle) -> Iterator[Found]:
    """A day is over before anybody has read a mail, and often before the next export."""
    written: list[tuple[Loc, Duration | None]] = [(("inactive", "after"), section.inactive.after)]
    written += [(("stages", number, "after"), stage.after) for number, stage in enumerate(section.stages)]
    written += [(("returned", "for"), section.returned.for_)] if section.returned else []
    for loc, duration in written:
        if duration is not None and length(duration) <= DAY:
            text = f"{duration} is over before anybody has read a mail. Write weeks, or months for `inactive`."
            yield "one-day", loc, text


def _stages(section: Lifecycle) -> Iterator[Found]:
    if len(section.stages) == 1 and section.stages[0].action:
        text = "People are archived without a win-back stage: this is the only stage. Put one before it."
        yield "one-stage", ("stages", 0, "action"), text
    rhythm = _rhythm(section)
    for number, stage in enumerate(section.stages):
        if stage.after is not None and DAY < length(stage.after) < rhythm:
            what = (
                f"a mail comes every {by_count(rhythm.days, 'day', f'{rhythm.days} days')}"
                if section.inactive.sends and section.inactive.after
                else "a mail a week at most is usual"
            )
            text = f"The stage before “{stage.name}” lasts {stage.after}, and {what}: some get no mail in it."
            yield "quick-stage", ("stages", number, "after"), text
    if section.ramp is None:
        text = "Everybody who is inactive on the first day enters at once. Write `ramp: {at_most: 5% of contacts}`."
        yield "no-ramp", ("stages",), text


def _rhythm(section: Lifecycle) -> timedelta:
    """How often people get a mail, as the policy itself assumes; a week when it does not say."""
    inactive = section.inactive
    return length(inactive.after) / inactive.sends if inactive.after and inactive.sends else WEEK


def _mails(given: Evidence, section: Lifecycle) -> Iterator[Found]:
    if section.inactive.sends == 0:
        yield "no-sends", ("inactive", "sends"), "0 mails hold for everybody. Delete `sends`, or write how many."
    for number, name in enumerate(section.signals):
        if _ours(given, name):
            text = (
                f"“{name}” is about mails that we sent: all who are mailed look active. Name what people do themselves."
            )
            yield "own-mails", ("signals", number), text


def _ours(given: Evidence, column: str) -> bool:
    trait = given.config.traits.get(column)
    if isinstance(trait, Pick):
        return any(_ours(given, name) for name in trait.columns)
    texts = [column]
    if isinstance(trait, Aggregate):
        compared = (node.value for node in walk(trait.where) if isinstance(node, Compare)) if trait.where else ()
        texts = [str(one) for value in compared for one in (value if isinstance(value, tuple) else (value,))]
        texts = texts or [trait.source]
    words = {word for text in texts for word in re.findall(r"[a-z]+", text.casefold())}
    return bool(words & _OURS) and not words & _THEIRS


def _people(given: Evidence, section: Lifecycle, place: int) -> Iterator[Found]:
    table = given.evaluation.table
    if table.num_rows and section.protect and pc.all(table[f"protected:{place}"]).as_py():
        yield "all-protected", ("protect",), "Everybody is protected, so nobody ever enters a stage. Narrow `protect`."
    if section.inactive.after is None:
        return
    since = given.as_of - length(section.inactive.after)
    for number, name in enumerate(section.signals):
        first = pc.min(table[f"signal:{name}"]).as_py() if table.num_rows else None
        if first is not None and first >= since:
            text = (
                f"“{name}” reaches back to {first:%Y-%m-%d}, and `inactive` asks for {section.inactive.after}: nobody "
                "is called inactive before that. Export a longer history, or wait."
            )
            yield "short-history", ("signals", number), text


def length(duration: Duration) -> timedelta:
    """About how long it is."""
    return duration.number * _UNITS[str(duration.unit)]
