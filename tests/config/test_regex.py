"""Patterns are those of RE2: what it lacks is refused here, what it has beyond `re` is let through."""

from __future__ import annotations

import duckdb
import pytest

from connector.config.language.regex import pattern
from connector.config.sections.codes import BadValue

GOOD = [
    r"^a.*b$", r"(?i)ab", r"a(?i)b", r"(?P<x>a)", r"(?:a|b)+?", r"a{2,5}?", r"\d+\.\w", r"\pL+", r"\p{Greek}", r"\PN",
    r"[[:alpha:]]", r"[^[:digit:]a-z]", r"[]a]", r"[^]a]", r"a\z", r"\Aa", r"\x{1F600}", r"[\x{1F600}-\x{1F64F}]",
    r"\Q(a\E", r"\C", r"a{,5}", r"{", r"[[a]", r"\-\_\@", r"(?s-i:a.b)", r"\123", "ü+", r"[a\]]b", r"x{1000}",
    r"\p{Lu}", r"((a{10}){10}){10}", r"(a{31}|b)*", r"(a{1000})+b{1000}", r"\pL{400}", r"(?:a{5}b{200}){2}",
]  # fmt: skip

BAD = [
    r"(", r")", r"[a", r"*a", r"a**", r"a*+", r"a{2}{3}", r"a{2,1}", r"(?=a)", r"(?!a)", r"(?<=a)", r"(?<!a)",
    r"(?>a)", r"(?<x>a)", r"(?P=x)", r"(a)\1", r"(?(1)a)", r"(?#c)", r"\Z", r"\u0041", r"\k", r"a{1001}", r"[z-a]",
    "\\", r"\x{110000}", "(" * 900, r"[\b]", r"\pX", r"\p{Lx}",
    r"((a{10}){10}){11}", r"(a{1000}){10}", r"(a*){1001}", r"(?:(x{2,}){600}|b)", r"(\pL{100}){10}", r"\pL{900}",
]  # fmt: skip


@pytest.mark.parametrize("good", GOOD)
def test_good(good: str) -> None:
    assert pattern(good) == good
    assert _engine_reads(good)


@pytest.mark.parametrize("bad", BAD)
def test_bad(bad: str) -> None:
    with pytest.raises(BadValue) as caught:
        pattern(bad)
    assert caught.value.code == "bad-regex"
    assert not _engine_reads(bad)


def test_too_long() -> None:
    with pytest.raises(BadValue, match="1000"):
        pattern("a" * 1001)


def _engine_reads(written: str) -> bool:
    try:
        duckdb.execute("select regexp_matches('abc', ?)", [written])
    except duckdb.Error:
        return False
    return True
