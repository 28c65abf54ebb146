"""What people write around a declared number: currencies, percent, brackets and signs of the minus, thousands as `k`.

Owns: bare(), exponent(), currency(). Must not: choose a decimal sign, tell of anything (currencies.py).
"""

from __future__ import annotations

from connector.sources.text import literal

_SIGNS = r"[€$£¥₣₹₺₽₴₩₪₫฿₱₦₡₲₵₸]"
_WORDS = r"(?i:kr|zł|kč|ft|lei|rs|fr|руб|лв|ден|дин)\.?"
_BLANKS = r"[\s\x{a0}\x{202f}\x{2009}'’]"
_AROUND = rf"{_SIGNS}|\b[A-Z]{{1,3}}\$|{_BLANKS}|%|^[A-Z]{{3}}|[A-Z]{{3}}$|^{_WORDS}|{_WORDS}$"
_NUMBER = rf"\d[\d.,]*(?: ?[kKM]\b)?|[.,()+%\-−–﹣－]|{_BLANKS}"


def bare(value: str) -> str:
    """SQL: the number without what people write around it, with the minus in front."""
    number = f"regexp_replace({_stripped(value)}, '[kKM]$', '')"
    signed = rf"regexp_replace({number}, '^-?(.+)-$|^-[A-Z]{{3}}(.+)$', '-\1\2')"
    return f"CASE WHEN {_is_usual(value)} THEN {value} ELSE {signed} END"


def exponent(value: str) -> str:
    """SQL: what a cast has to read behind the bare number: 1.2k is 1.2e3."""
    sign = f"regexp_extract({_stripped(value)}, '[kKM]$')"
    factor = f"CASE {sign} WHEN '' THEN '' WHEN 'M' THEN 'e6' ELSE 'e3' END"
    return f"CASE WHEN {_is_usual(value)} THEN '' ELSE {factor} END"


def _stripped(value: str) -> str:
    """SQL: without currencies, blanks and brackets."""
    inner = rf"regexp_replace(translate({value}, '−–﹣－', '----'), '^\s*\((.*)\)\s*$', '-\1')"
    return f"regexp_replace({inner}, {literal(_AROUND)}, '', 'g')"


def _is_usual(value: str) -> str:
    return f"regexp_full_match({value}, '[-+]?[0-9.,]*[0-9]')"


def currency(value: str) -> str:
    """SQL: the sign, code or word of a currency in the cell, in capitals, "" without one."""
    rest = f"upper(regexp_replace({value}, {literal(_NUMBER)}, '', 'g'))"
    return f"CASE WHEN {_is_usual(value)} THEN '' ELSE {rest} END"
