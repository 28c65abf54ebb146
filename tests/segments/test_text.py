"""Text compares without regard to case, width and outer blanks; `case: exact` turns that off; missing never matches."""

from __future__ import annotations

import pytest

from tests.segments.world import rows, who

TOWNS = rows(
    "city",
    plain="Berlin",
    upper="BERLIN",
    wide="Ｂｅｒｌｉｎ",
    padded="\u00a0 Berlin\u200b\t",
    sharp="Straße",
    ss="STRASSE",
    percent="100%_off\\",
    composed="\u00c9t\u00e9",
    decomposed="E\u0301te\u0301",
    missing=None,
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("berlin", "padded plain upper wide"),
        ("' Berlin '", "padded plain upper wide"),
        ("{is: Berlin, case: exact}", "plain"),
        ("[BERLIN, strasse]", "padded plain sharp ss upper wide"),
        ("{in: [BERLIN, strasse], case: exact}", "upper"),
        ("{is: STRAßE}", "sharp ss"),
        ("{is: été}", "composed decomposed"),
        ("{contains: ERL}", "padded plain upper wide"),
        ("{contains: [erl, trass]}", "padded plain sharp ss upper wide"),
        ("{contains: ERL, case: exact}", "upper"),
        ("{contains: '%'}", "percent"),
        ("{contains: '_'}", "percent"),
        ("{contains: '\\'}", "percent"),
        ("{starts_with: ber}", "padded plain upper wide"),
        ("{ends_with: [LIN, sse]}", "padded plain sharp ss upper wide"),
        ("{matches: '^b.r'}", "padded plain upper wide"),
        ("{matches: '^B.r', case: exact}", "plain"),
        ("{matches: 'a(ss|ß)'}", "sharp ss"),
        ("{matches: 'lin|off'}", "padded percent plain upper wide"),
        ("{longer_than: 7}", "percent"),
        ("{shorter_than: 6}", "composed decomposed"),
        ("{longer_than: 5, shorter_than: 7}", "padded plain sharp upper wide"),
        ("{exists: true}", "composed decomposed padded percent plain sharp ss upper wide"),
        ("{exists: false}", "missing"),
        ("{is_not: berlin}", "composed decomposed missing percent sharp ss"),
        ("{not_in: [berlin, strasse]}", "composed decomposed missing percent"),
        ("{not_contains: e}", "composed decomposed missing percent"),
        ("{not_matches: '.'}", "missing"),
    ],
)
def test_text(test: str, expected: str) -> None:
    assert who(f"{{city: {test}}}", TOWNS, {"city": "text"}) == expected.split()


def test_numbers_in_a_rule_are_text_on_a_text_column() -> None:
    assert who("{zip: 10115}", rows("zip", a="10115", b="010115"), {"zip": "text"}) == ["a"]


def test_countries_and_phones_are_written_in_any_way() -> None:
    countries = rows("country", a="DE", b="US", c=None, d="Narnia")
    assert who("{country: Germany}", countries, {"country": "country"}) == ["a"]
    assert who("{country: [usa, narnia]}", countries, {"country": "country"}) == ["b", "d"]
    assert who("{phone: '+49 30 1234567'}", rows("phone", a="+49301234567"), {"phone": "phone"}) == ["a"]


def test_plain_and_awkward_texts_of_many_columns_keep_apart() -> None:
    contacts = [
        {"email": "a@example.com", "first": "Ü", "second": "x"},
        {"email": "b@example.com", "first": "x", "second": "ü "},
        {"email": "c@example.com", "first": "ü", "second": "Ü"},
    ]
    assert who("{first: ü, second: ü}", contacts, {"first": "text", "second": "text"}) == ["c"]


def test_the_address_is_a_column_like_any_other() -> None:
    assert who("{email: {starts_with: A}}", rows("city", a="x", b="y"), {"city": "text"}) == ["a"]
