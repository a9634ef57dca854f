"""The code of a saved MLflow model, which runs this file when it loads one: see `pipelines/registry.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from stages.live.tracks_scorer import TracksScorer


class TracksModel(PythonModel):
    """A table of tracks in, SCORES out: `TracksScorer` as MLflow calls it."""

    def load_context(self, context: Any) -> None:
        """Read the artifacts `model`, the detector's folder, and `card`."""
        self.scorer = TracksScorer.load(Path(context.artifacts["model"]), Path(context.artifacts["card"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """See `TracksScorer.score`; MLflow has held the table against the signature before."""
        return self.scorer.score(model_input)


set_model(TracksModel())
