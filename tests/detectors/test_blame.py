"""Blame: shares sum to the score, a joint that was put out of place has the largest, and batches do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from stages.core.errors import ModelError, ParamsError, ScoreError
from stages.core.skeleton import OPENPOSE18
from stages.core.windows import Windows
from stages.detectors import blame as module
from stages.detectors.base import Modality
from stages.detectors.blame import Explaining, shares
from stages.detectors.neighbours import Normals
from stages.detectors.registry import DETECTORS, detector
from tests.detectors.conformance import material
from tests.detectors.gait import Floats, walkers, windows
from tests.detectors.test_conformance import PARAMS

TRAIN = windows(walkers(256, seed=1))
NORMALS = Normals.choose(TRAIN)
WRIST, KNEE = OPENPOSE18.joints.index("left_wrist"), OPENPOSE18.joints.index("right_knee")


class Made:
    """A detector whose score is a function of the poses."""

    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE})
    parts: tuple[str, ...] = ("score",)

    def __init__(self, score: Callable[[Floats], NDArray[Any]]) -> None:
        self._score = score
        self.asked: list[int] = []

    def score(self, given: Windows) -> dict[str, NDArray[np.float32]]:
        self.asked.append(len(given))
        return {self.parts[-1]: self._score(given.poses).astype(np.float32)}


class Mute(Made):
    """A detector that could explain itself and does not."""

    def __init__(self, model: Any) -> None:
        super().__init__(lambda poses: model.score(windows_of(poses))["score"])


def windows_of(poses: Floats) -> Windows:
    one = windows(walkers(1))
    return replace(one, index=one.index.iloc[np.zeros(len(poses), dtype=int)].reset_index(drop=True), poses=poses)


def made(score: Callable[[Floats], NDArray[Any]]) -> Any:
    return Made(score)


def trained(name: str, **changes: Any) -> Any:
    kind = detector(name)
    model = kind(kind.Params(window="second", **PARAMS.get(name, {}) | changes), device="cpu")
    model.fit(TRAIN)
    return model


@pytest.fixture(scope="module")
def knn() -> Any:
    return trained("knn")


@pytest.fixture(scope="module")
def reconstruction() -> Any:
    return trained("reconstruction", epochs=3)


@pytest.fixture(scope="module")
def stg_nf() -> Any:
    return trained("stg_nf")


def far_away(joint: int, count: int = 20) -> Windows:
    """Walkers one of whose joints is a body height off."""
    keypoints = walkers(count, seed=9)
    keypoints[:, :, joint, 0] += 120
    return windows(keypoints)


def shaking(joint: int, count: int = 20) -> Windows:
    """Walkers one of whose joints jumps forth and back."""
    keypoints = walkers(count, seed=9)
    keypoints[:, ::2, joint, 1] += 70
    keypoints[:, 1::2, joint, 1] -= 70
    return windows(keypoints)


PLANTED = [far_away(WRIST), far_away(KNEE), shaking(WRIST), shaking(KNEE)]
JOINTS = [WRIST, KNEE, WRIST, KNEE]
NAMES = ["wrist away", "knee away", "wrist shaking", "knee shaking"]
planted = pytest.mark.parametrize(("odd", "joint"), list(zip(PLANTED, JOINTS, strict=True)), ids=NAMES)


@planted
@pytest.mark.parametrize("name", ["knn", "reconstruction", "stg_nf", "muted reconstruction", "muted stg_nf"])
def test_the_joint_out_of_place_is_blamed_most(
    request: pytest.FixtureRequest, name: str, odd: Windows, joint: int
) -> None:
    model = request.getfixturevalue(name.removeprefix("muted "))
    if name.startswith("muted "):
        model, odd = Mute(model), odd.take(np.arange(8))
    found = shares(model, odd, NORMALS, orders=4)
    assert found.how == ("exact" if name in ("reconstruction", "stg_nf") else "ablation")
    blamed = found.shares.sum(axis=1).argmax(axis=1)
    assert (blamed == joint).mean() >= 0.85


@planted
def test_without_normal_windows_the_joint_is_still_found(knn: Any, odd: Windows, joint: int) -> None:
    blamed = shares(knn, odd).shares.sum(axis=1).argmax(axis=1)
    assert (blamed == joint).mean() >= 0.8


def test_the_sample_at_fault_is_blamed_most(knn: Any, stg_nf: Any) -> None:
    odd = windows(walkers(20, seed=9))
    odd.poses[:, :, 5, WRIST] += 6.0
    assert (shares(stg_nf, odd).shares.sum(axis=2).argmax(axis=1) == 5).mean() >= 0.9
    # Samples 4 and 5 are one of four stretches, and are blamed alike.
    assert (shares(knn, odd, NORMALS).shares.sum(axis=2).argmax(axis=1) == 4).mean() >= 0.9


def test_exact_shares_sum_to_the_score(stg_nf: Any, reconstruction: Any) -> None:
    for model in (stg_nf, reconstruction):
        found = shares(model, far_away(WRIST))
        assert found.how == "exact"
        scores = model.score(far_away(WRIST))["score"]
        np.testing.assert_allclose(found.shares.sum(axis=(1, 2)), scores, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.rest, 0, atol=1e-4 * np.abs(scores).max())


def test_ablated_shares_sum_to_what_the_score_is_above_that_of_the_nearest_normal_window(knn: Any) -> None:
    odd = far_away(WRIST)
    found = shares(knn, odd, NORMALS)
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2)) + found.rest, knn.score(odd)["score"], rtol=1e-4)
    nearest = np.stack([NORMALS.poses[NORMALS.nearest(one)[0][0]] for one in odd.poses])
    np.testing.assert_allclose(found.rest, knn.score(replace(odd, poses=nearest))["score"], rtol=1e-4, atol=1e-4)


def test_a_detector_that_adds_joints_up_is_ablated_exactly() -> None:
    # The score is a weighted sum of values, so a joint's share is its weight times how far it is from the normal one.
    weight = np.random.default_rng(0).normal(size=(2, 8, 18))
    odd = windows(walkers(5, seed=4))
    found = shares(made(lambda poses: (poses * weight).sum(axis=(1, 2, 3))), odd, NORMALS, orders=2)
    normal = np.stack([NORMALS.poses[NORMALS.nearest(one)[0][0]] for one in odd.poses])
    each = ((odd.poses - normal) * weight).sum(axis=1)  # (N, T, V)
    halves = each.reshape(5, 4, 2, 18).mean(axis=2).repeat(2, axis=1)  # a stretch of two samples shares alike
    np.testing.assert_allclose(found.shares, halves, atol=1e-4)


def test_two_joints_that_only_together_are_abnormal_share_the_blame() -> None:
    # The score is 1 where both wrists are high: whichever is put back first ends it, so each has half.
    right = OPENPOSE18.joints.index("right_wrist")
    odd = windows(walkers(3, seed=4))
    odd.poses[:, 1, :, [WRIST, right]] = -9.0

    def both(poses: Floats) -> NDArray[Any]:
        return np.asarray(((poses[:, 1, :, WRIST] < -5) & (poses[:, 1, :, right] < -5)).any(axis=1))

    found = shares(made(both), odd, NORMALS, orders=64).shares.sum(axis=1)
    np.testing.assert_allclose(found[:, [WRIST, right]], 0.5, atol=0.15)
    np.testing.assert_allclose(np.delete(found, [WRIST, right], axis=1), 0, atol=1e-6)


def test_a_constant_detector_blames_nobody() -> None:
    found = shares(made(lambda poses: np.full(len(poses), 3.0)), far_away(WRIST, 4), NORMALS)
    np.testing.assert_array_equal(found.shares, 0)
    np.testing.assert_array_equal(found.rest, 3)


@pytest.mark.parametrize("name", ["knn", "stg_nf"])
@pytest.mark.parametrize("normals", [NORMALS, None], ids=["normals", "none"])
def test_neither_order_nor_batch_matters(request: pytest.FixtureRequest, name: str, normals: Normals | None) -> None:
    model, odd = request.getfixturevalue(name), far_away(WRIST, 6)
    together = shares(model, odd, normals).shares
    order = np.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_allclose(shares(model, odd.take(order), normals).shares, together[order], rtol=1e-4, atol=1e-4)
    alone = np.concatenate([shares(model, odd.take(np.array([row])), normals).shares for row in range(6)])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-4)


def test_many_windows_are_scored_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 300)
    model = Made(lambda poses: np.abs(poses).sum(axis=(1, 2, 3)))
    found = shares(model, far_away(WRIST, 5), NORMALS, orders=2)  # type: ignore[arg-type]
    each = 2 * (18 * 4 - 1) + 2  # two windows of 144 states fit into 300
    assert model.asked == [2 * each, 2 * each, each]
    monkeypatch.undo()
    whole = shares(model, far_away(WRIST, 5), NORMALS, orders=2)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.shares, whole.shares, atol=1e-3)


def test_one_event_is_one_call_of_a_bounded_size() -> None:
    model = Made(lambda poses: np.abs(poses).sum(axis=(1, 2, 3)))
    shares(model, far_away(WRIST, 1), NORMALS)  # type: ignore[arg-type]
    assert len(model.asked) == 1
    assert model.asked[0] <= 16 * 18 * 4 + 2


def test_of_scores_per_sample_the_highest_is_explained() -> None:
    odd = windows(walkers(4, seed=4))
    odd.poses[:, 0, 6, KNEE] = 9.0
    found = shares(made(lambda poses: np.abs(poses[:, 0]).max(axis=2)), odd, NORMALS)
    assert (found.shares.sum(axis=1).argmax(axis=1) == KNEE).all()
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2)) + found.rest, 9.0, rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 3, 6])
def test_short_and_uneven_windows_are_cut_into_stretches(samples: int) -> None:
    train, odd = windows(walkers(40, samples=samples)), windows(walkers(3, samples=samples, seed=4))
    odd.poses[:, 1, -1, WRIST] += 8
    model = made(lambda poses: np.abs(poses).sum(axis=(1, 2, 3)))
    found = shares(model, odd, Normals.choose(train))
    assert found.shares.shape == (3, samples, 18)
    sums = np.abs(odd.poses).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2)) + found.rest, sums, rtol=1e-4)
    assert (found.shares[:, -1].argmax(axis=1) == WRIST).all()


def test_a_part_of_the_score_can_be_chosen() -> None:
    model = made(lambda poses: np.abs(poses[..., WRIST]).sum(axis=(1, 2)))
    model.parts = ("first", "second")
    assert (shares(model, far_away(WRIST), NORMALS, part="second").shares.sum(axis=1).argmax(axis=1) == WRIST).all()
    with pytest.raises(ParamsError, match="third") as caught:
        shares(model, far_away(WRIST), NORMALS, part="third")
    assert "first, second" in caught.value.fix


def test_no_windows_have_no_shares(knn: Any, stg_nf: Any) -> None:
    none = TRAIN.take(np.zeros(len(TRAIN), dtype=bool))
    for model in (knn, stg_nf):
        found = shares(model, none, NORMALS)
        assert (found.shares.shape, found.rest.shape) == ((0, 8, 18), (0,))


def test_pictures_are_read_once_for_all_ablations() -> None:
    read: list[object] = []

    def reader(row: pd.Series) -> NDArray[np.uint8]:
        read.append(row["start_frame"])
        return np.full((8, 3, 4, 4), row["track"], dtype=np.uint8)

    class Looking(Made):
        needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE, Modality.CROPS})

        def score(self, given: Windows) -> dict[str, NDArray[np.float32]]:
            seen = np.array([given.frames(row).mean() for row in range(len(given))])
            return {"score": (seen + np.abs(given.poses[..., WRIST]).sum(axis=(1, 2))).astype(np.float32)}

    odd = replace(far_away(WRIST, 3), reader=reader, picture=(3, 4, 4))
    normals = Normals.choose(replace(TRAIN, picture=(3, 4, 4)))
    found = shares(Looking(lambda poses: poses), odd, normals, orders=2)  # type: ignore[arg-type]
    assert read == [0.0, 3.0, 6.0]
    assert (found.shares.sum(axis=1).argmax(axis=1) == WRIST).all()


def test_who_looks_at_whole_frames_is_told_that_there_are_no_joints() -> None:
    kind = detector("itae")
    model = kind(kind.Params(window="scene"))
    with pytest.raises(ModelError, match="no joints") as caught:
        shares(model, TRAIN)
    assert "error maps" in caught.value.fix


def test_odd_orders_bad_scores_and_other_windows_are_refused(knn: Any) -> None:
    for orders in (0, 1, 3):
        with pytest.raises(ParamsError, match="orders"):
            shares(knn, TRAIN.take(np.array([0])), NORMALS, orders=orders)
    with pytest.raises(ScoreError):
        shares(made(lambda poses: np.full(len(poses), np.nan)), TRAIN.take(np.array([0])), NORMALS)
    with pytest.raises(ModelError, match="coco17"):
        shares(knn, replace(TRAIN.take(np.array([0])), layout="coco17"), NORMALS)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_of_joints_is_blamed(name: str) -> None:
    kind = detector(name)
    if not kind.needs & {Modality.POSE, Modality.PATCHES, Modality.CROPS}:
        pytest.skip("it looks at whole frames")
    things = material(kind)
    model: Any = kind(kind.Params(window="second", **PARAMS.get(name, {}) | _quick(kind)), device="cpu")
    model.fit(things.labelled if kind.supervised else things.train)
    odd = next(iter(things.abnormal.values())).take(np.arange(2))
    found = shares(model, odd, Normals.choose(things.train), orders=2)
    assert found.shares.shape == (2, *odd.poses.shape[2:])
    assert np.isfinite(found.shares).all()
    assert np.abs(found.shares).max() > 0
    assert (found.how == "exact") == isinstance(model, Explaining)
    scores = model.score(odd)[model.parts[0]]
    whole = scores if scores.ndim == 1 else scores.max(axis=1)
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2)) + found.rest, whole, rtol=1e-3, atol=1e-3)


def _quick(kind: Any) -> dict[str, Any]:
    """A pass or two: whether it learns well is not asked."""
    return {name: 2 for name in ("epochs", "cluster_epochs") if name in kind.Params.model_fields and name != "decay_at"}
