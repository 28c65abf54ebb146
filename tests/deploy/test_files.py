"""The files of deploy/ are valid where that can be told without the system that reads them."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner

from tests.deploy.dockerfile import instructions
from tests.deploy.runner import DEPLOY, recipe
from website.reference import every_command

README = (DEPLOY / "README.md").read_text(encoding="utf-8")
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("github/segments.yml", ["vendor.github-workflows"]),
        ("gitlab/gitlab-ci.yml", ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_a_pipeline_has_its_published_schema(name: str, options: list[str], tmp_path: Path) -> None:
    def check(path: Path) -> int:
        return CliRunner().invoke(check_jsonschema, ["--builtin-schema", *options, str(path)]).exit_code

    assert check(DEPLOY / name) == 0
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        (DEPLOY / name).read_text(encoding="utf-8").replace("script:", "scrip: 1\n    scripts:") + "\non: 7\n"
    )
    assert check(wrong) == 1


def test_kubernetes_has_no_rights_and_never_two_runs() -> None:
    spec = recipe("kubernetes/cronjob.yaml")["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["concurrencyPolicy"] == "Forbid" and job["backoffLimit"] == "0"
    assert pod["securityContext"]["runAsNonRoot"] == "true" and pod["automountServiceAccountToken"] == "false"
    secure = container["securityContext"]
    assert secure["readOnlyRootFilesystem"] == "true" and secure["capabilities"]["drop"] == ["ALL"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_image_is_small_and_its_user_has_no_rights() -> None:
    steps = list(instructions())
    words = [word for word, _ in steps]
    assert words.count("FROM") == 2 and ("VOLUME", "/data") in steps
    user = dict(steps)["USER"]
    assert int(user.partition(":")[0]) >= 10000 and words.index("USER") < words.index("ENTRYPOINT")
    copied = [rest for word, rest in steps[words.index("FROM", 1) :] if word == "COPY"]
    assert copied == ["--from=build /opt/connector /opt/connector"]


def test_the_image_is_built_from_all_that_the_wheel_needs() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", "constraints.txt", project["project"]["readme"], project["project"]["license"]["file"]}
    copied = {name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]}
    assert {*needed, *wheel["packages"], *wheel["force-include"]} <= copied


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_reads_its_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/segment-connector/bin/connector", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_explained_and_holds_no_key(path: Path) -> None:
    assert path.name == "README.md" or f"({path.relative_to(DEPLOY).as_posix()})" in README
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"-us\d{1,2}\b|pk_|pat-|xkeysib-", text)
    if path.suffix == ".py":
        ast.parse(text)
    if path.suffix in {".yml", ".yaml"}:
        assert isinstance(yaml.safe_load(text), dict)


def test_every_command_is_one_of_ours() -> None:
    known = {name.split()[1] for name, _ in every_command()}
    code = [path.read_text(encoding="utf-8") for path in FILES if path.suffix != ".md"]
    code += re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    words = set(re.findall(r'(?<![\w-])connector"? ([a-z-]+)(?= --|$)', "\n".join(code), re.MULTILINE))
    assert {"push", "resume", "plan", "runs", "status", "check"} <= words <= known
