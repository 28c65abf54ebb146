"""Predictions as traits of a file: what they become, and what is told of those that are refused."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests import launcher
from tests.segments.predict.shop import history

FILE = """
version: 1
sources:
  contacts: {file: contacts.csv, email: email}
  orders: {file: orders.csv, join: {email: email}, at: at}
traits:
  spent: {sum: orders.amount}
  churn_risk: {churn: {orders: {within: 90 days}}}
  worth: {expected_value: {orders.amount: {next: 365 days}}}
segments:
  leaving: {when: {churn_risk: {top: 10%}}}
"""
AS_OF = ("--as-of", "2026-11-29T09:00Z")


def shop(folder: Path, *, noise: bool) -> Path:
    table = history(1500, noise=noise).events["orders"]
    rows = table.to_pylist()
    orders = [f"{row['email']},{row['moment']:%Y-%m-%d %H:%M:%S},{row['value']:.2f}" for row in rows]
    people = [*dict.fromkeys(row["email"] for row in rows), "new@example.com"]
    (folder / "orders.csv").write_text("\n".join(["email,at,amount", *orders, ""]))
    (folder / "contacts.csv").write_text("\n".join(["email", *people, ""]))
    (folder / "segments.yaml").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("leaving"), noise=False)


def test_a_score_is_a_column(leaving: Path) -> None:
    done = launcher.sync(leaving, "segments", "--format", "json", *AS_OF)
    assert done.returncode == 0, done.stderr
    (segment,) = json.loads(done.stdout)["segments"]
    assert segment["members"] == 150


@pytest.mark.long
def test_why_shows_the_drivers(leaving: Path) -> None:
    done = launcher.sync(leaving, "why", "p00001@example.com", "--format", "json", *AS_OF)
    assert done.returncode == 0, done.stderr
    traits = json.loads(done.stdout)["traits"]
    assert 0 < float(traits["churn_risk"]) < 1 and traits["churn_risk.drivers"].count(" (") == 3
    unknown = launcher.sync(leaving, "why", "new@example.com", *AS_OF)
    assert "churn_risk: missing" in unknown.stdout, unknown.stdout


def test_the_back_test_is_told(leaving: Path) -> None:
    done = launcher.sync(leaving, "predict", "--format", "json", *AS_OF)
    assert done.returncode == 0, done.stderr
    found = {one["trait"]: one for one in json.loads(done.stdout)["predictions"]}
    assert found["churn_risk"]["usable"] and found["worth"]["usable"]
    assert len(found["churn_risk"]["deciles"]) == 10
    assert found["churn_risk"]["auc"] > found["churn_risk"]["naive_auc"]


@pytest.mark.long
def test_noise_is_refused_where_it_is_used(tmp_path: Path) -> None:
    shop(tmp_path, noise=True)
    done = launcher.sync(tmp_path, "check", *AS_OF)
    assert done.returncode == 2 and "prediction-refused" in done.stderr and "segments.yaml:8:16" in done.stderr
    assert launcher.sync(tmp_path, "segments", *AS_OF).returncode == 1
    assert launcher.sync(tmp_path, "predict", *AS_OF).returncode == 0
    unused = FILE.replace("churn_risk: {top: 10%}", "spent: {at_least: 0}")
    (tmp_path / "segments.yaml").write_text(unused)
    assert launcher.sync(tmp_path, "segments", *AS_OF).returncode == 0


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{churn: orders}", "takes one source and how far ahead"),
        ("{churn: {orders: {within: soon}}}", "soon"),
        ("{churn: {orders: {next: 30 days}}}", "next"),
        ("{churn: {orders.amount: {within: 30 days}}}", "counts events: write orders"),
        ("{expected_value: {orders: {next: 30 days}}}", "Name a column: orders.amount"),
        ("{predict: {visits: {within: 30 days}}}", "visits"),
    ],
)
def test_wrong_files(tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "contacts.csv").write_text("email\na@example.com\n")
    (tmp_path / "orders.csv").write_text("email,at,amount\na@example.com,2026-01-01,1\n")
    (tmp_path / "segments.yaml").write_text(FILE.replace("{churn: {orders: {within: 90 days}}}", written))
    done = launcher.sync(tmp_path, "check")
    assert done.returncode == 2 and told in done.stdout + done.stderr, done.stdout + done.stderr


def test_without_the_libraries(leaving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from connector.app import predicting
    from connector.app.workspace import Options, open_workspace
    from connector.core.errors import ConfigError

    monkeypatch.setitem(sys.modules, "sklearn", None)
    with (
        open_workspace(Options(file=leaving / "segments.yaml"), offline=True) as workspace,
        pytest.raises(ConfigError, match=r"segment-connector\[predict\]"),
    ):
        predicting.predict(workspace)


@pytest.mark.long
def test_the_same_people_a_day_later(leaving: Path) -> None:
    """A later moment is another past: the score may change, the command does not fail."""
    later = (history(1).now + timedelta(days=1)).isoformat()
    assert launcher.sync(leaving, "segments", "--as-of", f"{later}Z").returncode == 0


def test_a_fit_that_fails_on_the_present_is_refused(leaving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The back-test learns from an earlier past, so it may succeed where the score itself cannot be learnt."""
    from connector.app import offline
    from connector.app.workspace import Options, open_workspace
    from connector.core.errors import ConfigError
    from connector.segments.predict import chance

    monkeypatch.setattr(chance, "final", lambda history, ahead: None)
    options = Options(file=leaving / "segments.yaml", as_of="2026-11-29T09:00Z")
    with (
        open_workspace(options, offline=True) as workspace,
        pytest.raises(ConfigError, match="say too little to learn it from"),
    ):
        offline.evaluate(workspace)
