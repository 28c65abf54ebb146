"""One alert as a title and a text, without an address or a key.

Owns: its shape, and taking out what must not leave. Must not: send.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connector.core.scrub import scrub
from connector.state.attempts import SERVED, Attempt

_LINES = 20  # of one alert
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Message:
    """`bad`: something is wrong; otherwise it is over, or only to be known."""

    title: str
    text: str
    bad: bool


def message(
    attempt: Attempt, title: str, lines: Sequence[str], *, bad: bool, project: str, secrets: Collection[str]
) -> Message:
    """`project` says which file it is about; whatever of `secrets` stands in a line is taken out."""
    shown = [f"- {line}" for line in lines[:_LINES]]
    shown += [f"- and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else []
    served = [name for name, side in attempt.sides.items() if side.ended == SERVED]
    if served and bad:
        shown.append(f"Served: {', '.join(served)}")
    shown.append(
        f"sync {attempt.command.split(' ')[0]} at {attempt.started_at:%Y-%m-%d %H:%M} UTC ended with exit code"
    )
    shown[-1] += f" {attempt.exit_code}."
    if attempt.run_id or attempt.id:
        shown[-1] += f" See: sync runs show {attempt.run_id or attempt.id}"
    text = "\n".join(clean(line, secrets) for line in shown)
    return Message(clean(f"{project}: {title}", secrets), text, bad)


def clean(text: str, secrets: Collection[str]) -> str:
    """Without the values of secrets, whatever they look like, and without addresses."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "(key)")
    return scrub(text, _LONGEST)
