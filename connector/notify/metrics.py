"""An attempt and the state behind it as OpenMetrics text, for a textfile collector.

Owns: the names of the metrics (docs/operations.md). Must not: read a store, carry a label that names a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connector.core import files
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem
from connector.state.attempts import Attempt

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

READABLE = 0o644  # by the collector, which is another user
PREFIX = "segment_connector_"


@dataclass(frozen=True, slots=True)
class Stand:
    """What the state and the exports say beside the last attempt."""

    attempts: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (command, ended) -> how many
    members: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rejects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    served: Mapping[str, datetime] = field(default_factory=dict)
    ages: Mapping[str, float] = field(default_factory=dict)  # source -> seconds


def require() -> None:
    """Raises ConfigError without prometheus-client."""
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        text = "Metrics need prometheus-client: pip install 'segment-connector[metrics]'"
        raise ConfigError([Problem(Place("--metrics"), "not-installed", text)]) from None


def write(path: Path, attempt: Attempt | None, stand: Stand) -> None:
    """Replace the file at once. Raises ConfigError without prometheus-client, OSError."""
    require()
    from prometheus_client.openmetrics.exposition import generate_latest

    content = generate_latest(registry(attempt, stand))  # type: ignore[no-untyped-call]
    with files.replacing(path, mode=READABLE) as file:
        file.write(content)


def registry(attempt: Attempt | None, stand: Stand) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    made = CollectorRegistry(auto_describe=False)
    put = _Putter(made)
    for (command, ended), count in stand.attempts.items():
        put("runs", "Attempts that the state remembers.", count, command=command, ended=ended)
    for name, targets in stand.members.items():
        for target, size in targets.items():
            put("members", "Members of a tag or list that are ours.", size, destination=name, target=target)
    for name, codes in stand.rejects.items():
        for code, count in codes.items():
            put("rejects", "Records that a platform refused.", count, destination=name, code=code)
    for name, at in stand.served.items():
        put("last_success_timestamp_seconds", "When it was last served.", at.timestamp(), destination=name)
    for source, age in stand.ages.items():
        put("export_age_seconds", "Age of a source's newest file.", age, source=source)
    if attempt is not None:
        _of_attempt(put, attempt)
    return made


def _of_attempt(put: _Putter, attempt: Attempt) -> None:
    facts = attempt.facts
    put("last_run_timestamp_seconds", "When the last attempt ended.", attempt.finished_at.timestamp())
    put("last_run_duration_seconds", "How long it took.", facts.get("seconds", 0.0))
    put("last_run_exit_code", "Its exit code.", attempt.exit_code, command=attempt.command.split(" ")[0])
    for name, side in attempt.sides.items():
        served = side.ended == "served"
        put("last_run_served", "1 where it served the destination.", int(served), destination=name)
    if facts.get("contacts") is not None:
        put("contacts", "People in the export.", facts["contacts"])
    for name, rows in facts.get("changes", {}).items():
        for row in rows:
            target = f"{row['kind']} “{row['target']}”" if row["kind"] else "contacts"
            labels = {"target": target, "operation": row["op"], "outcome": row["outcome"]}
            put("last_run_changes", "Changes of the last attempt.", row["count"], destination=name, **labels)
    for name, reasons in facts.get("blocked", {}).items():
        for reason, count in reasons.items():
            put("blocked", "Changes that were held back.", count, destination=name, reason=reason)
    for name, counts in facts.get("requests", {}).items():
        for how, count in counts.items():
            put("last_run_requests", "Requests of the last attempt.", count, destination=name, kind=how)
    for name, count in facts.get("throttled", {}).items():
        put("last_run_throttles", "Answers that asked to slow down.", count, destination=name)
    for name, seconds in facts.get("waited", {}).items():
        put("last_run_waited_seconds", "Time spent waiting for limits.", seconds, destination=name)


class _Putter:
    """Gauges by name, made when first needed: a state is a snapshot, not a counter of this process."""

    def __init__(self, made: CollectorRegistry) -> None:
        from prometheus_client import Gauge

        self._gauge, self._registry = Gauge, made
        self._known: dict[str, Gauge] = {}

    def __call__(self, name: str, text: str, value: float, **labels: str) -> None:
        if name not in self._known:
            self._known[name] = self._gauge(f"{PREFIX}{name}", text, list(labels), registry=self._registry)
        gauge = self._known[name]
        (gauge.labels(**labels) if labels else gauge).set(value)
