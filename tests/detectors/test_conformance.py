"""Every registry entry is a detector, and impostors are caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import Detector
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.registry import DETECTORS, detector
from tests.detectors.conformance import NORMAL, SEPARATION, TRAIN, Scores, check_detector, separation
from tests.detectors.gait import upside_down, walkers, windows

AUTOENCODER = {"strides": (2, 2), "width": 0.125, "dropout": 0.0, "epochs": 6, "batch": 32, "learning_rate": 3e-2}
CLIPS = {"width": 0.12, "epochs": 8, "batch": 8, "learning_rate": 1e-2, "patch": 3}
RECOGNISER = {"width": 0.125, "depth": 3, "epochs": 3, "decay_at": (2,)}
PARAMS: dict[str, dict[str, Any]] = {
    "stg_nf": {"steps": 4, "epochs": 8, "batch": 64, "learning_rate": 3e-2},
    "knn": {"components": 20},
    "gepc": {**AUTOENCODER, "clusters": 10, "components": 5, "cluster_epochs": 3},
    "gepc_patches": {**AUTOENCODER, "graph": "static", "clusters": 10, "components": 5, "cluster_epochs": 3},
    "reconstruction": AUTOENCODER,
    "oc_svm": {**AUTOENCODER, "graph": "static"},
    "mped_rnn": {"epochs": 6, "batch": 64, "learning_rate": 2e-2},
    "stg_nf_supervised": {"steps": 4, "epochs": 8, "batch": 64, "learning_rate": 3e-2},
    "st_gcn": RECOGNISER,
    "agcn": RECOGNISER,
    "ms_g3d": {**RECOGNISER, "depth": 1},
    "shift_gcn": RECOGNISER,
    "itae": CLIPS,
    "ffp": {"width": 0.1, "epochs": 10, "batch": 8, "learning_rate": 1e-2, "past": 2},
    "jigsaw": {"width": 0.2, "epochs": 14, "batch": 8, "learning_rate": 4e-3, "side": 24},
    "mgenet": {
        "preset": "small", "width": 16, "depth": 1, "heads": 2, "behaviours": 8, "scenes": 4, "matches": 8,
        "epochs": 12, "learning_rate": 3e-3, "alpha": 1.0,
        "teacher": {"steps": 4, "epochs": 8, "batch": 32, "learning_rate": 3e-2},
    },
    "itae_nf": {**CLIPS, "steps": 2, "levels": 1, "hidden": 8, "flow_epochs": 2, "flow_rate": 1e-3},
}  # fmt: skip
"""Settings with which a detector learns from a few hundred windows in seconds; others take their defaults."""


@pytest.mark.parametrize("name", DETECTORS)
def test_registered_detectors_conform(name: str) -> None:
    kind = detector(name)
    check_detector(kind, kind.Params(window="second", **PARAMS.get(name, {})))


class Negated(Knn):
    """Calls normal what is abnormal."""

    def score(self, windows: Windows) -> Scores:
        return {part: -values for part, values in super().score(windows).items()}


class RelativeToBatch(Knn):
    """Measures a window against those it is scored with."""

    def score(self, windows: Windows) -> Scores:
        scores = super().score(windows)["score"]
        return {"score": scores - scores.mean() / 10 if len(scores) else scores}


class RelativeToOrder(Knn):
    """Grows more suspicious from one window to the next."""

    def score(self, windows: Windows) -> Scores:
        rise = np.linspace(0, 0.1, len(windows), dtype=np.float32)
        return {part: values + rise for part, values in super().score(windows).items()}


class KnowsTheTime(Knn):
    """Has seen that abnormal things happen late in a clip."""

    def score(self, windows: Windows) -> Scores:
        late = (windows.index["start_frame"].to_numpy() / 1000).astype(np.float32)
        return {part: values + late for part, values in super().score(windows).items()}


class Undefined(Knn):
    """Has no score for some windows."""

    def score(self, windows: Windows) -> Scores:
        return {
            part: np.where(np.arange(len(values)) == 7, np.nan, values).astype(np.float32)
            for part, values in super().score(windows).items()
        }


class DoublePrecision(Knn):
    """Gives another type than promised."""

    def score(self, windows: Windows) -> Any:
        return {part: values.astype(np.float64) for part, values in super().score(windows).items()}


class Tampering(Knn):
    """Changes the windows it is lent."""

    def score(self, windows: Windows) -> Scores:
        windows.poses[:] += 1
        return super().score(windows)


class Unseeded(Knn):
    """Forgets its seed."""

    def fit(self, train: Windows, **options: Any) -> Any:
        noise = np.random.default_rng().normal(0, 0.01, train.poses.shape).astype(np.float32)
        return super().fit(replace(train, poses=train.poses + noise), **options)


class TakesAnything(Knn):
    """Scores windows it was not fitted to."""

    def score(self, windows: Windows) -> Scores:
        try:
            return super().score(windows)
        except ModelError:
            if self._memory is None:
                raise
            return {"score": np.zeros(len(windows), dtype=np.float32)}


class IgnoresLabels(Knn):
    """Claims to learn from labels, and takes all it is given for normal."""

    supervised = True


@pytest.mark.parametrize(
    ("impostor", "complaint"),
    [
        (Negated, "score higher in"),
        (IgnoresLabels, "with contrary labels abnormal windows still score higher"),
        (RelativeToBatch, "depend on the batch"),
        (RelativeToOrder, "depend on the order"),
        (KnowsTheTime, "depend on clip, track, time"),
        (Undefined, "not finite"),
        (DoublePrecision, "float64"),
        (Unseeded, "two fits with one seed differ"),
    ],
)
def test_impostors_are_caught(impostor: type[Detector], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_detector(impostor, KnnParams(window="second", components=20))


def test_a_detector_that_changes_the_windows_it_is_lent_is_caught() -> None:
    with pytest.raises(ValueError, match="read-only"):
        check_detector(Tampering, KnnParams(window="second", components=20))


def test_a_detector_that_takes_any_shape_is_caught() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_detector(TakesAnything, KnnParams(window="second", components=20))


def test_standing_on_ones_head_is_abnormal_to_a_detector_that_knows_joints() -> None:
    model = Knn(KnnParams(window="second", components=20))
    model.fit(TRAIN)
    heads = model.score(windows(upside_down(walkers(60, seed=2))))["score"]
    assert separation(model.score(NORMAL)["score"], heads) >= SEPARATION
