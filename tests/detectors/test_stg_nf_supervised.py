"""Supervised STG-NF: what labels do in training, and what a score is. Its training is tested with STG-NF's."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.layers.stg_nf import export
from stages.detectors.stg_nf_supervised import StgNfSupervised, StgNfSupervisedParams
from tests.detectors.gait import joined, walkers, windows

CALM, FAST = windows(walkers(48, seed=1)), windows(walkers(32, seed=2, speed=3.0), label=1)
TRAIN = joined(CALM, FAST)
TEST = joined(windows(walkers(20, seed=3)), windows(walkers(20, seed=4, speed=3.0)))
"""Twenty that are normal, then twenty that are not."""


def small(**changes: Any) -> StgNfSupervisedParams:
    """Enough to run: two steps, one epoch."""
    settings: dict[str, Any] = {"window": "second", "steps": 2, "epochs": 1, "batch": 32, "learning_rate": 0.05}
    return StgNfSupervisedParams(**(settings | changes))


def fitted(train: Windows = TRAIN, **changes: Any) -> StgNfSupervised:
    model = StgNfSupervised(small(**changes), device="cpu")
    model.fit(train)
    return model


def latent(model: StgNfSupervised, given: Windows) -> torch.Tensor:
    """Mean of each window's latent elements, `(N,)`."""
    with torch.no_grad():
        z: torch.Tensor = model._fitted()[1].eval()(torch.tensor(given.poses))[0]
        return z.mean(dim=(1, 2, 3))


def labelled(given: Windows, *labels: int | None) -> Windows:
    """The same windows with the last ones' labels changed."""
    column = given.index["person_label"].tolist()
    column[-len(labels) :] = [pd.NA if label is None else label for label in labels]
    return replace(given, index=given.index.assign(person_label=pd.array(column, dtype="Int8")))


def test_published_means_are_ten_and_minus_ten() -> None:
    params = StgNfSupervisedParams.model_validate({"window": "second"})
    assert (params.prior_mean, params.abnormal, params.scoring) == (10.0, -10.0, "likelihood")
    assert small(prior_mean=4.0).abnormal == -4.0
    assert small(prior_mean=4.0, abnormal_mean=1.0).abnormal == 1.0


@pytest.mark.parametrize("means", [{"abnormal_mean": 10.0}, {"prior_mean": 0.0}])
def test_equal_means_are_refused(means: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="cannot both have the prior mean"):
        small(**means)


def test_each_window_is_sent_to_the_mean_of_its_label() -> None:
    model = StgNfSupervised(small(prior_mean=3.0, abnormal_mean=-5.0))
    assert model._means(joined(CALM.take(np.arange(2)), FAST.take(np.arange(1)))).tolist() == [3.0, 3.0, -5.0]


@pytest.mark.parametrize("scoring", ["likelihood", "likelihood_ratio"])
def test_the_two_kinds_part(scoring: str) -> None:
    model = fitted(steps=8, epochs=20, learning_rate=0.08, scoring=scoring)
    middles = latent(model, TEST)
    assert float(middles[:20].min()) > 0 > float(middles[20:].max())
    scores = model.score(TEST)["score"]
    assert scores[:20].max() < scores[20:].min()


def test_a_likelihood_is_that_under_the_normal_prior() -> None:
    model = fitted(prior_mean=4.0)
    z, logdet = model._fitted()[1].eval()(torch.tensor(TEST.poses))
    # -log2 p of an element: half its squared distance from 4, in bits, and the constant of a Gaussian.
    wanted = ((z - 4) ** 2 / 2 + math.log(2 * math.pi) / 2).mean(dim=(1, 2, 3)) - logdet / z[0].numel()
    np.testing.assert_allclose(model.score(TEST)["score"], wanted.detach() / math.log(2), rtol=1e-4)


def test_in_a_ratio_volume_and_constants_cancel() -> None:
    model = fitted(prior_mean=4.0, abnormal_mean=-1.0, scoring="likelihood_ratio")
    # (z - 4)² - (z + 1)² = 15 - 10 z
    wanted = (15 - 10 * latent(model, TEST)) / (2 * math.log(2))
    np.testing.assert_allclose(model.score(TEST)["score"], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scoring", ["likelihood", "likelihood_ratio"])
def test_shares_sum_to_the_score(scoring: str) -> None:
    model = fitted(scoring=scoring, epochs=3)
    shares = model.explain(TEST)
    assert shares.shape == (40, 8, 18)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), model.score(TEST)["score"], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("scoring", ["likelihood", "likelihood_ratio"])
def test_what_is_exported_scores_alike(scoring: str) -> None:
    model = fitted(scoring=scoring)
    scorer = export.Scorer(model._fitted()[1].eval(), model.params.prior_mean, model._contrast())
    found = scorer(torch.tensor(TEST.poses)).detach()
    np.testing.assert_allclose(found, model.score(TEST)["score"], rtol=1e-4, atol=1e-3)


def test_scoring_is_no_matter_of_training() -> None:
    one, other = fitted(), fitted(scoring="likelihood_ratio")
    torch.testing.assert_close(latent(one, TEST), latent(other, TEST))
    assert not np.allclose(one.score(TEST)["score"], other.score(TEST)["score"])


def test_unknown_labels_are_left_out_and_counted() -> None:
    lines: list[str] = []
    model = StgNfSupervised(small(), device="cpu")
    report = model.fit(labelled(TRAIN, None, None, None), log=lines.append)
    assert report.windows == 77
    assert lines[0] == "48 normal and 29 abnormal windows; 3 are left out, as their person's label is unknown"
    alone = fitted(TRAIN.take(np.arange(77)))
    np.testing.assert_array_equal(model.score(TEST)["score"], alone.score(TEST)["score"])


def test_what_the_frame_is_labelled_does_not_matter() -> None:
    others = replace(TRAIN, index=TRAIN.index.assign(label=1))
    np.testing.assert_array_equal(fitted(others).score(TEST)["score"], fitted().score(TEST)["score"])


def test_only_normal_windows_are_watched() -> None:
    held_out = labelled(TEST, *[1] * 18, None, None)
    model = StgNfSupervised(small(), device="cpu")
    report = model.fit(TRAIN, validation=held_out)
    normal = model.score(TEST)["score"][:20]
    assert report.curves["validation_loss"][-1] == pytest.approx(normal.mean(), rel=1e-5)


@pytest.mark.parametrize(
    "validation", [FAST, labelled(CALM, *[None] * 48), replace(CALM, index=CALM.index.drop(columns="person_label"))]
)
def test_without_normal_windows_to_watch_none_are(validation: Windows) -> None:
    report = StgNfSupervised(small(), device="cpu").fit(TRAIN, validation=validation)
    assert set(report.curves) == {"loss"}


@pytest.mark.parametrize(("train", "kind"), [(CALM, "abnormal"), (FAST, "normal"), (labelled(FAST, None), "normal")])
def test_one_kind_alone_is_refused_with_a_way_out(train: Windows, kind: str) -> None:
    with pytest.raises(TrainingError, match=f"none of {len(train)} training windows follows .* {kind}") as caught:
        fitted(train)
    assert "regions or intervals" in caught.value.fix


def test_windows_without_labels_are_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="no column 'person_label'") as caught:
        fitted(replace(TRAIN, index=TRAIN.index.drop(columns="person_label")))
    assert "normotion segment" in caught.value.fix


def test_too_few_with_a_label_are_refused() -> None:
    with pytest.raises(TrainingError, match="49 training windows are fewer than a batch of 64") as caught:
        fitted(labelled(TRAIN, *[None] * 31, 1), batch=64)
    assert "detectors.stg_nf_supervised.batch" in caught.value.fix


def test_a_loaded_model_scores_by_its_own_rule(tmp_path: Path) -> None:
    model = fitted(scoring="likelihood_ratio", prior_mean=2.0, abnormal_mean=-7.0)
    model.save(tmp_path)
    loaded = StgNfSupervised.load(tmp_path, device="cpu")
    assert loaded.params == model.params
    np.testing.assert_array_equal(loaded.score(TEST)["score"], model.score(TEST)["score"])


def test_samples_are_normal_ones() -> None:
    model = fitted(epochs=10)
    drawn = replace(TEST, index=TEST.index.iloc[:32], poses=model.sample(32))
    assert float(latent(model, drawn).min()) > 5


def test_naming_the_detector_does_not_import_torch(root: Path) -> None:
    code = "import sys; from stages.detectors.stg_nf_supervised import StgNfSupervised as S; S(S.Params(window='w')); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
