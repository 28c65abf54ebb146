"""Figures of segments from mail, money and goals: small worlds by hand, and a generated year with known truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from connector.config.language.rules import Duration
from connector.config.sections.measure import Goal, Mail
from connector.measure import facts as room
from connector.measure import rates
from connector.measure.facts import EVENTS, KINDS, MAIL, MONEY, NAIVE, Facts
from connector.measure.history import SPELLS
from connector.measure.performance import Figure, Performance, performances
from connector.measure.periods import NOW, Stretch, stretches
from connector.measure.together import Asked

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = {kind: getattr(Mail(source="m"), kind) for kind in KINDS}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def table(schema: pa.Schema, *rows: tuple[object, ...]) -> pa.Table:
    plain = [[None if value is None else value for value in row] for row in rows]
    columns = list(zip(*plain, strict=True)) if plain else [()] * len(schema)
    made = []
    for field, column in zip(schema, columns, strict=True):
        values = [
            value.replace(tzinfo=None) if isinstance(value, datetime) and field.type == NAIVE else value
            for value in column
        ]
        made.append(pa.array(values, field.type))
    return pa.table(made, schema=schema)


def people(letters: str, members: str) -> pa.Table:
    joined = pa.array([datetime(2025, 1, 1)] * len(letters), NAIVE)
    return pa.table({"email": list(letters), "joined": joined, "in:s": [letter in members for letter in letters]})


def measured(
    facts: Facts, spells: pa.Table, low: float, high: float, goal: object = None, known: datetime | None = START
) -> Performance:
    length = high - low
    parts = {
        NOW: Stretch(day(low), day(high)),
        "before": Stretch(day(low - length), day(low)),
        "year_before": Stretch(day(low - 365), day(high - 365)),
    }
    with room.opened(facts) as connection:
        return performances(connection, facts, [Asked("s", "S", goal, spells, known)], parts)[0]


def figures(found: Performance) -> Mapping[str, Figure]:
    return {figure.name: figure for figure in (*found.figures, *found.lifetime)}


def test_a_person_counts_while_they_were_a_member() -> None:
    mail = table(
        MAIL,
        ("a", day(1), "sent", "m1", None),
        ("a", day(1.5), "Clicked", "m1", None),
        ("a", day(6), "sent", "m2", None),
        ("b", day(6), "received", "m2", None),
        ("b", day(6.1), "opened", "m2", True),
        ("c", day(6), "sent", "m2", None),
        ("c", day(6.1), "opened", "m2", False),
        ("c", day(6.2), "clicked", "m2", None),
        ("c", day(9), "clicked", "m2", None),
        ("d", day(6), "sent", "m2", None),
        ("d", day(6), "bounced", "m2", None),
    )
    revenue = table(MONEY, ("a", day(2), 10.0), ("a", day(7), 30.0), ("c", day(8), 60.0))
    goals = {"orders": table(EVENTS, ("a", day(2)), ("c", day(8)), ("c", day(8.5)))}
    facts = Facts(day(20), people("abcd", "c"), mail, revenue, goals, WORDS, by_message=True, machines=True)
    spells = table(SPELLS, ("s", "a", START, day(5)), ("s", "c", START, None))
    found = measured(facts, spells, 0, 10, Goal(source="orders", within=Duration(3, "day"), after="send"))
    by_name = figures(found)
    assert (found.members, found.sent) == (1, 2)
    shown = {name: (one.members.value, one.others.value) for name, one in by_name.items()}
    assert shown["click_rate"] == (1.0, 0.0) and shown["open_rate"] == (0.5, 0.0)
    assert shown["click_to_open"] == (1.0, None), "a machine's open is none"
    assert shown["bounce_rate"] == (0.0, pytest.approx(1 / 3))
    assert shown["conversion_rate"] == (1.0, 0.0)
    assert shown["revenue_share"] == (pytest.approx(0.7), pytest.approx(0.3))
    assert shown["revenue_per_member"] == (pytest.approx(70 / 1.5), pytest.approx(30 / 2.5))
    assert "tells of no mails that were unsubscribed" in by_name["unsubscribe_rate"].why
    assert "without those of machines" in by_name["open_rate"].why
    assert shown["revenue"] == (60.0, pytest.approx(40 / 3)) and shown["orders"] == (1.0, pytest.approx(2 / 3))
    assert shown["days_since_activity"][0] == pytest.approx(12)
    late = figures(measured(facts, spells, 0, 10, Goal(source="orders", within=Duration(90, "day"))))
    assert late["conversion_rate"].members.value is None, "their time is not over yet"


def test_without_messages_what_follows_belongs_to_the_last_mail_before() -> None:
    mail = table(
        MAIL,
        ("a", day(1), "sent", None, None),
        ("a", day(1.5), "opened", None, None),
        ("a", day(3), "sent", None, None),
        ("a", day(3.5), "clicked", None, None),
        ("a", day(0.5), "clicked", None, None),
    )
    facts = Facts(day(20), people("a", "a"), mail, words=WORDS)
    by_name = figures(measured(facts, table(SPELLS, ("s", "a", START, None)), 0, 10))
    assert by_name["click_rate"].members.number == 2 and by_name["click_rate"].members.value == 0.5
    assert "machines are not told apart" in by_name["open_rate"].why


def test_what_cannot_be_told_says_why() -> None:
    facts = Facts(day(20), people("ab", "a"))
    nobody = SPELLS.empty_table()
    by_name = figures(measured(facts, nobody, 0, 10, known=None))
    assert {one.why.split(":")[0] for one in by_name.values() if one.name.endswith("_rate")} == {
        "members are not known"
    }
    assert by_name["tenure_days"].members.value == pytest.approx(385)
    later = figures(measured(facts, nobody, 0, 10, known=day(15)))
    assert later["click_rate"].why == "members are known from 2026-01-16 on only"
    named = figures(measured(facts, nobody, 0, 10))
    assert "measure: {mail" in named["click_rate"].why and "measure: {revenue" in named["revenue_share"].why


# -- a generated year -------------------------------------------------------------------------------------------------

PEOPLE, MAILS = 1200, 24
CLICKS, PRICE, RISE = 0.06, 40.0, 1.5


def shop(seed: int) -> tuple[Facts, pa.Table]:
    """A third of the people are members from day 60 on, and click twice as often as the others; all orders cost half as
    much again from day 180 on."""
    random = np.random.default_rng(seed)
    letters = np.array([f"p{number}" for number in range(PEOPLE)])
    member = random.random(PEOPLE) < 1 / 3
    rate = random.beta(4 * CLICKS, 4 * (1 - CLICKS), PEOPLE) * np.where(member, 2, 1)
    sent = np.arange(MAILS) * 15.0 + 1
    who, which = (grid.ravel() for grid in np.meshgrid(np.arange(PEOPLE), np.arange(MAILS)))
    clicked = random.random(len(who)) < np.minimum(rate[who], 1)
    orders = random.poisson(2.0, PEOPLE)
    buyer = np.repeat(np.arange(PEOPLE), orders)
    when = random.random(len(buyer)) * 365
    amount = random.lognormal(math.log(PRICE), 0.5, len(buyer)) * np.where(when >= 180, RISE, 1)

    def times(days: np.ndarray) -> pa.Array:
        return pa.array((days * 86_400_000_000).astype("int64") + int(START.timestamp() * 1_000_000)).cast(NAIVE)

    mails = pa.table(
        [
            pa.array(np.concatenate([letters[who], letters[who[clicked]]])),
            pa.concat_arrays([times(sent[which]), times(sent[which[clicked]] + 0.4)]),
            pa.array(["sent"] * len(who) + ["clicked"] * int(clicked.sum())),
            pa.array([f"m{number}" for number in np.concatenate([which, which[clicked]])]),
            pa.nulls(len(who) + int(clicked.sum()), pa.bool_()),
        ],
        schema=MAIL,
    )
    money = pa.table([pa.array(letters[buyer]), times(when), pa.array(amount)], schema=MONEY)
    table_ = pa.table({"email": letters, "joined": pa.nulls(PEOPLE, NAIVE), "in:s": member})
    spells = table(SPELLS, *(("s", letter, day(60), None) for letter in letters[member]))
    return Facts(day(365), table_, mails, money, {}, WORDS, by_message=True), spells


def truths(seed: int) -> dict[str, bool]:
    """Whether the intervals of one world hold what is true of all."""
    facts, spells = shop(seed)
    mean = PRICE * math.exp(0.5**2 / 2)
    late, early = figures(measured(facts, spells, 180, 360)), figures(measured(facts, spells, 60, 180))
    first = figures(measured(facts, spells, 0, 60))
    per_day = 2.0 / 365 * mean
    assert first["click_rate"].members.value is None and first["click_rate"].others.value is not None
    expected = {
        "members": (late["click_rate"].members, 2 * CLICKS),
        "others": (late["click_rate"].others, CLICKS),
        "twice": (late["click_rate"].times, 2.0),
        "before the rise": (early["revenue_per_member"].members, 120 * per_day),
        "after the rise": (late["revenue_per_member"].members, 180 * per_day * RISE),
        "equal": (late["revenue_per_member"].times, 1.0),
    }
    return {
        name: bool(one.low is not None and one.high is not None and one.low <= true <= one.high)
        for name, (one, true) in expected.items()
    }


@pytest.mark.parametrize("seed", range(8))
def test_many_segments_counted_together_are_as_each_counted_by_hand(seed: int) -> None:
    """People who are not in the export, refunds, who came and went and came back, and segments of different ages."""
    random = np.random.default_rng(seed)
    everybody = [f"p{number}" for number in range(40)]
    export = everybody[:30]
    mails = {
        (who, day(int(at))): tuple(bool(did) for did in random.random(4) < (0.5, 0.3, 0.1, 0.1))
        for who in everybody
        for at in random.choice(60, random.integers(0, 6), replace=False)
    }
    rows = [
        (who, at + timedelta(hours=number), kind, f"{at}", None)
        for (who, at), did in mails.items()
        for number, kind in enumerate(["sent", *(kind for kind, done in zip(MARKS, did, strict=True) if done)])
    ]
    times, amounts = random.random(len(everybody) * 3) * 60, random.integers(-20, 100, len(everybody) * 3)
    money = [
        (who, day(float(at)), float(amount)) for who, at, amount in zip(everybody * 3, times, amounts, strict=True)
    ]
    facts = Facts(day(55), people("", "x"), table(MAIL, *rows), table(MONEY, *money), {}, WORDS, by_message=True)
    goals = {"orders": table(EVENTS, *((who, at) for who, at, _ in money))}
    columns = {f"in:{name}": random.random(len(export)) < 0.4 for name in "abc"}
    joined = pa.nulls(len(export), NAIVE)
    facts = replace(facts, people=pa.table({"email": export, "joined": joined, **columns}), goals=goals)
    goal = {"a": Goal(source="orders", within=Duration(3, "day")), "b": Goal(source="orders", after="click"), "c": None}
    known = {"a": day(0), "b": day(25), "c": day(0)}
    spells = {name: came_and_went(random, everybody, known[name]) for name in "abc"}
    asked = [Asked(name, name, goal[name], table(SPELLS, *spells[name]), known[name]) for name in "abc"]
    parts = {
        NOW: Stretch(day(40), day(60)),
        "before": Stretch(day(20), day(40)),
        "year_before": Stretch(day(0), day(9)),
    }
    with room.opened(facts) as connection:
        found = {one.segment: one for one in performances(connection, facts, asked, parts)}
    for name in "abc":
        by_name = figures(found[name])
        for period, side in ((NOW, "members"), (NOW, "others"), ("before", "before"), ("year_before", "year_before")):
            low, high = max(parts[period].low, known[name]), parts[period].high
            expected = by_hand(mails, money, export, spells[name], goal[name], low, high, side != "others")
            for figure, sums in expected.items():
                made = rates.mean if figure.startswith("revenue") else rates.rate
                numbers, wanted = (
                    [math.nan if value is None else value for value in astuple(one)][
                        : 1 if figure == "revenue_share" else 5
                    ]
                    for one in (getattr(by_name[figure], side), made(sums))
                )
                assert numbers == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True), (name, period, figure, side)


MARKS = ("opened", "clicked", "bounced", "unsubscribed")
Spells = list[tuple[str, str, datetime, datetime | None]]


def came_and_went(random: np.random.Generator, everybody: list[str], known: datetime) -> Spells:
    """Some were in it all the time, some never, some for a while, some twice."""
    found: Spells = []
    for who in everybody:
        ends = sorted(day(float(at)) for at in random.choice(60, 3, replace=False))
        kind = random.integers(0, 4)
        found += [("s", who, known, None)] if kind == 0 else []
        found += [("s", who, max(known, ends[0]), ends[1])] if kind >= 2 and ends[1] > known else []
        found += [("s", who, max(known, ends[2]), None)] if kind == 3 else []
    return found


def by_hand(
    mails: Mapping[tuple[str, datetime], tuple[bool, ...]],
    money: list[tuple[str, datetime, float]],
    export: list[str],
    spells: Spells,
    goal: Goal | None,
    low: datetime,
    high: datetime,
    member: bool,
) -> Mapping[str, rates.Sums]:
    """Of members or of everybody else, person by person."""

    def mine(who: str, at: datetime) -> bool:
        inside = any(who == one and since <= at and (until is None or at < until) for _, one, since, until in spells)
        return inside == member

    pairs: dict[str, list[tuple[float, float]]] = {}
    for who in {who for who, _ in mails}:
        sent = [(at, did) for (one, at), did in mails.items() if one == who and low <= at < high and mine(who, at)]
        there = [(at, did) for at, did in sent if not did[2]]
        opened, clicked, gone = (sum(did[number] for _, did in there) for number in (0, 1, 3))
        both = sum(did[0] and did[1] for _, did in there)
        ripe = converted = 0
        for at, did in there:
            # Somebody who opened clicked an hour later.
            start = at if goal and goal.after == "send" else at + timedelta(hours=1 + did[0]) if did[1] else None
            end = start and (start + timedelta(days=goal.within.number) if goal and goal.within else high)
            if goal and start and end and end <= day(55):
                ripe += 1
                converted += any(one == who and start < then <= end for one, then, _ in money)
        for figure, pair in {
            "open_rate": (len(there), opened),
            "click_rate": (len(there), clicked),
            "click_to_open": (opened, both),
            "bounce_rate": (len(sent), len(sent) - len(there)),
            "unsubscribe_rate": (len(there), gone),
            "conversion_rate": (ripe, converted),
        }.items():
            pairs.setdefault(figure, []).append(pair)
    for who in export:
        spent = [(at, amount) for one, at, amount in money if one == who and low <= at < high]
        there = sum(
            (min(until or high, high) - max(since, low)) / (high - low)
            for _, one, since, until in spells
            if one == who and since < high and (until is None or until > low)
        )
        amount = sum(amount for at, amount in spent if mine(who, at))
        pairs.setdefault("revenue_per_member", []).append((there if member else 1 - there, amount))
        pairs.setdefault("revenue_share", []).append((sum(amount for _, amount in spent), amount))
    return {
        figure: rates.Sums(
            len(told), *(sum(f(float(x), float(y)) for x, y in told) for f in (X, Y, XX, XY, YY))
        )
        for figure, each in pairs.items()
        for told in [[(x, y) for x, y in each if x > 1e-12]]
    }  # fmt: skip


X, Y = (lambda x, y: x), (lambda x, y: y)
XX, XY, YY = (lambda x, y: x * x), (lambda x, y: x * y), (lambda x, y: y * y)


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize("worlds", [2, 200])
def test_a_year_of_a_shop_is_recovered(worlds: int) -> None:
    held = [truths(seed) for seed in range(worlds)]
    shares = {name: sum(one[name] for one in held) / worlds for name in held[0]}
    if worlds < 200:
        assert all(share >= 0.5 for share in shares.values()), shares
    else:
        assert all(0.92 <= share <= 0.98 for share in shares.values()), shares


@pytest.mark.parametrize(
    ("written", "now", "before", "year"),
    [
        ("30 days", ("10-21", "11-20"), ("09-21", "10-21"), ("2025-10-21", "2025-11-20")),
        ("last month", ("10-01", "11-01"), ("09-01", "10-01"), ("2025-10-01", "2025-11-01")),
        ("2026-02", ("02-01", "03-01"), ("01-01", "02-01"), ("2025-02-01", "2025-03-01")),
        ("this month", ("11-01", "11-20"), ("10-01", "10-20"), ("2025-11-01", "2025-11-20")),
        ("2026-03-01..2026-03-11", ("03-01", "03-11"), ("02-19", "03-01"), ("2025-03-01", "2025-03-11")),
    ],
)
def test_periods(written: str, now: tuple[str, str], before: tuple[str, str], year: tuple[str, str]) -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    as_of = datetime(2026, 11, 20, 12, tzinfo=zone).astimezone(UTC)
    found = stretches(written, as_of, zone)
    for stretch, expected in zip(found.values(), (now, before, year), strict=True):
        shown = [f"{side.astimezone(zone):%Y-%m-%d}" for side in (stretch.low, stretch.high)]
        assert shown == [end if len(end) > 5 else f"2026-{end}" for end in expected]
