"""predict: how good the file's predictions are, by the past.

Owns: the steps. Must not: print, or learn anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.app.offline import load
from connector.app.workspace import Workspace
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    from connector.segments.predict.scores import Prediction


def predict(workspace: Workspace) -> tuple[Prediction, ...]:
    """Raises ConfigError when the file predicts nothing, or without the libraries."""
    from connector.config.language.rules import Predict
    from connector.segments.compile.windows import Clock
    from connector.segments.names import Names
    from connector.segments.predict.scores import predictions

    config = workspace.config
    if not any(isinstance(trait, Predict) for trait in config.traits.values()):
        text = (
            "No trait is a prediction. docs/predictions.md has some to copy: "
            "churn_risk: {churn: {orders: {within: 90 days}}}."
        )
        raise ConfigError([Problem(Place(config.path.as_posix()), "missing-key", text)])
    loaded = load(workspace)
    return tuple(predictions(config, loaded, Clock.at(workspace.as_of, config.zone), Names.of(config, loaded)))
