"""Countries, phones and yes/no words in one spelling each.

Owns: country(), phone(), boolean(), and the mapping tables for a column's distinct texts. Rules use the same functions
for their values. Must not: touch a column of another type.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

from connector.sources.text import fold

YES = ("true", "yes", "y", "t", "1", "on")
NO = ("false", "no", "n", "f", "0", "off")

E164 = r"\+[1-9]\d{7,14}"


def country(text: str) -> str | None:
    """The ISO 3166 two-letter code of a code of two or three letters or an English name; None when unknown."""
    return _countries().get(_key(text))


def boolean(text: str, yes: tuple[str, ...] = (), no: tuple[str, ...] = ()) -> bool | None:
    """What a yes/no word means; None for every other text."""
    word = fold(text)
    if word in YES or word in yes:
        return True
    return False if word in NO or word in no else None


def phone(text: str, region: str | None = None) -> str | None:
    """E.164. A number without + or 00 needs the two-letter `region` of its owner; None when it is no valid number."""
    import phonenumbers

    digits = fold(text)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


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
