"""Champion and challenger in a real MLflow database: promoted, kept, rolled back, compared only where it is fair."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import champions, log_runs, registry
from pipelines.champions import CHALLENGER, CHAMPION, Champions, first_seed
from pipelines.judging import DECISION, Decision, judge
from pipelines.tracking import Tracking
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.pipelines_params import RetrainParams
from stages.core.schemas import REPLICATES
from stages.core.tables import write
from stages.evaluation.uncertainty import Replicates

Train = Callable[..., Decision]


@pytest.fixture
def train(logged: Project, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Pretend to train `near` with another k and AUC, log it, and judge it."""

    def save(_: Project, dataset: str, detector: str, seed: int, path: Path) -> None:
        path.mkdir()
        (path / "MLmodel").write_text(f"{dataset} {detector} {seed}")

    monkeypatch.setattr(registry, "save_pyfunc", save)

    def once(
        k: int, auc: float, test: str = "the same", clips: int = 30, params: RetrainParams | None = None
    ) -> Decision:
        monkeypatch.setattr(log_runs, "digest_of_test", lambda *_: test)
        noise = np.random.default_rng(0).normal(size=500)
        drawn = Replicates({"smoothed/auc": auc + 0.05 * noise + 0.001 * k * noise[::-1]}, 30, "drawn alike")
        write(logged.replicates("street", "near"), REPLICATES, drawn.rows())
        lock = logged.root / "dvc.lock"
        lock.write_text(re.sub(r"\bk: \d+", f"k: {k}", lock.read_text()))
        run = first_seed(log_runs.run(logged))["street", "near"]
        return judge(logged, Tracking(logged), run, params or RetrainParams())

    return once


def at(project: Project, alias: str) -> str | None:
    found = Champions(Tracking(project), "street", "near").at(alias)
    return found.number if found else None


def test_the_first_is_champion_and_stays_it(logged: Project, train: Train) -> None:
    first = train(5, 0.7)
    assert (first.verdict, first.version, first.comparison) == ("first", "1", None)
    assert (at(logged, CHAMPION), at(logged, CHALLENGER)) == ("1", None)
    assert train(5, 0.7).verdict == "unchanged"
    assert at(logged, CHAMPION) == "1"


def test_what_is_better_is_promoted_and_what_is_worse_kept_out(logged: Project, train: Train) -> None:
    train(5, 0.7)
    worse = train(6, 0.6)
    assert (worse.verdict, worse.version) == ("kept", "2")
    assert worse.comparison is not None
    assert worse.comparison.difference == pytest.approx(-0.1, abs=0.01)
    assert (at(logged, CHAMPION), at(logged, CHALLENGER)) == ("1", "2")
    better = train(7, 0.8)
    assert better.verdict == "promoted"
    assert (at(logged, CHAMPION), at(logged, CHALLENGER)) == ("3", None)
    assert "against version 1" in better.reason


def test_as_good_is_enough_or_not(train: Train) -> None:
    train(5, 0.7)
    assert train(6, 0.702, params=RetrainParams(promote="better")).verdict == "kept"
    assert train(7, 0.702, params=RetrainParams(promote="not_worse", margin=0.05)).verdict == "promoted"


def test_the_decision_is_on_the_run(logged: Project, train: Train) -> None:
    train(5, 0.7)
    client = Tracking(logged).client
    (run,) = client.search_runs([Tracking(logged).experiment], "tags.detector = 'near'")
    assert run.data.tags[DECISION] == "first: there was no champion"
    assert run.data.tags["auc"] == "0.750"


@pytest.mark.parametrize(
    ("second", "why"),
    [({"test": "another"}, "are not those of the champion"), ({"test": "none"}, "are not those of the champion")],
)
def test_other_test_clips_decide_nothing(logged: Project, train: Train, second: dict[str, Any], why: str) -> None:
    train(5, 0.7)
    found = train(6, 0.9, **second)
    assert found.verdict == "kept"
    assert why in found.reason
    assert at(logged, CHAMPION) == "1"


def test_few_test_clips_decide_nothing(logged: Project, train: Train) -> None:
    text = logged.params.read_text()
    logged.params.write_text(text.replace("evaluate: {", "evaluate: {bootstrap: {least_clips: 31}, "))
    train(5, 0.7)
    assert train(6, 0.9).reason.startswith(
        "30 test clips are too few for an interval of the difference, which takes 31"
    )


def test_rollback_puts_the_one_before_back_and_it_stays_away(logged: Project, train: Train) -> None:
    train(5, 0.7)
    train(6, 0.8)
    champions.rollback(logged, "street", "near")
    assert at(logged, CHAMPION) == "1"
    again = train(6, 0.8)
    assert (again.verdict, again.reason) == ("kept", "a person took this very model out of use")
    with pytest.raises(PipelineError, match="the first champion: there is none before it"):
        champions.rollback(logged, "street", "near")


def test_a_person_may_promote_what_was_kept_out(logged: Project, train: Train) -> None:
    train(5, 0.7)
    train(6, 0.6)
    champions.promote(logged, "street", "near")
    assert at(logged, CHAMPION) == "2"
    champions.rollback(logged, "street", "near")
    assert at(logged, CHAMPION) == "1"


def test_no_champion_no_rollback_no_challenger_no_promotion(logged: Project) -> None:
    log_runs.run(logged)
    with pytest.raises(PipelineError, match="has no champion"):
        champions.rollback(logged, "street", "near")
    with pytest.raises(PipelineError, match="has no challenger"):
        champions.promote(logged, "street", "near")


def test_a_run_without_a_model_is_kept_out_and_says_so(logged: Project) -> None:
    run = first_seed(log_runs.run(logged))["street", "near"]  # its detector is none that MLflow could load
    found = judge(logged, Tracking(logged), run, RetrainParams())
    assert (found.verdict, found.reason) == ("kept", "street/near/seed-0 has no MLflow model attached")
