"""What deploy/ tells people to copy works: machines run its commands in order."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector import rehearse
from connector.rehearsal.core.process import Running, start
from tests.deploy.runner import DEPLOY, Machine, recipe
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
SEGMENTS = """
version: 1
timezone: Europe/Berlin
project: deployed
sources:
  contacts: {{file: exports/people.csv, email: Email, id: Id, columns: {{opt_in: {{type: boolean}}}}}}
consent:
  when: {{opt_in: true}}
  proof: {{at: opted_in_at}}
destinations:
  mailchimp:
    {{platform: mailchimp, api_key: "${{MAILCHIMP_API_KEY}}", audience: Newsletter, new_contacts: subscribed,
      base_url: "{mailchimp}"}}
segments:
  readers:
    {{when: {{plan: paid}}, description: Pays, goal: stay, owner: ann, send_to: {{mailchimp: {{tag: Readers}}}}}}
"""
MORE = """  trying:
    {when: {plan: trial}, description: Tries, goal: pay, owner: ann, send_to: {mailchimp: {tag: Trying}}}
"""
PEOPLE = (
    "Id,Email,Plan,Opt in,Opted in at\n1,ann@example.com,paid,yes,2026-01-05\n2,bea@example.com,trial,yes,2026-01-05\n"
)


@dataclass
class World:
    """The repository, the bucket of exports and the platforms; machines come and go."""

    folder: Path
    running: Running
    state: str
    numbers: Iterator[int]

    def git(self, *words: str) -> None:
        person = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *person, *words], cwd=self.folder / "origin", check=True, capture_output=True)

    def commit(self, branch: str, text: str) -> None:
        self.git("checkout", "-q", "-B", branch)
        (self.folder / "origin" / "segments.yaml").write_text(text)
        self.git("add", "segments.yaml")
        self.git("commit", "-qm", "segments: change")

    def export(self, text: str) -> None:
        (self.folder / "bucket").mkdir(exist_ok=True)
        (self.folder / "bucket" / "people.csv").write_text(text)

    def machine(self, branch: str = "main") -> Machine:
        keys = {"MAILCHIMP_API_KEY": rehearse.key("mailchimp"), "BUCKET": str(self.folder / "bucket")}
        made = Machine(self.folder / f"machine{next(self.numbers)}", keys)
        made.fetch(self.folder / "origin", branch)
        return made

    def known(self, first: bool = False) -> dict[str, str]:
        """The values of the expressions of the workflow."""
        must = "inputs.first && '--yes' || '--state-must-exist'"
        return {
            "vars.EXPORTS": "s3://bucket",
            "secrets.MAILCHIMP_API_KEY": rehearse.key("mailchimp"),
            "secrets.KLAVIYO_API_KEY": "",
            "secrets.HUBSPOT_TOKEN": "",
            "secrets.CONNECTOR_STATE": self.state,
            "secrets.CONNECTOR_STATE_READER": self.state,
            "github.base_ref": "main",
            "github.event.pull_request.number": "7",
            "github.token": "",
            must: "--yes" if first else "--state-must-exist",
        }

    def writes(self) -> int:
        return self.running.writes().get("mailchimp", 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("deploy")
    with start(":memory:", "--no-limits") as running:
        made = World(folder, running, empty_schema(postgres), itertools.count(1))
        (folder / "origin").mkdir()
        made.git("init", "-q", "-b", "main")
        made.commit("main", SEGMENTS.format(mailchimp=rehearse.address(running.url, "mailchimp")))
        made.export(PEOPLE)
        yield made


def passed(done: list[tuple[str, Any]]) -> None:
    assert all(each.returncode == 0 for _, each in done), [(name, each.stdout, each.stderr) for name, each in done]


def test_github_runners_share_the_state_and_nothing_else(world: World) -> None:
    workflow = recipe("github/segments.yml")
    lost = world.machine().job(workflow, "push", world.known())
    codes = {name: each.returncode for name, each in lost}
    assert codes["Push"] == 4 and codes["Report"] == 0 and not world.writes()  # a state that nothing was pushed with
    passed(world.machine().job(workflow, "push", world.known(first=True)))
    sent = world.writes()
    assert sent
    second = world.machine()
    passed(second.job(workflow, "push", world.known()))
    assert world.writes() == sent  # the other machine has nothing to do
    assert '"run": null' in (second.clone / "result.json").read_text()
    assert "pip install 'segment-connector" in str(workflow) and "pip install segment-connector" in second.calls
    world.export(PEOPLE.replace("bea@example.com,trial", "bea@example.com,paid"))
    third = world.machine()
    passed(third.job(workflow, "push", world.known()))
    assert world.writes() > sent
    assert '"adds": 1' in (third.clone / "result.json").read_text()
    assert "mailchimp" in (third.home / "summary").read_text()


def test_a_pull_request_gets_its_plan_as_a_comment(world: World) -> None:
    world.export(PEOPLE)
    world.commit("more", (world.folder / "origin" / "segments.yaml").read_text() + MORE)
    sent = world.writes()
    machine = world.machine("more")
    passed(machine.job(recipe("github/segments.yml"), "plan", world.known()))
    comment = (machine.clone / "comment.md").read_text()
    assert "trying" in comment and "Trying" in comment and "### Plan `" in comment
    assert "@example.com" not in comment.replace("…@example.com", "")
    assert "gh pr comment 7 --edit-last --create-if-none --body-file comment.md" in machine.calls
    assert world.writes() == sent
    world.git("checkout", "-q", "main")


def test_gitlab_runs_the_same(world: World) -> None:
    pipeline, machine = recipe("gitlab/gitlab-ci.yml"), world.machine()
    env = {"CONNECTOR_STATE": world.state, "CONNECTOR_STATE_READER": world.state, "EXPORTS": "s3://bucket"}
    for name in ("plan", "push"):
        job = pipeline[name]
        lines = [*pipeline["default"]["before_script"], *job["script"], *job.get("after_script", [])]
        done = machine.run("\n".join(lines), {**env, **job.get("variables", {})}, ("sh", "-e"))
        assert done.returncode == 0, done.stderr
    assert (machine.clone / "plan.txt").read_text() and (machine.clone / "runs.json").read_text()


def test_kubernetes_runs_the_same(world: World) -> None:
    machine = world.machine()
    machine.run("aws")
    (container,) = recipe("kubernetes/cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    done = machine.run(container["args"][0], {"CONNECTOR_STATE": world.state}, ("sh", "-e"))
    assert container["command"] == ["sh", "-ec"] and done.returncode == 0, done.stderr


def test_systemd_pushes_with_the_state_beside_the_file(world: World) -> None:
    machine = world.machine()
    unit = (DEPLOY / "systemd" / "segment-connector.service").read_text(encoding="utf-8")
    commands = [line.rpartition("/")[2] for line in re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)]
    assert commands == ["connector resume", "connector push --yes --state-must-exist"]
    machine.run("aws")
    for command in ("connector push --yes", *commands):
        done = machine.run(command)
        assert done.returncode == 0, done.stderr
    assert (machine.clone / ".connector" / "state.db").exists()
