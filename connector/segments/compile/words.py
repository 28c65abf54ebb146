"""The forms of the words that test columns, per family of column: how the operand is typed, how the test is built.

Owns: FORMS, and the check that a word is for the type of its column. Must not: know what a word means: each family's
module has that. The words themselves are the table in config/language/words.py; every row has its form here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.config.language.rules import Compare
from connector.config.language.words import FAMILY, WORDS, Family
from connector.core.model import ColumnType
from connector.segments.compile import dates, lists, numbers, text
from connector.segments.compile.compiled import EXISTS, Compiled
from connector.segments.compile.literals import WrongType, article
from connector.segments.compile.windows import Clock

FORMS: Mapping[Family, Mapping[str, Compiled]] = {
    "text": text.FORMS,
    "number": numbers.FORMS,
    "date": dates.FORMS,
    "timestamp": dates.FORMS,
    "boolean": lists.YES_NO,
    "list": lists.FORMS,
    "place": {"exists": EXISTS},
    "day": dates.DAYS_OF_YEAR,
}


def read(node: Compare, type_: ColumnType, clock: Clock) -> Any:
    """The typed, hashable value of `node` on a column of `type_`. Raises WrongType."""
    family = FAMILY[type_]
    if family not in WORDS[node.test].families:
        offer = f"Tests for it: {', '.join(FORMS[family])}; or give the column another type under `columns`."
        raise WrongType(f"“{node.column}” is {article(type_)}, which has no “{node.test}”. {offer}")
    return FORMS[family][node.test].read(node.value, type_, clock)
