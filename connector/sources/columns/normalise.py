"""Countries, phones and yes/no words in one spelling each.

Owns: country(), phone(), boolean(), and the mapping tables for a column's distinct texts. Rules use the same functions
for their values. Must not: touch a column of another type.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from connector.sources.text import fold, literal, literals

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

# Of exports in English, German, French, Spanish, Italian, Dutch, Portuguese and Polish; words, signs, a sheet's own.
YES = (
    "true", "yes", "y", "t", "1", "1.0", "on", "ja", "j", "wahr", "oui", "vrai", "sí", "si", "sì", "verdadero",
    "vero", "waar", "sim", "verdadeiro", "tak", "prawda",
)  # fmt: skip
NO = (
    "false", "no", "n", "f", "0", "0.0", "off", "nein", "falsch", "non", "faux", "falso", "nee", "neen", "onwaar",
    "não", "nao", "nie", "fałsz",
)  # fmt: skip
# What may follow such a word: since when. `YES (2024-03-01)`, `ja, 1.3.2024`, `sim desde 1 de março de 2026`
SINCE = (
    r"(?:\s*[,;:(\[–—-]\s*|\s+)"
    r"(?:(?:on|since|as of|am|seit(?: dem)?|vom|le|depuis(?: le)?|el|desde(?: el)?|il|dal|op|sinds|em|od|dnia)\s+)?"
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}(?:\.|er|º)?[ -](?:de )?[a-zß-ɏ]{3,12}\.?[ -](?:de )?\d{4}"
    r"|[a-z]{3,9}\.? \d{1,2},? \d{4})(?:[t ,]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}))?)?"
    r"\s*[)\]]?$"
)

_NOT_NAMIBIA = ("n.a.", "n.a", "n. a.")  # not available
E164 = r"\+[1-9]\d{7,14}"


def country(text: str) -> str | None:
    """The ISO 3166 two-letter code of a code of two or three letters, or of a name; None when unknown.

    Names are those of Unicode CLDR in the languages of YES and NO; one that means two countries is left out."""
    if fold(text) in _NOT_NAMIBIA:
        return None
    return _countries().get(_key(text))


def boolean(text: str, yes: tuple[str, ...] = (), no: tuple[str, ...] = ()) -> bool | None:
    """What a yes/no word means; None for every other text."""
    word = fold(text)
    for said in (word, re.sub(SINCE, "", word)):
        if said in YES or said in yes:
            return True
        if said in NO or said in no:
            return False
    return None


def boolean_sql(value: str, yes: tuple[str, ...] = YES, no: tuple[str, ...] = NO) -> str:
    """SQL: boolean() of a trimmed text. Only what is no such word as it stands takes the slow road."""
    word = f"lower({value})"
    bare = f"regexp_replace({word}, {literal(SINCE)}, '')"
    return f"CASE {_either(word, yes, no)} ELSE CASE {_either(bare, yes, no)} END END"


def _either(word: str, yes: tuple[str, ...], no: tuple[str, ...]) -> str:
    return f"WHEN {word} IN ({_spelled(yes)}) THEN true WHEN {word} IN ({_spelled(no)}) THEN false"


def _spelled(words: tuple[str, ...]) -> str:
    """With accents as one sign, and as a Mac writes them."""
    return literals(dict.fromkeys(form for word in words for form in (word, unicodedata.normalize("NFD", word))))


def phone(text: str, region: str | None = None) -> str | None:
    """E.164. A number without + or 00 needs the two-letter `region` of its owner; None when it is no valid number."""
    import phonenumbers

    digits = re.sub(r"^('?\+?\d[\d\s]*)[.,]0$", r"\1", fold(text))  # a spreadsheet took it for a number
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    number = _parsed(digits, region)
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    bare = re.sub(r"\D", "", digits)
    if "+" not in digits and bare.startswith(str(number.country_code)) and not digits.startswith("0"):
        whole = _parsed("+" + bare, None)  # the country's code may be there already
        if whole is not None and phonenumbers.is_valid_number(whole) and whole != number:
            if phonenumbers.is_valid_number(number):
                return None  # either may be meant
            number = whole
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(digits: str, region: str | None) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    table = files("connector.sources").joinpath("countries.tsv").read_text(encoding="utf-8")
    for line in table.splitlines():
        two, three, names = line.split("\t")
        for spelling in (two, three, *names.split("|")):
            found.setdefault(_key(spelling), two)
    return found


def _key(text: str) -> str:
    """Without accents, points and "the": `Côte d'Ivoire`, `U.S.A.`, `The Netherlands`."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", fold(text)) if not unicodedata.combining(sign))
    words = (
        re.sub(r"[^\w&]+", " ", bare.replace(".", "").replace("'", "").replace("’", "")).replace("&", " and ").split()
    )
    return " ".join(word for word in words if word != "the")
