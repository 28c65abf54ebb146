"""Every case of tests/cases/exports gives exactly its members, or `sync check` says what its `or_told` asks.

The cases are data: their README says what each is about and what the words of `expected.json` mean.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import launcher

CASES = Path(__file__).parent / "exports"
NAMES = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(CASES / name, tmp_path / name)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    as_of = expected["as_of"]
    found = {segment: _members(folder, segment, as_of) for segment in expected["segments"]}
    if found == {segment: sorted(people) for segment, people in expected["segments"].items()}:
        return
    assert "or_told" in expected, found
    result = launcher.sync(folder, "check", "--as-of", as_of)
    assert result.returncode in (0, 2, 3), result.stderr
    untold = _untold(expected["or_told"], result.stdout + result.stderr)
    assert not untold, f"not told: {untold}\nfound: {found}\n{result.stdout}{result.stderr}"


def _members(folder: Path, segment: str, as_of: str) -> Any:
    result = launcher.sync(folder, "members", segment, "--as-of", as_of, "--format", "csv")
    if result.returncode:
        return result.stderr
    return sorted(row["email"] for row in csv.DictReader(result.stdout.splitlines()))


def _untold(wanted: list[str | list[str]], text: str) -> list[str | list[str]]:
    """What of `wanted` the text does not say; of a list inside, any word does."""
    return [
        words
        for words in wanted
        if not any(_says(text, word) for word in ([words] if isinstance(words, str) else words))
    ]


def _says(text: str, word: str) -> bool:
    plain = " ".join(text.replace("_", " ").split()).casefold()
    asked = " ".join(word.replace("_", " ").split()).casefold()
    return re.search(rf"(?<!\w){re.escape(asked)}(?!\w)", plain) is not None
