"""Whether what was trained now replaces what is in use: both judged on the same test clips, drawn alike."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipelines.champions import CHAMPION, REJECTED, Champions, Version
from pipelines.test_set import TEST, UNKNOWN
from pipelines.tracking import KEY, Tracking, UnavailableError
from stages.core.errors import NormotionError, ScoreError
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.pipelines_params import RetrainParams
from stages.core.schemas import REPLICATES
from stages.core.tables import read
from stages.evaluation.comparison import Comparison, paired
from stages.evaluation.uncertainty import BootstrapParams, Replicates

FIGURE = "smoothed/auc"
"""What decides."""
DECISION = "normotion.decision"
"""The tag of a run that holds what was decided about its model."""

Verdict = Literal["first", "unchanged", "promoted", "kept"]


@dataclass(frozen=True)
class Decision:
    """What became of one newly trained model.

    Args:
        dataset: its name.
        detector: its name.
        verdict: `first` had no rival, `unchanged` is the champion already, `promoted` replaced it, `kept` did not.
        reason: why, in words.
        auc: of the new model, with its interval where there is one.
        comparison: new less champion; None where there was nothing to compare.
        version: the registered version; empty where there is none.
    """

    dataset: str
    detector: str
    verdict: Verdict
    reason: str
    auc: str = ""
    comparison: Comparison | None = None
    version: str = ""


def judge(project: Project, tracking: Tracking, run: Any, params: RetrainParams) -> Decision:
    """Register a run's model as challenger, compare it with the champion, and promote it or not.

    Args:
        project: where it was trained; its replicates on disk are the challenger's.
        tracking: the project's experiment.
        run: MLflow's run of the first seed.
        params: `promote` and `margin` are used.

    Returns:
        What was decided; the run carries it as a tag.

    Raises:
        PipelineError: MLflow does not answer.
    """
    dataset, detector = run.data.tags["dataset"], run.data.tags["detector"]
    champions = Champions(tracking, dataset, detector)
    try:
        decision = _decide(project, champions, run, params)
    except UnavailableError:
        raise
    except NormotionError as error:
        decision = Decision(dataset, detector, "kept", error.what, run.data.tags.get("auc", ""))
    try:
        tracking.client.set_tag(run.info.run_id, DECISION, f"{decision.verdict}: {decision.reason}")
    except Exception as error:
        raise tracking.unavailable(error) from error
    return decision


def _decide(project: Project, champions: Champions, run: Any, params: RetrainParams) -> Decision:
    tags = run.data.tags
    known = {"dataset": tags["dataset"], "detector": tags["detector"], "auc": tags.get("auc", "")}
    champion = champions.at(CHAMPION)
    if champion and champion.tags.get(KEY) == tags[KEY]:
        return Decision(**known, verdict="unchanged", reason="it is the champion already", version=champion.number)
    challenger = champions.enter(run)
    known["version"] = challenger.number
    if champion is None:
        champions.promote(challenger)
        return Decision(**known, verdict="first", reason="there was no champion")
    if REJECTED in challenger.tags:
        return Decision(**known, verdict="kept", reason="a person took this very model out of use")
    found, why = _compare(project, champions, champion, run)
    if found is None:
        return Decision(**known, verdict="kept", reason=f"{why}; `normotion promote` decides by hand")
    least = 0.0 if params.promote == "better" else -params.margin
    reason = (
        f"AUC {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}] against version {champion.number}, "
        f"where {params.promote.replace('_', ' ')} takes an interval above {least:g}"
    )
    if found.low <= least:
        return Decision(**known, verdict="kept", reason=reason, comparison=found)
    champions.promote(challenger)
    return Decision(**known, verdict="promoted", reason=reason, comparison=found)


def _compare(project: Project, champions: Champions, champion: Version, run: Any) -> tuple[Comparison | None, str]:
    """New less champion, or why they cannot be compared."""
    dataset, detector = run.data.tags["dataset"], run.data.tags["detector"]
    before = champions.tags_of(champion).get(TEST, UNKNOWN)
    if UNKNOWN in (before, run.data.tags.get(TEST)) or before != run.data.tags[TEST]:
        return None, "the test clips, their labels or how they are judged are not those of the champion"
    with tempfile.TemporaryDirectory() as folder:
        file = champions.file(champion, f"replicates/{detector}.parquet", Path(folder))
        if file is None:
            return None, "the champion's run holds no replicates"
        theirs = Replicates.of(read(file, REPLICATES))
    ours = Replicates.of(read(project.replicates(dataset, detector), REPLICATES))
    least = load_section(project, "evaluate.bootstrap", BootstrapParams).least_clips
    if ours.clips < least:
        return None, f"{ours.clips} test clips are too few for an interval of the difference, which takes {least}"
    try:
        found = paired(ours, theirs, FIGURE)
    except ScoreError as error:
        return None, error.what
    return found, "" if found else "the AUC is undefined in too many draws of the test clips"
