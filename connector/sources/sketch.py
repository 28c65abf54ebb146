"""A first look at an export that no segments.yaml describes yet.

Owns: sketch(), for `sync init`. Must not: read more than the header.
"""

from __future__ import annotations

from pathlib import Path

from connector.config.sections.models import Source
from connector.core.errors import SourceError
from connector.core.problem import Place, Problem
from connector.sources.files import titles
from connector.sources.files.formats import inspect
from connector.sources.files.quotable import quotable
from connector.sources.text import fold

# What exports call the address, the likeliest first.
EMAILS = ("email", "e-mail", "email address", "e-mail address", "customer email", "mail", "email_address")


def sketch(file: Path) -> tuple[str, tuple[str, ...]]:
    """(header of the address, the headers that may be shown). Raises SourceError when the file or such a header is
    missing."""
    place = Place(file.name)
    if not file.is_file():
        message = f"There is no export at {file}. Name one with --from FILE."
        raise SourceError([Problem(place, "file-missing", message)])
    source = Source(name="contacts", file=file.name)
    export = inspect(file, source, place)
    headers = export.headers
    folded = {fold(header): header for header in headers}
    for name in EMAILS:
        if name in folded:
            return folded[name], quotable([export])
    shown = ", ".join(quotable([export])[:20])
    hint = f"; the headers: {shown}." if shown else ". Is it an export with a row of headers?"
    hint += titles.hint(source, [export], lambda headers: not set(EMAILS).isdisjoint(map(fold, headers)))
    message = f"No header of {file.name} looks like an email address column{hint}"
    raise SourceError([Problem(place, "no-email-column", message)])
