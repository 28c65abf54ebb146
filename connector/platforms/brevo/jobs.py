"""What became of an import of Brevo: one outcome per record.

Owns: the mapping of a process's state and of its reports. Must not: ask Brevo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.core.model import Outcome
from connector.platforms.base import Batch, Done, RecordOutcome
from connector.platforms.brevo import wire

ENDED, BROKEN = ("completed", "failed", "cancelled"), ("failed", "cancelled")
IMPORT = "IMPORTUSER"  # the name of such a process
_ADDRESS = re.compile(r"[^\s\"'<>,;]+@[^\s\"'<>,;]+")
_CODES = {"invalid_emails": "invalid_email"}


def over(process: wire.Process) -> bool:
    """An unknown word reads as not over."""
    return process.status in ENDED


def reports(process: wire.Process) -> dict[str, str]:
    """code -> address of a table with those who were not taken. Absent without any."""
    found = (process.info.import_ if process.info else None) or {}
    return {_CODES.get(kind, kind): url for kind, url in found.items() if url and isinstance(url, str)}


def refused(content: bytes) -> set[str]:
    """The addresses in a report, whatever its columns are."""
    return {email.lower() for email in _ADDRESS.findall(content.decode("utf-8", "replace"))}


def outcomes(batch: Batch, bad: Mapping[str, str]) -> Done:
    """REJECTED for those in `bad` (address -> code), APPLIED for the rest."""
    return Done(
        tuple(
            RecordOutcome(index, Outcome.REJECTED, bad[email], "refused by Brevo's import")
            if email in bad
            else RecordOutcome(index, Outcome.APPLIED)
            for index, email in enumerate(batch.records.column("email").to_pylist())
        )
    )


def alike(batch: Batch, outcome: Outcome, code: str, detail: str) -> Done:
    """One outcome for every record."""
    return Done(tuple(RecordOutcome(index, outcome, code, detail) for index in range(batch.records.num_rows)))
