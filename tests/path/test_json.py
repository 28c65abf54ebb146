"""docs/json.md names every key of every document, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.cli import main
from tests.path.small import Small, small

PAGE = (Path(__file__).parent.parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
OPEN = ("counts", "errors", "summary", "allowed", "held")  # keyed by names of destinations and guards


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits", "--polls", "0") as made:
        made.write({"ann": "ann@example.com", "fake": "fake.person@example.com"})
        yield made


def documented(schema: str) -> set[str]:
    (section,) = re.findall(rf"^## {re.escape(schema)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    cells = " ".join(re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE))
    return set(re.findall(r"`([\w.]+)`", cells))


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Paths of keys, lists left out."""
    for row in value if isinstance(value, list) else [value]:
        for name, inner in row.items() if isinstance(row, Mapping) else ():
            if name != "schema":
                yield path + name
                if name not in OPEN:
                    yield from keys(inner, f"{path}{name}.")


def test_every_key_is_explained(
    world: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)

    def sync(*words: str) -> dict[str, Any]:
        monkeypatch.setattr("sys.argv", ["sync", *words, "--rehearse", "--format", "json"])
        with pytest.raises(SystemExit):
            main.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    documents = [
        sync("push", "--yes")["run"],
        sync("status"),
        sync("runs"),
        sync("rejects"),
        sync("drift", "-v"),
        sync("forget", "ann@example.com", "--yes"),
    ]
    assert documents[3]["rejects"], "Mailchimp refuses the made-up address"
    for document in documents:
        found = set(keys(document))
        if document["schema"] == "connector.status/1":  # explained in one row, and with the runs
            found = {name for name in found if not name.startswith(("last_run.", "destinations.targets."))}
        assert found == documented(document["schema"]), document["schema"]
    assert sync("rejects", "retry")["schema"] == "connector.retry/1"
