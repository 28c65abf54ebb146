"""`sync check` where neither exports nor keys are at hand: in a pull request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.cli import main
from connector.demo.folder import FILE, TEXT

SILENT = "no-goal, no-owner, no-description"


def check(*words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["sync", "check", *words])
    with pytest.raises(SystemExit) as ended:
        main.main()
    told = capsys.readouterr()
    return int(str(ended.value.code or 0)), told.out, told.err


def test_the_sample_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MAILCHIMP_API_KEY", "KLAVIYO_API_KEY", "HUBSPOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    fixtures = {"capsys": capsys, "monkeypatch": monkeypatch}
    (tmp_path / FILE).write_text(TEXT, encoding="utf-8")
    assert check(**fixtures)[0] == 2, "the exports are not there"  # type: ignore[arg-type]
    code, out, _ = check("--no-data", "--strict", "--format", "github", **fixtures)  # type: ignore[arg-type]
    assert code == 0 and out.count("secret-not-set") == 3
    code, out, _ = check("--no-data", "--secrets", "--format", "json", **fixtures)  # type: ignore[arg-type]
    assert code == 2 and {item["code"] for item in json.loads(out)["advice"]} == {"secret-not-set"}
    code, out, _ = check("--no-data", **fixtures)  # type: ignore[arg-type]
    assert code == 0 and "No export was read" in out

    (tmp_path / FILE).write_text(TEXT.replace("timezone:", "# timezone:"), encoding="utf-8")
    assert check("--no-data", "--strict", **fixtures)[0] == 2  # type: ignore[arg-type]
    (tmp_path / FILE).write_text(TEXT.replace("when:", "whem:", 1), encoding="utf-8")
    code, _, err = check("--no-data", **fixtures)  # type: ignore[arg-type]
    assert code == 2 and "unknown-key" in err
