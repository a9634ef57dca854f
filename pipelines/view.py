"""The table of runs in MLflow's page: a shared view with the columns that matter, under an address of its own."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence

KIND = ("mlflow.experimentKind", "custom_model_development")
"""The tag by which MLflow shows an experiment as training runs, not as traces of agents."""
NAME = "normotion"
COLUMNS = (
    "tags.`dataset`",
    "tags.`detector`",
    "tags.`seed`",
    "metrics.`smoothed/auc`",
    "metrics.`smoothed/auc_low`",
    "metrics.`smoothed/auc_high`",
    "tags.`normotion.decision`",
)
COARSE = (
    "tags.`dataset`",
    "tags.`detector`",
    "metrics.`coarse/few_vs_many/random/auc_mean`",
    "metrics.`coarse/few_vs_many/meaningful/auc_mean`",
    "metrics.`coarse/many_vs_few/random/auc_mean`",
    "metrics.`coarse/many_vs_few/meaningful/auc_mean`",
)
"""Those of the coarse-grained protocol."""


def tags(columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Tags of the experiment that make its page so."""
    state = {
        "orderByKey": "attributes.start_time", "orderByAsc": False, "startTime": "ALL", "searchFilter": "",
        "lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns), "viewMaximized": False, "runListHidden": False, "groupBy": None,
        "groupsExpanded": {}, "autoRefreshEnabled": False, "runsExpanded": {}, "runsPinned": [], "runsHidden": [],
        "runsHiddenMode": "FIRST_10_RUNS", "runsVisibilityMap": {}, "hideEmptyCharts": True,
        "useGroupedValuesInCharts": True, "isAccordionReordered": False,
    }  # fmt: skip
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return dict([KIND, (f"mlflow.sharedViewState.{NAME}", f"deflate;{packed}")])


def url(base: str, experiment: str) -> str:
    """Address of the table."""
    return f"{base}/#/experiments/{experiment}/runs?viewStateShareKey={NAME}"
