"""Results of the coarse-grained protocol into MLflow: one run per pair, in an experiment of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.records import Record, find_entry, params_of, read_lock, vouched, windows_of
from pipelines.tracking import COARSE, Tracking
from stages.core.pairs import coarse
from stages.core.params import read_params
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import sha256_text
from stages.show.coarse_result import Coarse, read

VERB = "coarse"


@dataclass(frozen=True)
class CoarseRecord(Record):
    """One detector on one dataset, all seeds and splits; `seed` is the first."""

    @property
    def name(self) -> str:
        """What the run is called in MLflow."""
        return f"{self.dataset}/{self.detector}/{VERB}"

    @property
    def tags(self) -> dict[str, str]:
        """By which it is found."""
        named = {"protocol": VERB, "dataset": self.dataset, "detector": self.detector, "data.md5": self.data}
        return {**named, "mlflow.source.name": "normotion", "mlflow.source.type": "PROJECT"}


def log_all(project: Project, tags: Mapping[str, str]) -> None:
    """Log the results that are not logged yet; the log's lock must be held.

    Results stay in git, so one that cannot be logged now is logged the next time.

    Args:
        project: where.
        tags: of the commit, beside those of the records.

    Raises:
        PipelineError: MLflow cannot be used, or dvc.lock not be read.
        SchemaError: a result is not readable.
    """
    found = list(records(project))
    if not found:
        return
    tracking = Tracking(project, COARSE)
    tracking.sweep()
    new = [record for record in found if tracking.find(record.key) is None]
    for record in new:
        tracking.write(record, {**tags, **record.tags}, [(project.coarse(record.dataset, record.detector), "metrics")])
    log.info("coarse-grained protocol: %d runs in MLflow's experiment %s, %d of them new", len(found), COARSE, len(new))


def records(project: Project) -> Iterator[CoarseRecord]:
    """One record per listed pair whose result is the one dvc.lock names; others are told of in the log."""
    entries = read_lock(project)
    for run in coarse(read_params(project)).values():
        entry, path = find_entry(entries, VERB, run), project.coarse(run.dataset, run.detector)
        if entry is None or not vouched(project, path, entry):
            log.warning("coarse %s on %s is not logged: its result is not that of dvc.lock", run.detector, run.dataset)
            continue
        result = read(path)
        if result.reason:
            continue
        key = sha256_text(VERB, json.dumps(entry, sort_keys=True))
        params = {"dataset": run.dataset, "detector": run.detector, **params_of({VERB: entry}, entries)}
        data, seed = windows_of(entry), result.seeds[0]
        yield CoarseRecord(run.dataset, run.detector, seed, key, data, params, figures(result), {})


def figures(result: Coarse) -> dict[str, float]:
    """Means and deviations over splits, and each split's AUC, by name: `coarse/few_vs_many/random/auc_mean`."""
    found: dict[str, float] = {}
    for direction, kinds in result.summary.items():
        for kind, spread in kinds.items():
            place = f"{VERB}/{direction}/{kind}"
            found[f"{place}/auc_mean"] = spread.auc_mean
            found |= {} if spread.auc_sd is None else {f"{place}/auc_sd": spread.auc_sd}
            found[f"{place}/splits"] = float(spread.splits)
            others = {part: value for part, value in spread.parts.items() if part != result.parts[0]}
            found |= {f"{place}/auc_mean_{part}": value for part, value in others.items()}
    for one in result.splits:
        found[f"{VERB}/{one.direction}/split/{one.split}"] = one.auc[result.parts[0]].mean
    return found
