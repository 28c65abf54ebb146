"""`sync init`: from exports to a first segments.yaml.

Owns: the order of these steps, and that what is handed out passes `sync check`. Must not: write a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def start(files: Sequence[Path], target: Path) -> str:
    """The text of a segments.yaml for these exports. Raises SourceError for files that hold no contacts."""
    from connector.config.load import load_text
    from connector.core.errors import ConfigError
    from connector.report.starter import starter
    from connector.sources.columns.catalog import catalog
    from connector.sources.load import load
    from connector.sources.outline import outline
    from connector.sources.suggest import Facts, suggest

    now = datetime.now(UTC)
    drafts = outline(files)
    plain = starter(Facts(tuple(drafts)), target)
    config = load_text(plain, target)
    facts = suggest(drafts, load(config, catalog(config, now), now))
    full = starter(facts, target)
    try:
        _check(full, target, now)
    except ConfigError:  # a column that is not what it seemed
        return plain
    return full


def _check(text: str, target: Path, now: datetime) -> None:
    """As `sync check`. Raises ConfigError and SourceError."""
    from connector.config.load import load_text
    from connector.segments.evaluate import evaluate
    from connector.segments.names import needed
    from connector.sources.columns.catalog import catalog
    from connector.sources.load import load

    config = load_text(text, target)
    found = catalog(config, now)
    evaluate(config, load(config, found, now, needed(config, found)), now)
