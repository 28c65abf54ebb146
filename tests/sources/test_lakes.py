"""Folders of Parquet: tables with a log are refused, values in the names of folders are columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connector.core.errors import SourceError
from tests.sources.kit import column, loaded, write


def _people(path: Path, *emails: str, **more: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"email": list(emails), **more}), path)


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ("lake/people/_delta_log/00000000000000000000.json", "Delta"),
        ("lake/people/metadata/v1.metadata.json", "Iceberg"),
        ("lake/people/.hoodie/hoodie.properties", "Hudi"),
    ],
)
@pytest.mark.parametrize("file", ["lake/people/*.parquet", "lake/people/part-0.parquet", "lake/people/**/*.parquet"])
def test_a_table_with_a_log_is_refused(tmp_path: Path, log: str, kind: str, file: str) -> None:
    _people(tmp_path / "lake/people/part-0.parquet", "gone@example.com")
    _people(tmp_path / "lake/people/data/year=2026/part-1.parquet", "here@example.com")
    write(tmp_path, log, "{}")
    with pytest.raises(SourceError, match=f"people is an? {kind} table") as caught:
        loaded(tmp_path, contacts={"file": file, "email": "email"})
    assert [problem.code for problem in caught.value.problems] == ["table-log"]


def test_a_folder_called_metadata_is_no_table(tmp_path: Path) -> None:
    _people(tmp_path / "lake/part-0.parquet", "a@example.com")
    write(tmp_path, "lake/metadata/readme.txt", "about us")
    found = loaded(tmp_path, contacts={"file": "lake/*.parquet", "email": "email"})
    assert column(found, "email") == ["a@example.com"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_values_in_the_names_of_folders_are_columns(tmp_path: Path, kind: str) -> None:
    parts = {
        "year=2025/region=S%C3%BCd": "a",
        "year=2026/region=Nord": "b",
        "year=2026/region=__HIVE_DEFAULT_PARTITION__": "c",
    }
    for folder, person in parts.items():
        path = tmp_path / "lake" / folder / f"part-0.{kind}"
        if kind == "parquet":
            _people(path, f"{person}@example.com", n=[1])
        else:
            write(tmp_path, str(path.relative_to(tmp_path)), f"email,n\n{person}@example.com,1\n")
    found = loaded(tmp_path, contacts={"file": f"lake/**/*.{kind}", "email": "email"})
    assert column(found, "year") == [2025, 2026, 2026] and column(found, "region") == ["Süd", "Nord", None]
    assert column(found, "n") == [1, 1, 1]


def test_a_column_of_the_file_is_stronger_than_its_folder(tmp_path: Path) -> None:
    _people(tmp_path / "lake/Year=2026/part-0.parquet", "a@example.com", year=[2024])
    found = loaded(tmp_path, contacts={"file": "lake/*/*.parquet", "email": "email"})
    assert column(found, "year") == [2024]
