"""Why a database or an engine lets nobody in, as far as its driver's words show it.

Owns: those words. Must not: quote them: they may hold addresses, users and passwords.
"""

from __future__ import annotations

import re

_REASONS = (  # the network first: the name of a host may hold the words below
    (
        r"could not translate host|name or service not known|nodename nor servname|failed to resolve",
        "There is no such host",
    ),
    (r"connection refused|timed? ?out", "Nothing answers there"),
    (r"pg_hba\.conf .*(no encryption|ssl off)", "The server wants an encrypted connection: see `sslmode`"),
    (
        r"password authentication failed|no password supplied|authentication|role .* does not exist",
        "The user or the password is refused",
    ),
    (r"certificate|ssl|\btls\b", "The encrypted connection is refused: see `sslmode` and the certificate"),
    (r'database ".*" does not exist', "There is no such database"),
    (r"too many (clients|connections)|connection slots", "The server has no connection left"),
    (r"JAVA_GATEWAY_EXITED", "Java did not start: Spark needs Java 17 (JAVA_HOME)"),
    (r"conflicting lock|database is locked", "Another program is writing to the file"),
)


def why(told: str) -> str:
    """A sentence without its full stop; empty where nothing is known. `told`: what the driver said."""
    return next((text for shape, text in _REASONS if re.search(shape, told, re.IGNORECASE | re.DOTALL)), "")
