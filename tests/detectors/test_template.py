"""The template is a detector, also under another name, and what it stands for is small and light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.registry import DETECTORS
from stages.detectors.template import Template, TemplateParams
from tests.detectors.conformance import NORMAL, TRAIN, Scores, check_detector

QUICK = TemplateParams(window="second", epochs=8)


def fitted(params: TemplateParams = QUICK) -> Template:
    model = Template(params, device="cpu")
    model.fit(TRAIN)
    return model


def test_the_template_conforms_with_its_defaults() -> None:
    check_detector(Template, TemplateParams(window="second"))


class Negated(Template):
    """Calls normal what is abnormal."""

    def score(self, windows: Windows) -> Scores:
        return {part: -values for part, values in super().score(windows).items()}


def test_a_template_that_turns_its_scores_round_is_caught() -> None:
    with pytest.raises(AssertionError, match="score higher in"):
        check_detector(Negated, TemplateParams(window="second"))


def test_it_is_copied_and_not_run() -> None:
    assert Template.name not in DETECTORS


def test_there_is_a_score_per_sample() -> None:
    scores = fitted().score(NORMAL)["score"]
    assert scores.shape == (len(NORMAL), NORMAL.poses.shape[2])
    assert (scores >= 0).all()


def test_the_loss_falls_and_the_watched_windows_teach_nothing() -> None:
    alone, watched = Template(QUICK, device="cpu"), Template(QUICK, device="cpu")
    curves = alone.fit(TRAIN).curves
    assert curves["loss"][-1] < curves["loss"][0] / 2
    report = watched.fit(TRAIN, validation=NORMAL)
    assert len(report.curves["validation_loss"]) == QUICK.epochs
    np.testing.assert_array_equal(alone.score(NORMAL)["score"], watched.score(NORMAL)["score"])


def test_another_seed_gives_another_model() -> None:
    other = Template(QUICK, device="cpu", seed=1)
    other.fit(TRAIN)
    assert not np.allclose(other.score(NORMAL)["score"], fitted().score(NORMAL)["score"])


def test_a_single_window_teaches_nothing() -> None:
    with pytest.raises(TrainingError, match="1 training windows"):
        Template(QUICK, device="cpu").fit(TRAIN.take(np.arange(1)))


def test_a_loss_that_runs_away_is_told_and_the_old_model_stays() -> None:
    model = fitted()
    before = model.score(NORMAL)["score"]
    model.params = QUICK.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingError, match="loss of epoch"):
        model.fit(TRAIN)
    np.testing.assert_array_equal(model.score(NORMAL)["score"], before)


def test_a_model_of_another_size_is_refused(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    card = tmp_path / "detector.json"
    card.write_text(card.read_text().replace('"code": 8', '"code": 9'))
    with pytest.raises(ModelError, match="weights do not fit"):
        Template.load(tmp_path, device="cpu")


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, stages.detectors.template; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
