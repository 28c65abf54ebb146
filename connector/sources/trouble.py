"""How this room fails: every way a file can be wrong becomes a SourceError with a place.

Owns: fail(), reading(), room(). Must not: decide what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from connector.core.errors import ConnectorError, SourceError
from connector.core.problem import Place, Problem


def fail(place: Place, code: str, message: str) -> NoReturn:
    """Raise a SourceError of one problem."""
    raise SourceError([Problem(place, code, message)])


@contextmanager
def reading(place: Place, file: str) -> Iterator[None]:
    """Turn whatever a reader raises inside into a SourceError at `place` that names `file`.

    Engines and readers raise many classes and quote cells in their texts, so only the class and the line survive.
    """
    try:
        yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except FileNotFoundError:
        fail(place, "file-missing", f"{file} is gone. Export it again, or correct `file:`.")
    except PermissionError:
        fail(place, "file-unreadable", f"{file} may not be read. Change its permissions, or correct `file:`.")
    except MemoryError:
        fail(place, "file-too-big", f"{file} does not fit in memory. Give the machine more, or split the export.")
    except Exception as error:  # noqa: BLE001 - the edge to four libraries: anything they raise is about this file
        line = re.search(r"CSV Error on Line: (\d+)", str(error))
        where = f" near line {line[1]}" if line else ""
        fail(
            place,
            "file-unreadable",
            f"{file} cannot be read{where} ({type(error).__name__}). It seems damaged or cut off: export it again.",
        )


@contextmanager
def room(place: Place, file: str) -> Iterator[None]:
    """Turn the engine's lack of memory or disk into a SourceError. Whatever else it raises here is a bug of ours."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException, MemoryError):
        message = f"{file} does not fit in memory and on disk. Give the machine more room, or split the export."
        fail(place, "file-too-big", message)
