"""Advice about `consent` and data together: people who consent by the rule, and have a word that says otherwise.

Owns: those words. Must not: decide consent (the rule does), name a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.language.rules import Compare, Loc
from connector.config.sections.advice_codes import AdviceCode
from connector.config.sections.models import Config
from connector.core.counts import by_count
from connector.segments.advice.model import Advice, Evidence
from connector.segments.compile import engine
from connector.segments.names import CONTACTS, Names, nodes
from connector.sources.model import Loaded
from connector.sources.text import fold, plain, trim

# In the languages of exports that YES and NO (sources/columns/normalise.py) are read in.
_OPTED_OUT = re.compile(
    r"unsubscri|opt(?:ed)?[ _-]?out|do[ _-]?not|don'?t (?:mail|contact)|suppress|complain|\bspam\b"
    r"|\bbounced?\b|hard[ _-]?bounce"
    r"|\bcleaned\b|revoked|\bwithdrawn\b|\bblock(?:ed\b|[ -]?list)|\bblack[ -]?list"
    r"|abgemeldet|abbestellt|ausgetragen|widerrufen|widersprochen|gesperrt"
    r"|d[ée]sinscri|d[ée]sabonn|\bbaja\b|cancelad|disiscri|cancellat|revocat|uitgeschreven|afgemeld|descadastr|wypisan"
)
_NOT_SO = re.compile(r"\b(?:not|never|no|non|nicht|nie|kein|keine|jamais|nunca|mai|nooit|niet|não)\b")
CODE: AdviceCode = "consent-lets-in"
DISTINCT = 20_000  # a column with more spellings is not a list of words


def advice(given: Evidence) -> Iterator[Advice]:
    """One per column of texts that `consent` asks."""
    for loc, text in let_in(given.config, given.loaded, given.evaluation.table):
        yield given.file(CODE, loc, text)


def let_in(config: Config, loaded: Loaded, people: pa.Table) -> Iterator[tuple[Loc, str]]:
    """Of `people` (Evaluation.table) those who consent with a word that reads like an opt-out: where the rule asks for
    the column, and a sentence."""
    if config.consent is None:
        return
    names, asked = Names.of(config, loaded), dict[str, Loc]()
    for node, source in nodes(config.consent.when):
        if not isinstance(node, Compare) or source != CONTACTS:
            continue
        column = names.column(CONTACTS, node.column)
        if column is not None and loaded.types[CONTACTS].get(column) == "text":
            asked.setdefault(column, node.loc)
    for column, loc in asked.items():
        if text := _sentence(loaded, people, column):
            yield loc, text


def _sentence(loaded: Loaded, people: pa.Table, column: str) -> str:
    table, connection = loaded.contacts, loaded.connection
    value = table[column]
    rows = engine.arrow(connection, table.select(word=value).distinct().limit(DISTINCT + 1))["word"]
    words = [word for word in rows.to_pylist() if word and "@" not in word and says_opted_out(word)]  # one is shown
    if not words or len(rows) > DISTINCT:
        return ""
    found = engine.arrow(connection, table.filter(value.isin(words)).select(email=table["email"], word=value))
    agreed = people["email"].filter(people["consent"]).combine_chunks()
    found = found.filter(pc.is_in(found["email"], value_set=agreed))
    if not found.num_rows:
        return ""
    first = plain(trim(min(found["word"].to_pylist())))
    who = by_count(found.num_rows, "person counts", "people count")
    return (
        f"{found.num_rows:,} {who} as consenting with “{first}” in {column}, which reads like an opt-out. If it is"
        " one, let the rule name what is consent, instead of what is not."
    )


def says_opted_out(word: str) -> bool:
    folded = fold(word)
    return _OPTED_OUT.search(folded) is not None and _NOT_SO.search(folded.replace("do not", "")) is None
