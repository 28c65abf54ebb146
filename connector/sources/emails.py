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
PLAIN = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)")
_LONGEST = 253  # RFC 5321: 254 with the @
# Quotes, a comma or semicolon at the end, `mailto:`, and a note in brackets behind the address.
_AROUND = re.compile(r"^(?:mailto:|[\"'“”„«»‘’]\s*)+|\s+\([^()@]*\)$|[\s;,\"'“”„«»‘’]+$", re.IGNORECASE)
_SEVERAL = re.compile(r"@.*[\s,;|/]+.*@", re.DOTALL)


def quick(value: str) -> str:
    """SQL: the normal form of a plain ASCII address, else null."""
    plain = f"strlen({value}) <= 64 AND NOT contains({value}, '--') AND regexp_full_match({value}, {literal(PLAIN)})"
    return f"CASE WHEN {plain} THEN lower({value}) END"


def normalise(text: str) -> tuple[str | None, str]:
    """(normal form, "") or (None, reason): empty, several, invalid."""
    text = unicodedata.normalize("NFC", trim(text))
    if not text:
        return None, "empty"
    found = None if "|" in text else _address(text)  # a name with a pipe is legal, and nobody has one
    if found is None:
        inside = {_address(part) for part in _inside(text)}
        found = inside.pop() if len(inside) == 1 else None
    return (found, "") if found else (None, "several" if _SEVERAL.search(text) else "invalid")


def _address(text: str) -> str | None:
    local, _, domain = text.rpartition("@")
    mailbox, host = _local(local), _domain(domain)
    if mailbox is None or host is None or len(mailbox) + len(host) > _LONGEST:
        return None
    return f"{mailbox}@{host}"


def _inside(text: str) -> list[str]:
    """What may be the address in a cell that holds more: between <>, between pipes, before a note in brackets.

    Not behind a blank or a comma: `ada lovelace@example.com` would become somebody else's."""
    bracketed = re.findall(r"<([^<>]*)>", text)
    if bracketed:
        return [trim(one) for one in bracketed] if text.count("@") == "".join(bracketed).count("@") else []
    parts = [trim(part) for part in text.split("|") if "@" in part]
    return [trim(_AROUND.sub("", part)) for part in parts]


def _local(text: str) -> str | None:
    """Checked beside a domain that is never doubtful, so that only the local part is."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(f"{text}@example.com", check_deliverability=False, strict=True)
    except (EmailNotValidError, ValueError):
        return None
    return unicodedata.normalize("NFC", found.local_part.lower())


def _domain(text: str) -> str | None:
    import idna

    try:
        host = idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError):
        return None
    return host if _HOST.fullmatch(host) else None


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
