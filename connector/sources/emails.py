"""Addresses: one form per person, or the reason why a text is none.

Owns: the normal form (trimmed, lower case, NFC, domain by IDNA 2008 as ASCII), the engine's quick test for plain
addresses, the slow road for the rest. Must not: ask the network, know tables' other columns.

The domain is kept in its ASCII form because that is what the platforms hash and look up. Reserved domains such as
`.test` are accepted: an export may be a rehearsal.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.sources.text import literal, trim

if TYPE_CHECKING:
    import duckdb

# At most 64 signs, so no part can be too long; no double hyphen, so no A-label: those take the slow road.
_PLAIN = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_SEVERAL = re.compile(r"@.*[\s,;|/]+.*@", re.DOTALL)


def quick(value: str) -> str:
    """SQL: the normal form of a plain ASCII address, else null."""
    plain = f"strlen({value}) <= 64 AND NOT contains({value}, '--') AND regexp_full_match({value}, {literal(_PLAIN)})"
    return f"CASE WHEN {plain} THEN lower({value}) END"


def normalise(text: str) -> tuple[str | None, str]:
    """(normal form, "") or (None, reason): empty, several, invalid."""
    from email_validator import EmailNotValidError, validate_email

    text = trim(text)
    if not text:
        return None, "empty"
    try:
        found = validate_email(
            unicodedata.normalize("NFC", text), check_deliverability=False, globally_deliverable=False, strict=False
        )
    except (EmailNotValidError, ValueError):
        return None, "several" if _SEVERAL.search(text) else "invalid"
    domain = (found.ascii_domain or found.domain).lower()
    if "." not in domain or domain.startswith("["):
        return None, "invalid"
    return f"{unicodedata.normalize('NFC', found.local_part.lower())}@{domain}", ""


def map_rest(con: duckdb.DuckDBPyConnection, query: str, into: str) -> None:
    """Create the table `into` (text, email, reason) for the distinct texts that `query` yields."""
    texts = [text for (text,) in con.execute(f"SELECT DISTINCT * FROM ({query})").fetchall()]
    results = [normalise(text) for text in texts]
    mapping = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "email": pa.array([email for email, _ in results], pa.string()),
            "reason": pa.array([reason for _, reason in results], pa.string()),
        }
    )
    con.register("mapping_batch", mapping)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT * FROM mapping_batch")
    con.unregister("mapping_batch")


def masked(text: str | None) -> str | None:
    """Enough for the owner of the file to know the cell, too little for a stranger to know the person."""
    if text is None:
        return None
    return text[:1] + re.sub(r"[^\W_]", "*", text[1:40])
