"""Numbers are exact; lists and yes/no compare their elements like text."""

from __future__ import annotations

import pytest

from tests.segments.world import amount, rows, who

MONEY = rows("spent", low=amount("0.30"), mid=amount("10.00"), high=amount("99.99"), minus=amount("-1"), missing=None)
LISTS = rows(
    "tags",
    both=["VIP ", "Wholesale"],
    vip=["ｖｉｐ"],
    wholesale=["wholesale"],
    empty=[],
    hole=[None, "x"],
    missing=None,
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("10", "mid"),
        ("{is: '10.000'}", "mid"),
        ("{is: 0.305}", ""),
        ("[0.3, 99.99]", "high low"),
        ("[0.301, 7]", ""),
        ("{at_least: 0.3}", "high low mid"),
        ("{at_least: 0.305}", "high mid"),
        ("{more_than: 0.295}", "high low mid"),
        ("{at_most: 0.305}", "low minus"),
        ("{less_than: 0.305}", "low minus"),
        ("{less_than: 0.3}", "minus"),
        ("{more_than: 99.99}", ""),
        ("{between: [0.3, 10]}", "low mid"),
        ("{at_least: 1000000000000000000000000000000}", ""),
        ("{at_most: 1000000000000000000000000000000}", "high low mid minus"),
        ("{more_than: -1000000000000000000000000000000}", "high low mid minus"),
        ("{is: 1000000000000000000000000000000}", ""),
        ("{is_not: 10}", "high low minus missing"),
        ("{at_least: 0, less_than: 10}", "low"),
        ("{exists: false}", "missing"),
    ],
)
def test_numbers(test: str, expected: str) -> None:
    assert who(f"{{spent: {test}}}", MONEY, {"spent": "number"}) == expected.split()


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{at_least: 9223372036854775807}", "top"),
        ("{more_than: 9223372036854775807}", ""),
        ("{at_least: 9223372036854775808}", ""),
        ("{less_than: 2.5}", "two"),
        ("{more_than: 1.5}", "top two"),
        ("{is: 2.0}", "two"),
    ],
)
def test_whole_numbers(test: str, expected: str) -> None:
    assert who(f"{{n: {test}}}", rows("n", two=2, top=2**63 - 1, none=None), {"n": "integer"}) == expected.split()


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{has: vip}", "both vip"),
        ("{has: VIP, case: exact}", ""),
        ("{has: Wholesale, case: exact}", "both"),
        ("{has_any: [vip, wholesale]}", "both vip wholesale"),
        ("{has_all: [vip, wholesale]}", "both"),
        ("{has_none: [vip, nobody]}", "empty hole missing wholesale"),
        ("{has: '%'}", ""),
        ("{size: {at_least: 2}}", "both hole"),
        ("{size: {is: 0}}", "empty"),
        ("{size: {at_least: 1, at_most: 1}}", "vip wholesale"),
        ("{exists: true}", "both empty hole vip wholesale"),
        ("{exists: false}", "missing"),
    ],
)
def test_lists(test: str, expected: str) -> None:
    assert who(f"{{tags: {test}}}", LISTS, {"tags": "list"}) == expected.split()


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("true", "yes"),
        ("false", "no"),
        ("{is_not: true}", "missing no"),
        ("{is: 'YES'}", "yes"),
        ("[true, false]", "no yes"),
        ("{exists: true}", "no yes"),
    ],
)
def test_yes_and_no(test: str, expected: str) -> None:
    assert (
        who(f"{{opted: {test}}}", rows("opted", yes=True, no=False, missing=None), {"opted": "boolean"})
        == expected.split()
    )
