"""The benchmark is hard enough to tell detectors apart: neither poses alone nor any one simple feature solve it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from stages.simulation.detection import detect
from stages.simulation.direction import perform
from stages.simulation.noise import NoiseParams
from stages.simulation.observation import View, observe
from stages.simulation.planning import SimulateParams, plans
from stages.simulation.world import ABNORMAL_KINDS, Take

pytestmark = pytest.mark.slow

LENGTH = 12
"""Frames of a window: 0.8 s."""
GAP = 2
"""Frames of a window that may be missing, and are interpolated."""
FEATURES = ("speed", "height", "aspect")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Windows:
    """Everybody's windows of a clip: `start` and poses `(N, LENGTH, 17, 2)` px, FEATURES `(N, 3)`; truth per frame."""

    start: NDArray[np.int64]
    poses: Array
    features: Array
    abnormal: NDArray[np.bool_]
    kinds: dict[str, NDArray[np.bool_]]

    def frames(self, scores: Array) -> Array:
        """Of each frame the worst window that covers it; the least score where there is none."""
        found = np.full(len(self.abnormal), -np.inf)
        for start, score in zip(self.start, scores, strict=True):
            found[start : start + LENGTH] = np.maximum(found[start : start + LENGTH], score)
        return found


def people(view: View) -> Iterator[tuple[NDArray[np.int64], Array]]:
    """Frames in which each person was detected, and keypoints and box, `(n, 19, 2)`."""
    found = detect(view, NoiseParams())
    points = np.concatenate([found.keypoints[..., :2], found.boxes.reshape(-1, 2, 2)], axis=1).astype(np.float64)
    for person in range(len(view.tracks)):
        rows = found.people == person
        yield found.frames[rows], points[rows]


def windows(view: View) -> Windows:
    starts, cut = [], []
    for frames, points in people(view):
        for start in range(0, view.plan.frames - LENGTH + 1, 2):
            time = np.arange(start, start + LENGTH)
            if np.isin(time, frames).sum() < LENGTH - GAP:
                continue
            flat = points.reshape(len(points), -1)
            filled = np.stack([np.interp(time, frames, column) for column in flat.T], axis=1)
            starts.append(start)
            cut.append(filled.reshape(LENGTH, -1, 2))
    both = np.array(cut).reshape(-1, LENGTH, 19, 2)
    poses, low, high = both[:, :, :17], both[:, :, 17], both[:, :, 18]
    size, middle = high - low, (low + high) / 2
    speed = np.linalg.norm(middle[:, -1] - middle[:, 0], axis=-1) / size[..., 1].mean(axis=1)
    features = np.stack([speed, size[..., 1].mean(axis=1), (size[..., 0] / size[..., 1]).mean(axis=1)], axis=1)
    odd = view.seen & view.abnormal
    kinds = {kind: (odd & (view.kinds == kind)).any(axis=1) for kind in ABNORMAL_KINDS}
    return Windows(np.array(starts, dtype=np.int64), poses, features, np.asarray(odd.any(axis=1)), kinds)


@pytest.fixture(scope="module")
def clips() -> dict[str, list[Windows]]:
    """Normal training clips and all test clips of `small`."""
    found: dict[str, list[Windows]] = {"train": [], "test": []}
    for plan in plans(SimulateParams()):
        if plan.split == "test" or (plan.split == "train" and not plan.kinds):
            found[plan.split].append(windows(observe(Take(plan, perform(plan)))))
    return found


def vectors(clip: Windows) -> Array:
    """Poses without place, size and velocity: every frame is centred by itself, every window scaled as a whole."""
    centred = clip.poses - clip.poses.mean(axis=2, keepdims=True)
    scale = centred.std(axis=(1, 2), keepdims=True).mean(axis=-1, keepdims=True)
    return np.asarray((centred / scale).reshape(len(centred), -1))


def area(clips: list[Windows], scores: list[Array], kind: str = "") -> float:
    """Frame AUC of all kinds, or of one against all frames in which nothing is abnormal."""
    found = np.concatenate([clip.frames(values) for clip, values in zip(clips, scores, strict=True)])
    found[~np.isfinite(found)] = found[np.isfinite(found)].min()
    odd = np.concatenate([clip.abnormal for clip in clips])
    truth = np.concatenate([clip.kinds[kind] for clip in clips]) if kind else odd
    counted = truth | ~odd
    return float(roc_auc_score(truth[counted], found[counted]))


def test_nearest_neighbours_of_poses_alone_are_neither_blind_nor_perfect(clips: dict[str, list[Windows]]) -> None:
    train = np.concatenate([vectors(clip) for clip in clips["train"]])
    near = NearestNeighbors(n_neighbors=5).fit(train)
    scores = [
        near.kneighbors(vectors(clip))[0].mean(axis=1) if len(clip.start) else np.zeros(0) for clip in clips["test"]
    ]
    assert 0.6 < area(clips["test"], scores) < 0.95


@pytest.mark.parametrize("rule", ["high", "low", "unusual"])
@pytest.mark.parametrize("feature", FEATURES)
def test_no_single_feature_finds_every_kind(clips: dict[str, list[Windows]], feature: str, rule: str) -> None:
    column = FEATURES.index(feature)
    normal = np.concatenate([clip.features[:, column] for clip in clips["train"]])
    usual = np.median(normal)
    values = [clip.features[:, column] for clip in clips["test"]]
    scores = {"high": values, "low": [-one for one in values], "unusual": [np.abs(one - usual) for one in values]}[rule]
    assert min(area(clips["test"], scores, kind) for kind in ABNORMAL_KINDS) < 0.8


def test_every_kind_is_in_the_test(clips: dict[str, list[Windows]]) -> None:
    for kind in ABNORMAL_KINDS:
        assert sum(clip.kinds[kind].any() for clip in clips["test"]) >= 4, kind
