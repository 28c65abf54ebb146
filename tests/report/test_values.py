"""The numbers of a report, counted a second time or known beforehand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connector.segments.evaluate import Look, evaluate
from connector.segments.picture.grid import grid
from connector.segments.picture.overlap import overlaps
from connector.segments.picture.profiles import profiles
from tests.path.sample import desired
from tests.report.conftest import Made
from tests.segments import world

AS_OF = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_the_demo_counted_row_by_row(made: Made) -> None:
    """`consenting` against a reading of the exports without the connector, and the exact combinations."""
    people = desired(made.folder / "exports")
    assert {one["name"]: one["consenting"] for one in made.found["segments"]} == {
        name: len(emails) for name, emails in people.items()
    }
    found = made.found["overlap"]
    everybody = sum(one["contacts"] for one in found["combinations"]) + found["other_combinations"]["contacts"]
    assert everybody + found["in_no_segment"] == made.found["contacts"]
    sizes: Counter[str] = Counter()
    for one in found["combinations"]:
        sizes.update(dict.fromkeys(one["segments"], one["contacts"]))
    assert {one["name"]: one["members"] for one in made.found["segments"]} == dict(sizes)


def test_what_a_push_confirmed_is_held_and_nothing_is_left_to_do(made: Made) -> None:
    people = desired(made.folder / "exports")
    klaviyo = next(side for side in made.found["destinations"] if side["name"] == "klaviyo")
    held = {target["segment"]: target for target in klaviyo["targets"] if not target["stage"]}
    assert {name: target["members"] for name, target in held.items()} == {n: len(p) for n, p in people.items()}
    assert all(target["would_add"] == target["would_remove"] == 0 for target in held.values())
    assert [one["reason"] for one in klaviyo["blocked"]] == ["no_consent"]


@pytest.fixture(scope="module")
def small() -> world.Evaluation:
    """Ten people: p0 to p9; spend 0, 10 … 90, orders 0 to 9, last order so many days ago; even ones are German."""
    rules = "  low: {when: {spent: {less_than: 45}}}\n  german: {when: {land: DE}}\n"
    rules += "  none: {when: {spent: {more_than: 1000}}}"
    rows = [
        {
            "email": f"p{number}@example.com",
            "spent": Decimal(number * 10),
            "number": number,
            "last": (AS_OF - timedelta(days=number)).replace(tzinfo=None) if number else None,
            "land": "FR" if number % 2 else "DE",
        }
        for number in range(10)
    ]
    types = {"spent": "number", "number": "integer", "last": "timestamp", "land": "country"}
    loaded = world.loaded(rows, types)  # type: ignore[arg-type]
    return evaluate(world.config(rules), loaded, AS_OF, look=Look(also=("spent", "number", "last", "land")))


COLUMNS = {"spend": "also:0", "orders": "also:1", "last": "also:2", "country": "also:3"}


def test_typical_values_beside_those_of_everybody_else(small: world.Evaluation) -> None:
    low, german, nobody = profiles(small, ["low", "german", "none"], COLUMNS, AS_OF)
    members, others = low.values["spend"]
    assert (members.known, members.low, members.median, members.high) == (5, 10.0, 20.0, 30.0)
    assert (others.known, others.median) == (5, 70.0)
    ago, _ = low.values["last"]  # p0 has no order, and is not taken for one of long ago
    assert (ago.known, ago.median) == (4, 2.5)
    assert nobody.values["spend"][0].median is None and nobody.values["spend"][1].known == 10
    assert [(one.country, one.members, one.share, one.others) for one in low.countries] == [
        ("DE", 3, 0.6, 0.4),
        ("FR", 2, 0.4, 0.6),
    ]
    assert german.countries[0].share == 1.0 and not nobody.countries


def test_overlaps_and_exact_combinations(small: world.Evaluation) -> None:
    found = overlaps(small, ["low", "german", "none"])
    assert [(pair.one, pair.other, pair.both, pair.share) for pair in found.pairs] == [
        ("low", "german", 3, 0.6),
        ("low", "none", 0, 0.0),
        ("german", "none", 0, 0.0),
    ]
    assert {one.segments: one.contacts for one in found.combinations} == {
        ("low", "german"): 3,
        ("low",): 2,
        ("german",): 2,
    }
    assert (found.nowhere, found.rest, found.kinds) == (3, 0, 0)
    assert overlaps(small, []).nowhere == 10


def test_the_matrix_has_those_that_overlap_most(made: Made) -> None:
    assert made.found["overlap"]["most"] == [one["name"] for one in made.found["segments"]]


def test_the_grid_scores_in_fifths_of_those_who_ordered(small: world.Evaluation) -> None:
    """p1 ordered once and last, p9 nine times and longest ago; those who never ordered are in no cell."""
    cells = {(cell.recency, cell.frequency): (cell.contacts, cell.spend) for cell in grid(small, COLUMNS)}
    assert sum(contacts for contacts, _ in cells.values()) == 9
    assert (cells[5, 1], cells[4, 1]) == ((1, 10.0), (1, 20.0))
    assert grid(small, {"spend": "also:0"}) == ()
