"""The value of a secret, read from the environment at the last moment.

Owns: resolve. Must not: keep, log or quote a value.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.config.sections.codes import Code
from connector.config.sections.models import Secret
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem


def resolve(secret: Secret, environ: Mapping[str, str], place: Place | None = None) -> str:
    """The value of `${NAME}`, outer blanks trimmed. Raises ConfigError that names the variable and nothing else.

    `place` is where the secret stands: config.place(("destinations", name, vendor.secret))."""
    value = environ.get(secret.variable, "").strip()
    if not value:
        raise _error(secret, place, "secret-not-set", "is not set; export it, or put it in the runner's secrets.")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise _error(secret, place, "bad-secret", "holds blanks or signs that no key has; copy the key again.")
    return value


def _error(secret: Secret, place: Place | None, code: Code, why: str) -> ConfigError:
    where = place or Place("environment")
    return ConfigError([Problem(where, code, f"The environment variable {secret.variable} {why}")])
