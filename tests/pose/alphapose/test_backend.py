"""The backend `alphapose` from params to people, with made weights on a real frame."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError, ParamsError
from stages.pose.alphapose.backend import AlphaPose
from stages.pose.base import People, StretchEstimator
from stages.pose.carry import Carried
from stages.pose.estimators import ExtractParams, estimator, fingerprint
from stages.pose.parallel import people
from stages.pose.video import frames
from tests.pose.alphapose.made import checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        "detector_weights": checkpoint(folder / "yolox_s.pth", "yolox_s", wrapped=True),
        "pose_weights": checkpoint(folder / "fast_res50_256x192.pth", "fastpose_50"),
    }


@pytest.fixture(scope="module")
def street(root: Path) -> list[NDArray[np.uint8]]:
    with closing(frames(root / "data" / "raw" / "demo" / "videos" / "street_train.mp4")) as images:
        return [image for _, image in zip(range(2), (image for _, image in images), strict=False)]


def params(weights: dict[str, Path], every: int = 1, **section: Any) -> ExtractParams:
    """Params that keep whatever made weights see; the input is small so that a CPU is quick."""
    own = {"detector": "yolox_s", "confidence": 0.75, "input_size": 128, "device": "cpu", **weights, **section}
    common = {"weak": 0.0, "least_body": 0.0, "same": 1.0, "detect_every": every}
    return ExtractParams.model_validate({"backend": "alphapose", "alphapose": own, **common})


@pytest.fixture(scope="module")
def find(weights: dict[str, Path]) -> AlphaPose:
    made = estimator(params(weights))
    assert isinstance(made, AlphaPose)
    return made


def same(one: People, other: People) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("boxes", "scores", "keypoints"))


def test_a_frame_goes_from_pixels_to_people(find: AlphaPose, street: list[NDArray[np.uint8]]) -> None:
    crowd = find(street[0])
    assert len(crowd) > 0
    assert crowd.boxes.shape == (len(crowd), 4)
    assert crowd.keypoints.shape == (len(crowd), 17, 3)
    assert (np.diff(crowd.scores) <= 0).all()
    assert crowd.scores.min() >= 0.75
    assert all(np.isfinite(values).all() for values in (crowd.boxes, crowd.scores, crowd.keypoints))
    assert crowd.keypoints[..., 2].min() >= 0
    windows = 1.25 * np.maximum(crowd.boxes[:, 2:], crowd.boxes[:, :1:-1] * (0.75, 4 / 3))
    away = crowd.keypoints[..., :2] - (crowd.boxes[:, :2] + crowd.boxes[:, 2:] / 2)[:, None]
    assert (np.abs(away) <= windows[:, None] / 2 + 1e-2).all()  # every joint lies in the window it was looked for in
    assert same(crowd, find(street[0]))  # and again
    assert "yolox_s" in find.version
    assert "torch" in find.version


def test_a_stretch_gives_what_its_frames_give(find: AlphaPose, street: list[NDArray[np.uint8]]) -> None:
    assert isinstance(find, StretchEstimator)
    together = find.several(street)
    for crowd, image in zip(together, street, strict=True):
        alone = find(image)
        assert len(crowd) == len(alone)
        np.testing.assert_allclose(crowd.boxes, alone.boxes, atol=1e-2)
        np.testing.assert_allclose(crowd.scores, alone.scores, atol=1e-4)


def test_threads_change_nothing(find: AlphaPose, street: list[NDArray[np.uint8]]) -> None:
    one, two = ([crowd for _, crowd in people(find, enumerate(street), threads)] for threads in (1, 2))
    assert all(same(*pair) for pair in zip(one, two, strict=True))


def test_the_detector_can_rest_and_poses_be_tested_by_mirroring(
    find: AlphaPose, weights: dict[str, Path], street: list[NDArray[np.uint8]]
) -> None:
    resting = estimator(params(weights, every=2, flip=True))
    assert isinstance(resting, Carried)
    exact = find(street[0])
    first, second = resting.several(street)
    np.testing.assert_array_equal(first.boxes, exact.boxes)  # the mirror is for joints alone
    assert not np.array_equal(first.keypoints, exact.keypoints)
    assert len(second) == len(first)


def test_another_networks_weights_are_refused(weights: dict[str, Path]) -> None:
    swapped = {"detector_weights": weights["pose_weights"], "pose_weights": weights["pose_weights"]}
    with pytest.raises(BackendError, match="this is a checkpoint of fastpose_50, the params say yolox_s"):
        estimator(params(swapped))
    with pytest.raises(BackendError, match="this is a checkpoint of yolox_s, the params say yolox_x"):
        estimator(params(weights, detector="yolox_x"))


def test_what_is_missing_is_named(weights: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="extract.alphapose.pose_weights is not set") as error:
        estimator(params({**weights, "pose_weights": None}))  # type: ignore[dict-item]
    assert "MODEL_ZOO.md" in error.value.fix
    with pytest.raises(BackendError, match="detector_weights names a file that is not there") as error:
        estimator(params({**weights, "detector_weights": tmp_path / "gone.pth"}))
    assert "Megvii-BaseDetection/YOLOX" in error.value.fix
    with pytest.raises(ParamsError, match="no device"):
        estimator(params(weights, device="cuda:77"))


def test_the_fingerprint_knows_weights_and_thresholds_but_not_the_device(weights: dict[str, Path]) -> None:
    plain = fingerprint(params(weights))  # of 200 MB, which takes a second
    assert fingerprint(params(weights, device="cuda", batch=7, frame_batch=2)) == plain
    weights = {**weights, "pose_weights": weights["detector_weights"]}
    others = [params(weights), params(weights, confidence=0.2), params(weights, half=True)]
    assert len({plain, *map(fingerprint, others)}) == 1 + len(others)
