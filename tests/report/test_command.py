"""`sync report` as a command: where it writes, who is named, and what it says without its libraries."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from connector.app.reporting import gather
from connector.app.workspace import Options, open_state, open_workspace
from connector.core.errors import ConfigError
from connector.report.page import drawing
from connector.report.page.document import document
from connector.report.page.html import html
from tests import launcher
from tests.path.conftest import AS_OF
from tests.path.sample import desired
from tests.report.conftest import Made

WORDS = ("report", "--rehearse", "--as-of", AS_OF)


def test_a_file_is_replaced_whole_or_not_at_all(made: Made, tmp_path: Path) -> None:
    output = tmp_path / "told.json"
    output.write_text("the old one", encoding="utf-8")
    done = launcher.sync(made.folder, *WORDS, "--format", "json", "--output", str(output))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert json.loads(output.read_text(encoding="utf-8")) == made.found
    assert [path.name for path in tmp_path.iterdir()] == ["told.json"]
    done = launcher.sync(made.folder, *WORDS, "--format", "text", "--output", str(tmp_path / "no" / "folder.txt"))
    assert done.returncode == 4 and "No such file or directory" in done.stderr


@pytest.mark.parametrize(
    "words",
    ["report -o", "preview vip --format html -o", "plan --out", "test --sample 2 -o"],
    ids=lambda words: words[:4],
)
def test_a_missing_folder_is_told_before_anything_is_read(tmp_path: Path, words: str) -> None:
    """There is no segments.yaml either."""
    done = launcher.sync(tmp_path, *words.split(), "no/such.file")
    assert done.returncode == 4 and "No such file or directory: no/such.file" in done.stderr, done.stderr


def test_pages_are_for_their_owner_alone(made: Made) -> None:
    done = launcher.sync(made.folder, "preview", "vip", "--format", "html", "--as-of", AS_OF)
    page = made.folder / "preview-vip.html"
    assert done.returncode == 0 and page.stat().st_mode & 0o777 == 0o600
    page.unlink()


def test_a_file_with_an_error_ends_with_2_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_text("version: 1\nsegmnts: {}\n", encoding="utf-8")
    done = launcher.sync(tmp_path, "report")
    assert done.returncode == 2 and not (tmp_path / "report.html").exists()


def test_people_are_named_when_asked_for(made: Made) -> None:
    options = Options(file=made.folder / "segments.yaml", as_of=AS_OF, rehearse=True, only=("vip",), to=("klaviyo",))
    with open_workspace(options, offline=True) as workspace:
        found = document(gather(workspace, people=True))
    (names,) = found["people"].values()
    assert len(names) == 100 and names == sorted(names)
    assert set(names) - desired(made.folder / "exports")["vip"] <= {one["email"] for one in _blocked(found)}
    page = html(found)
    assert names[0] in page and "This page names people" in page
    assert {one["name"] for one in found["segments"]} == {"vip"}
    assert [side["name"] for side in found["destinations"]] == ["klaviyo"]
    assert {target["segment"] for target in found["destinations"][0]["targets"] if not target["stage"]} == {"vip"}
    assert not re.search(r"@example", made.html)


def test_forgotten_people_are_not_named(made: Made, tmp_path: Path) -> None:
    """Though the export still has them; nothing is written to the state for it."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    gone = sorted(desired(made.folder / "exports")["vip"])[0]
    options = Options(
        file=tmp_path / "segments.yaml", as_of=AS_OF, rehearse=True, only=("vip", "at_risk"), to=("klaviyo",)
    )
    file = tmp_path / "segments.yaml"
    told = file.read_text(encoding="utf-8").replace("at_least: 500", "at_least: 600")
    file.write_text(
        told.replace("owner: retention team", "owner: retention team\n    paused: true", 1), encoding="utf-8"
    )
    with open_workspace(options, offline=True) as workspace:
        with open_state(workspace) as store:
            store.upkeep.forget_also([gone])
        found = document(gather(workspace, people=True))
    assert gone not in json.dumps(found)
    assert {one["reason"] for one in found["destinations"][0]["blocked"]} == {"no_consent", "forgotten_here"}
    (flow, _), before = found["flows"]["segments"], made.found["segments"][2]["members"]
    paused = [target for target in found["destinations"][0]["targets"] if target["segment"] == "at_risk"]
    assert len(paused) == 2 and all(target["members"] and not target["would_remove"] for target in paused)
    assert flow["now"]["entered"] == 0 and flow["since"]["left"] == flow["now"]["left"] + flow["last"]["left"]
    assert before - found["segments"][0]["members"] - flow["now"]["left"] in (0, -1)  # who was forgotten is not counted
    assert len(flow["people"]["left"]) == min(100, flow["now"]["left"]) and not flow["people"]["entered"]


def _blocked(found: dict[str, Any]) -> list[dict[str, str]]:
    return [one for side in found["destinations"] for one in side["blocked_people"]]


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ConfigError, match=r"pip install 'segment-connector\[report\]'") as raised:
        drawing.require()
    assert raised.value.problems[0].code == "report-missing"


def test_a_past_moment_does_not_know_what_came_later(made: Made) -> None:
    """The history after --as-of is left out, and nothing is compared with it."""
    before = f"{AS_OF}T12:00"
    options = Options(file=made.folder / "segments.yaml", as_of=before, rehearse=True, only=("vip",), to=("klaviyo",))
    with open_workspace(options, offline=True) as workspace:
        found = document(gather(workspace))
        assert [len(one["points"]) for one in found["history"]["segments"]] == [1]
        assert found["flows"]["segments"][0]["now"] is None
        with pytest.raises(ConfigError, match="--since"):
            gather(workspace, since=AS_OF.replace("2026", "2027"))


def test_the_exports_are_read_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """For sizes, and for mail and money; data quality tells of the sources that are measured, too."""
    from connector.sources import load as module

    calls = []
    real = module.load
    monkeypatch.setattr(module, "load", lambda *given: calls.append(given) or real(*given))
    with open_workspace(
        Options(file=made.folder / "segments.yaml", as_of=AS_OF, rehearse=True), offline=True
    ) as workspace:
        found = document(gather(workspace))
    assert len(calls) == 1
    assert found["performance"]["segments"] and found["performance"] == made.found["performance"]
    assert {"orders.amount", "email_events.campaign"} <= {
        f"{one['source']}.{one['column']}" for one in found["quality"]["columns"]
    }
