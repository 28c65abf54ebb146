"""A first look at an export that no segments.yaml describes yet.

Owns: sketch() and headers_of(), for `sync init`. Must not: read more than the header.
"""

from __future__ import annotations

from pathlib import Path

from connector.config.sections.models import Source
from connector.core.errors import SourceError
from connector.core.problem import Place, Problem
from connector.sources.files import titles
from connector.sources.files.formats import Export, inspect
from connector.sources.files.quotable import quotable
from connector.sources.text import fold

# What exports call the address, the likeliest first.
EMAILS = ("email", "e-mail", "email address", "e-mail address", "customer email", "mail", "email_address")


def sketch(file: Path) -> tuple[str, tuple[str, ...]]:
    """(header of the address, the headers that may be shown). Raises SourceError when the file or such a header is
    missing."""
    export = _inspected(file)
    folded = {fold(header): header for header in export.headers}
    for name in EMAILS:
        if name in folded:
            return folded[name], quotable([export])
    raise no_email(file)


def headers_of(file: Path) -> tuple[str, ...]:
    """Every header. Raises SourceError when there is no such file, or it cannot be read."""
    return _inspected(file).headers


def shown_of(file: Path) -> tuple[str, ...]:
    """The headers that may be shown."""
    return quotable([_inspected(file)])


def no_email(file: Path) -> SourceError:
    """What is told of a file without a column of addresses."""
    source, export = Source(name="contacts", file=file.name), _inspected(file)
    shown = ", ".join(quotable([export])[:20])
    hint = f"; the headers: {shown}." if shown else ". Is it an export with a row of headers?"
    hint += titles.hint(source, [export], lambda headers: not set(EMAILS).isdisjoint(map(fold, headers)))
    message = f"No header of {file.name} looks like an email address column{hint}"
    return SourceError([Problem(Place(file.name), "no-email-column", message)])


def _inspected(file: Path) -> Export:
    if not file.is_file():
        message = f"There is no export at {file}. Name one with --from FILE."
        raise SourceError([Problem(Place(file.name), "file-missing", message)])
    return inspect(file, Source(name="contacts", file=file.name), Place(file.name))
