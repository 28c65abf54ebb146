"""Dagster: the segments on the platforms as an asset, pushed every night; what was done is its metadata.

The connector lies in a virtual environment of its own: CONNECTOR_BIN. The keys and CONNECTOR_STATE are variables of the
environment of the run.
"""

import json
import os
import subprocess

import dagster as dg

BIN = os.environ.get("CONNECTOR_BIN", "/opt/segment-connector/bin")
FOLDER = os.environ.get("CONNECTOR_FOLDER", "/opt/segments")  # holds segments.yaml and exports/


def connector(context: dg.AssetExecutionContext, *words: str) -> dict:
    """The JSON document that a command prints. What it tells on standard error is logged; it holds no address."""
    command = [f"{BIN}/connector", *words, "--state", os.environ["CONNECTOR_STATE"], "--format", "json"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.stderr:
        context.log.info(done.stderr)
    if done.returncode not in (0, 1):  # 1: done, and some records were refused; they are counted below
        raise dg.Failure(f"connector {words[0]} ended with exit code {done.returncode}", allow_retries=False)
    return json.loads(done.stdout)


@dg.asset(group_name="marketing", pool="segment_connector")
def segments_on_platforms(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Tags and lists on the marketing platforms, as segments.yaml says."""
    connector(context, "resume")
    result = connector(context, "push", "--yes", "--state-must-exist")
    summary, run = result["plan"]["summary"], result["run"] or {}
    return dg.MaterializeResult(
        metadata={**summary, "run": run.get("id", "nothing to do"), "exit_code": run.get("exit_code", 0)}
    )


nightly = dg.ScheduleDefinition(
    name="segments_nightly",
    target=dg.AssetSelection.assets(segments_on_platforms),
    cron_schedule="17 4 * * *",
    execution_timezone="Europe/Berlin",
)
defs = dg.Definitions(assets=[segments_on_platforms], schedules=[nightly])
