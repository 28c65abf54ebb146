"""The first segments.yaml that `sync init` writes.

Owns: its text. Must not: read the export itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from connector.vendors import VENDORS


def starter(export: Path, file: Path, email: str, headers: Sequence[str]) -> str:
    """A file that checks and evaluates as it stands, with what usually comes next as comments."""
    path, outside = export.resolve(), "    allow_outside: true\n"
    if path.is_relative_to(file.resolve().parent):
        path, outside = path.relative_to(file.resolve().parent), ""
    return f"""# Segments of our customers. The language: docs/language.md
# Next: sync check, sync segments, sync plan --rehearse
version: 1
timezone: UTC                       # where "today" begins; e.g. Europe/Berlin

sources:
  contacts:                         # one row per person
    file: {json.dumps(path.as_posix(), ensure_ascii=False)}
{outside}    email: {json.dumps(email, ensure_ascii=False)}
    # columns here: {", ".join(_comment(header) for header in headers)}

# consent:                          # who may be contacted at all
#   when: {{email_opt_in: true}}
#   proof: {{at: opted_in_at, source: opt_in_source}}

# destinations:
{_lines("#   ", (vendor.example for vendor in VENDORS.values()))}

segments:
  everyone:
    title: Everyone in the export
    when:
      email: {{exists: true}}
    # send_to:
    #   {next(iter(VENDORS))}: {{tag: Everyone}}
"""


def _lines(before: str, texts: Iterable[str]) -> str:
    return "\n".join(before + text for text in texts)


def _comment(header: str) -> str:
    """A header must not break out of the comment."""
    return " ".join(header.split())
