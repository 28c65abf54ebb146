"""predict: the back-tests of the file's predictions. No platform is called.

Owns: its options and what it prints. Must not: learn or judge anything itself.
"""

from __future__ import annotations

import typer

from connector.cli.common import Common, command, data, data_json


def register(app: typer.Typer) -> None:
    examples = "  sync predict\n  sync predict --as-of 2026-10-01\n  sync predict --format json"
    command(app, "predict", examples, without=("only", "to", "rehearse"))(predict)


def predict(common: Common) -> int:
    """How good the traits predict, churn and expected_value would have been, judged by the last part of the past."""
    from connector.app import predicting as verbs
    from connector.app.workspace import open_workspace
    from connector.report.predict import predict_json, predict_text

    with open_workspace(common.options(), offline=True) as workspace:
        found = verbs.predict(workspace)
    data_json(predict_json(found)) if common.json else data(predict_text(found))
    return 0
