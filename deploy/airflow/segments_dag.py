"""Airflow 3: `connector push` every night, after an interrupted run is finished. Copy into the folder of DAGs.

The connector lies in a virtual environment of its own, since its libraries need not fit Airflow's: CONNECTOR_BIN. The
keys and CONNECTOR_STATE are variables of the worker's environment.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

BIN = os.environ.get("CONNECTOR_BIN", "/opt/segment-connector/bin")
FOLDER = os.environ.get("CONNECTOR_FOLDER", "/opt/segments")  # holds segments.yaml and exports/

with DAG(
    dag_id="segment_connector",
    schedule="17 4 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 0, "execution_timeout": timedelta(hours=2)},
    tags=["marketing"],
):
    resume = BashOperator(
        task_id="resume",
        bash_command=f'cd "{FOLDER}" && "{BIN}/connector" resume --state "$CONNECTOR_STATE"',
        retries=2,  # safe: what arrived is asked for before anything is sent again
        append_env=True,
    )
    push = BashOperator(
        task_id="push",
        bash_command=f'cd "{FOLDER}" && "{BIN}/connector" push --state "$CONNECTOR_STATE" --yes --state-must-exist',
        append_env=True,
    )
    resume >> push
