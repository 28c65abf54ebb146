"""Addresses that are well formed and yet doubtful: roles, throw-away domains, misspelled domains.

Owns: the judgement of a domain and of a local part, the column of verdicts over a table of addresses, and what
`cleanup.invalid` sends to the quarantine. Must not: ask the network, or change an address.

A domain is judged once however many addresses it has. Throw-away domains come from the package
disposable-email-domains; the mail domains whose misspellings are found are those that most people use.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa

from connector.config.sections.lifecycle import Invalid
from connector.sources.text import literals

if TYPE_CHECKING:
    import duckdb

Doubt = Literal["role", "disposable", "typo"]
DOUBTS: tuple[Doubt, ...] = ("role", "disposable", "typo")

# An address of a function, not of a person: nobody there agreed to anything, and many complain.
ROLES = (
    "abuse", "accounting", "accounts", "admin", "administrator", "all", "billing", "bookings", "careers", "compliance",
    "contact", "customerservice", "enquiries", "everyone", "finance", "ftp", "hello", "help", "helpdesk", "hostmaster",
    "hr", "info", "information", "inquiries", "invoices", "it", "jobs", "kontakt", "legal", "list", "mail", "marketing",
    "media", "news", "newsletter", "no-reply", "nobody", "noc", "noreply", "office", "orders", "post", "postmaster",
    "press", "privacy", "purchasing", "recruiting", "reception", "remove", "root", "sales", "security", "service",
    "shop", "spam", "staff", "subscribe", "support", "sysadmin", "team", "tech", "undisclosed-recipients",
    "unsubscribe", "usenet", "uucp", "webmaster", "www",
)  # fmt: skip

# Mail domains with millions of boxes whose first part is long enough that one wrong key is a mistake, not a name.
_BIG = {
    "gmail": ("com",),
    "googlemail": ("com",),
    "hotmail": ("com", "co.uk", "de", "es", "fr", "it"),
    "outlook": ("com", "de", "es", "fr", "it"),
    "yahoo": ("com", "co.uk", "de", "es", "fr", "it", "com.br", "co.in", "ca"),
    "icloud": ("com",),
    "protonmail": ("com",),
    "comcast": ("net",),
    "verizon": ("net",),
    "btinternet": ("com",),
    "t-online": ("de",),
    "wanadoo": ("fr",),
    "laposte": ("net",),
}
# Real domains that are one key away from a big one.
_REAL = frozenset({"mail.com", "email.com", "ymail.com", "fmail.com", "zmail.com", "yahoo.co", "gmail.de"})
_ENDS = {
    "con": "com", "cmo": "com", "ocm": "com", "vom": "com", "xom": "com", "cpm": "com", "comm": "com", "coom": "com",
    "cim": "com", "c0m": "com", "nett": "net", "ner": "net", "ogr": "org", "orgg": "org",
}  # fmt: skip
_ALMOST_COM = ("co", "cm", "om")  # ends that exist, behind a name that has only .com
_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789-"


class Verdict(NamedTuple):
    """What is doubtful about a domain; `suggestion` is the domain that was probably meant."""

    doubt: Doubt | None
    suggestion: str | None = None


def judge_domain(domain: str) -> Verdict:
    """Disposable, a misspelling, or nothing. `domain` is in lower case."""
    meant = _meant(domain)  # first: misspelled domains are often caught by people who collect mail
    if meant:
        return Verdict("typo", meant)
    return Verdict("disposable" if _disposable(domain) else None)


def is_role(local: str) -> str:
    """SQL: whether the local part `local` (a lower-case text) is that of a role; +tags do not count."""
    return f"split_part({local}, '+', 1) IN ({literals(ROLES)})"


def add_verdicts(con: duckdb.DuckDBPyConnection, table: str, into: str) -> None:
    """Create `into` (_row, doubt, suggestion): the doubtful addresses of `table` (_row, _email)."""
    domains = [
        row[0]
        for row in con.execute(f"SELECT DISTINCT split_part(_email, '@', 2) FROM {table} WHERE _email > ''").fetchall()
    ]
    verdicts = [(domain, judge_domain(domain)) for domain in domains]
    doubtful = [(domain, verdict) for domain, verdict in verdicts if verdict.doubt]
    mapping = pa.table(
        {
            "domain": pa.array([domain for domain, _ in doubtful], pa.string()),
            "doubt": pa.array([verdict.doubt for _, verdict in doubtful], pa.string()),
            "suggestion": pa.array([verdict.suggestion for _, verdict in doubtful], pa.string()),
        }
    )
    con.register("domain_batch", mapping)
    local = "split_part(_email, '@', 1)"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS"
        f" SELECT t._row, d.doubt, {local} || '@' || d.suggestion AS suggestion FROM {table} t"
        " JOIN domain_batch d ON d.domain = split_part(t._email, '@', 2)"
        f" UNION ALL SELECT _row, 'role', NULL FROM {table} WHERE {is_role(local)}"
    )
    con.unregister("domain_batch")


def quarantined(policy: Invalid | None) -> tuple[Doubt, ...]:
    """The doubts whose rows segments.yaml leaves out."""
    return tuple(doubt for doubt in DOUBTS if policy is not None and getattr(policy, doubt) == "quarantine")


def mark(con: duckdb.DuckDBPyConnection, raw: str, table: str, doubts: tuple[Doubt, ...]) -> None:
    """Give the rows of `raw` whose address in `table` has one of the doubts that word as the reason to leave them
    out; a reason that is there already stays."""
    if not doubts:
        return
    add_verdicts(con, table, "doubtful")
    con.execute(
        f"UPDATE {raw} SET _reason = d.doubt FROM (SELECT _row, min(doubt) AS doubt FROM doubtful"
        f" WHERE doubt IN ({literals(doubts)}) GROUP BY _row) d WHERE {raw}.rowid = d._row AND _reason IS NULL"
    )
    con.execute("DROP TABLE doubtful")


def _disposable(domain: str) -> bool:
    """The domain or one that it lies under is known for boxes that live for minutes."""
    from disposable_email_domains import blocklist

    parts = domain.split(".")
    return any(".".join(parts[start:]) in blocklist for start in range(len(parts) - 1))


def _meant(domain: str) -> str | None:
    name, _, end = domain.partition(".")
    if domain in _REAL or end in _BIG.get(name, ()):
        return None
    right = _ENDS.get(end, end)
    if name in _BIG:
        almost = right != end or (end in _ALMOST_COM and _BIG[name] == ("com",))
        return f"{name}.{right if right != end else 'com'}" if almost else None
    near = _near().get(name)
    if near is not None and right in _BIG[near]:
        return f"{near}.{right}"
    return f"{domain.removesuffix(end)}{right}" if right != end else None


@lru_cache(maxsize=1)
def _near() -> dict[str, str]:
    """Every text that is one key away from a big name -> the name: a key left out, doubled, wrong, or two swapped."""
    found: dict[str, str] = {}
    for name in _BIG:
        cuts = [(name[:at], name[at:]) for at in range(len(name) + 1)]
        edits = {left + right[1:] for left, right in cuts if right}
        edits |= {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
        edits |= {left + key + right[1:] for left, right in cuts if right for key in _KEYS}
        edits |= {left + key + right for left, right in cuts for key in _KEYS}
        for edit in edits - _BIG.keys():
            found.setdefault(edit, name)
    return found
