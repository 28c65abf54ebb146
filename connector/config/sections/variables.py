"""`${NAME}` inside an address: of an engine, or of a file that lies elsewhere.

Owns: finding the names, putting the values in. Must not: keep, log or quote a value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


def names(text: str) -> list[str]:
    """The variables that an address asks for, each once."""
    return list(dict.fromkeys(_NAME.findall(text)))


def only(text: str) -> bool:
    """Whether the text is variables and nothing else."""
    return bool(text) and not _NAME.sub("", text)


def blanked(text: str) -> str:
    """The address with a letter in the place of each variable, so that its parts can be told."""
    return _NAME.sub("x", text)


def filled(text: str, place: Place, environ: Mapping[str, str] | None = None) -> str:
    """The address with the values, escaped as parts of an address need it. Raises ConfigError that names each variable
    which is not set."""
    known = os.environ if environ is None else environ
    missing = [name for name in names(text) if not known.get(name, "").strip()]
    if missing:
        what = "The environment variable {} is not set; export it, or put it in the runner's secrets."
        raise ConfigError([Problem(place, "secret-not-set", what.format(name)) for name in missing])
    before_query, mark, query = text.partition("?")
    path = _NAME.sub(lambda found: quote(known[found[1]].strip(), safe=""), before_query)
    # What follows a question mark is mostly a signed part that a service handed out whole.
    return path + mark + _NAME.sub(lambda found: known[found[1]].strip(), query)
