"""How every trouble of an engine becomes a SourceError: the table, the right that is missing, the line.

Owns: unreachable(), working(), and what may be taken from an engine's own words. Must not: connect, or know a rule.

These words may quote cells, addresses and passwords. Of them survive the class, and the name of a table where it is one
that segments.yaml names.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import NoReturn

from connector.config.sections.engines import scheme
from connector.config.sections.models import Config, Source
from connector.core import refusals
from connector.core.errors import ConnectorError
from connector.core.problem import Place
from connector.sources.trouble import fail

EXTRAS = {"postgresql": "postgres"}
_DENIED = re.compile(
    r"permission denied|insufficient privileges?|access denied|not authorized|unauthorized|PERMISSION_DENIED",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(r"temporary table|temp(orary)? (table|schema)|create table", re.IGNORECASE)
# What Spark calls a name that its catalogs do not have; the class of its error is the same for much else.
_NO_SUCH = re.compile(r"\[(CATALOG_NOT_FOUND|SCHEMA_NOT_FOUND|TABLE_OR_VIEW_NOT_FOUND)\]")


def missing(config: Config) -> NoReturn:
    """The driver is not installed."""
    kind = scheme(config.engine)
    text = f"{kind}:// needs its driver: pip install 'segment-connector[{EXTRAS.get(kind, kind)}]'."
    fail(config.place(("engine",)), "engine-missing", text)


def unreachable(config: Config, error: Exception) -> NoReturn:
    """There is no connection, for whatever reason a driver has."""
    kind, told = scheme(config.engine), str(error)
    why = f" {reason}." if (reason := refusals.why(told)) else ""
    text = (
        f"{kind} does not answer or does not let us in ({type(error).__name__}).{why} Check the address; user "
        "and password come from the engine's own settings, or from ${NAME} in the address."
    )
    fail(config.place(("engine",)), "engine-unreachable", text)


@contextlib.contextmanager
def working(place: Place, config: Config | None) -> Iterator[None]:
    """Turn whatever an engine raises inside into a SourceError; at the line of a table where it is about one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drivers, about themselves
            yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the edge to five engines: anything they raise is about this query
        _refused(place, config, error)


def _refused(place: Place, config: Config | None, error: Exception) -> NoReturn:
    kind = scheme(config.engine) if config is not None else "the engine"
    told = str(error)
    source = _about(config, told)
    if config is not None and _DENIED.search(told):
        if source is not None:
            place = config.place(("sources", source.name, "table"))
            what = (
                f"the user may not read {source.table}. Grant SELECT on it (on PostgreSQL: USAGE on its schema, too)."
            )
        elif _TEMPORARY.search(told):
            what = (
                "the user may not make temporary tables. Grant TEMPORARY on the database (CREATE TABLE on Snowflake)."
            )
        else:
            what = f"a right is missing ({type(error).__name__}). The user reads tables and makes temporary ones."
        fail(place, "engine-right", f"{kind}: {what}")
    if config is not None and source is not None:
        place = config.place(("sources", source.name, "table"))
    if unknown := _NO_SUCH.search(told):
        what = unknown[1].removesuffix("_NOT_FOUND").replace("_", " ").lower()
        fail(place, "table-missing", f"{kind} knows no such {what}. Write catalog.schema.table, or correct it.")
    about = f" of {source.table}" if source is not None else ""
    fail(
        place, "engine-failed", f"{kind} refused or broke off a query{about} ({type(error).__name__}). See its own log."
    )


def _about(config: Config | None, told: str) -> Source | None:
    """The source whose table an engine's words name; schemas count where a table is named by its schema."""
    if config is None:
        return None
    first = told.split("\n", 1)[0]
    words = {word.casefold() for word in re.findall(r"[\w.$]+", first)}
    parts = {part for word in words for part in word.split(".")}
    for source in config.sources.values():
        *schema, name = str(source.table or "").casefold().split(".")
        if name and (name in parts or ("schema" in parts and schema and schema[-1] in parts)):
            return source
    return None
