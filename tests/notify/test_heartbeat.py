"""What can be read of a run by machines: the heartbeat, metrics, logs, plans by person, and an end of any kind."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from connector.app.history import age
from connector.core.errors import ConfigError
from connector.notify.channels import send
from connector.notify.message import Message
from tests.notify.conftest import PEOPLE, Night


def samples(path: Path) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def test_a_run_as_machines_see_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.write(PEOPLE, refused=["p6"], new="skip")
    assert night.call("status", "--max-age", "26h")[0] == 1, "nothing was ever pushed"
    code, out, _ = night.call("plan", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and list(rows[0]) == ["destination", "target", "operation", "email", "reason", "rule"]
    added = {row["email"] for row in rows if row["operation"] == "add" and row["destination"] == "klaviyo"}
    assert added == {email for name, email in PEOPLE.items() if name != "p6"}
    (blocked, *_) = [row for row in rows if row["email"] == PEOPLE["p6"]]
    assert blocked["operation"] == "blocked add" and "consent" in blocked["reason"]
    assert blocked["rule"] == "segment readers"
    plan = night.json("plan", "--people")
    assert len(plan["people"]) == len(rows) and "people" not in night.json("plan")
    code, out, _ = night.call("plan", "--format", "markdown")
    assert code == 0 and "| create |" in out and "p…@example.com" in out and "person1@" not in out
    assert night.call("plan", "--people")[0] == 2

    document = night.json("push")
    assert document["exit_code"] == 3 and document["error"]["code"] == "plan", "it is no terminal"

    path = night.world.folder / "metrics.prom"
    os.utime(night.world.folder / "people.csv", (time.time(), time.time()))  # files have the real time (tests/clock)
    code, _, err = night.call("push", "--yes", "--metrics", str(path), "--log-format", "json")
    assert code == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"request", "step"} <= {line["event"] for line in lines} and "@" not in err
    found = samples(path)
    assert found["segment_connector_last_run_served", frozenset({("destination", "klaviyo")})] == 1
    assert found["segment_connector_contacts", frozenset()] == 6
    assert (
        found["segment_connector_members", frozenset({("destination", "klaviyo"), ("target", "list “Readers”")})] == 5
    )
    assert 0 <= found["segment_connector_export_age_seconds", frozenset({("source", "contacts")})] < 3600
    names = {name for name, _ in found}
    assert {"segment_connector_last_run_changes", "segment_connector_last_run_requests"} <= names
    assert {"segment_connector_blocked", "segment_connector_runs"} <= names and path.stat().st_mode & 0o777 == 0o644

    assert night.call("status", "--max-age", "1m")[0] == 0
    before = night.json("status")["destinations"][0]["last_success"]
    assert night.push() == 0, "nothing to do, which is a success"
    assert night.json("status", "--max-age", "1m")["destinations"][0]["last_success"] > before
    assert night.push("--metrics", "/nowhere/at/all") == 0, "the run does not depend on the file"
    assert night.call("status", "--metrics", str(path), "--max-age", "soon")[0] == 2

    # A missing key: all of them, with their places, and the same code everywhere.
    monkeypatch.delenv("MC")
    monkeypatch.setenv("HS", " ")
    for words in (["push", "--yes"], ["plan"], ["adopt", "--yes"], ["undo", "last", "--yes"], ["cleanup"], ["drift"]):
        document = night.json(*words)
        told = [(place["code"], place["message"].split()[3]) for place in document["error"]["places"]]
        assert document["exit_code"] == 2 and told == [("secret-not-set", "MC"), ("secret-not-set", "HS")], words
        assert all(place["file"].endswith("segments.yaml") and place["line"] for place in document["error"]["places"])
    code, out, _ = night.call("doctor", "--format", "json")
    problems = {one["name"]: one["problems"] for one in json.loads(out)["destinations"]}
    assert code == 2 and not problems["klaviyo"] and len(problems["hubspot"]) == 1 and "HS" in problems["hubspot"][0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["push", "--nonsense"], 2, "usage"),
        (["init", "--to", "mailchimp"], 2, "usage"),
        (["push", "--file", "nowhere.yaml"], 2, "configuration"),
        (["push", "--state", "nonsense://x", "--yes"], 4, "state"),
        (["runs", "show", "20990101-000000-ffff"], 4, "state"),
        (["undo", "last", "--yes"], 3, "plan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_every_end_is_one_document(quiet: Any, words: list[str], code: int, said: str) -> None:
    ended, out, err = quiet(*words, "--format", "json")
    document = json.loads(out)
    assert (ended, document["schema"], document["error"]["code"]) == (code, "connector.error/1", said)
    assert document["exit_code"] == code and document["error"]["message"].strip() and err.strip()


def test_formats_and_options_that_a_command_does_not_have_are_refused(quiet: Any) -> None:
    for words in (["push", "--format", "csv"], ["status", "--format", "markdown"], ["check", "--rehearse"],
                  ["init", "--rehearse"], ["runs", "--to", "mailchimp"], ["rehearsal", "--only", "x"],
                  ["doctor", "--only", "readers"], ["demo", "--to", "x"], ["check", "--format", "csv"]):  # fmt: skip
        code, _, err = quiet(*words)
        assert code == 2 and ("No such option" in err or "Invalid value" in err), words


def test_help_shows_the_commands_own_options_first(quiet: Any) -> None:
    out = quiet("push", "--help")[1]
    assert out.index("--plan") < out.index("Common options:") < out.index("--as-of")
    assert "--as-of" not in quiet("status", "--help")[1]


def test_ages() -> None:
    assert [age(text).total_seconds() for text in ("26h", "90m", "2d", "1 week")] == [93_600, 5_400, 172_800, 604_800]  # type: ignore[union-attr]
    for text in ("soon", "0h", "26", "-1h"):
        with pytest.raises(ConfigError):
            age(text)


def test_mail(mail_server: tuple[int, list[Any]]) -> None:
    """By a real SMTP server: one message with a title, and none of the secret in what is said of a failure."""
    port, mails = mail_server
    address = f"mailto://127.0.0.1:{port}?from=alerts@example.com&to=ops@example.com&mode=insecure"
    taken, said = send(["${MAIL}"], [Message("push needs attention", "- klaviyo: down", True)], {"MAIL": address})
    assert taken and not said
    assert "push needs attention" in mails[0] and "klaviyo: down" in mails[0]
    secret = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ-not"
    taken, said = send(["${MAIL}", "${S}", "nonsense://${S}"], [], {"S": secret})
    assert not taken and secret not in " ".join(said) and len(said) == 3
