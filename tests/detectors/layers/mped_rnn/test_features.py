"""Boxes, joints within them, the way back, and the robust scaler."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.preprocessing import RobustScaler as SklearnScaler
from torch import Tensor

from stages.core.errors import TrainingError
from stages.detectors.layers.mped_rnn.features import Features, RobustScaler, joined, refuse
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.mped_rnn.models import people, with_garbage


def three_joints(*, confidence: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Tensor:
    """One window of one sample: joints at (10, 20), (30, 60) and (25, 20)."""
    return torch.tensor([[10.0, 30.0, 25.0], [20.0, 60.0, 20.0], confidence]).view(1, 3, 1, 3)


def test_a_box_is_what_the_joints_span() -> None:
    found = Features.of(three_joints())
    # From 10 to 30 and from 20 to 60: centre (20, 40), 20 wide, 40 high.
    assert found.box.tolist() == [[[20, 40, 20, 40]]]
    assert found.local.tolist() == [[[[-0.5, 0.5, 0.25], [-0.5, 0.5, -0.5]]]]


def test_a_missing_joint_does_not_stretch_the_box() -> None:
    found = Features.of(three_joints(confidence=(1.0, 0.0, 0.3)))
    # From 10 to 25, all at 20: no height, so that nobody is above or below the middle.
    assert found.box.tolist() == [[[17.5, 20, 15, 0]]]
    assert found.local.tolist() == [[[[-0.5, 0, 0.5], [0, 0, 0]]]]
    assert found.places.tolist() == [[[[10, 0, 25], [20, 0, 20]]]]


def test_where_nothing_is_seen_all_is_zero() -> None:
    found = Features.of(three_joints(confidence=(0.0, 0.0, 0.0)))
    assert not found.present.any()
    assert not any(part.any() for part in (found.places, found.box, found.local))


def test_without_confidence_nothing_is_missing() -> None:
    assert Features.of(three_joints()[:, :2]).seen.all()


def test_box_and_local_joints_make_the_places_again() -> None:
    data = torch.from_numpy(people().poses).double()
    found = Features.of(data)
    again = torch.where(found.seen[:, :, None], joined(found.box, found.local), 0.0)
    assert not found.seen.all()
    torch.testing.assert_close(again, found.places, rtol=0, atol=1e-10)
    seen = found.seen[:, :, None].expand_as(found.places)
    torch.testing.assert_close(again[seen], data[:, :2].transpose(1, 2)[seen], rtol=0, atol=1e-10)
    assert found.local.abs().max() <= 0.5 + 1e-12


@pytest.mark.parametrize("value", [0.0, -1e6, float("nan"), float("inf")])
def test_what_stands_where_a_joint_is_missing_is_not_looked_at(value: float) -> None:
    data = people()
    clean, garbage = (Features.of(torch.from_numpy(w.poses)) for w in (data, with_garbage(data, value)))
    for name in ("seen", "places", "box", "local"):
        assert torch.equal(getattr(clean, name), getattr(garbage, name)), name


def test_local_joints_stay_where_they_are_when_a_person_moves_and_grows() -> None:
    data = torch.from_numpy(people().poses)
    moved = data.clone()
    moved[:, :2] = 2 * data[:, :2] + 100
    torch.testing.assert_close(Features.of(moved).local, Features.of(data).local, rtol=0, atol=1e-5)


def test_the_scaler_is_scikit_learns_also_with_values_missing() -> None:
    draw = np.random.default_rng(0)
    values = draw.gamma(2.0, [1.0, 5.0, 40.0], (500, 3)).astype(np.float32)
    seen = draw.random((500, 3)) < 0.8
    oracle = SklearnScaler(quantile_range=(10, 90)).fit(np.where(seen, values, np.nan))
    scaler = RobustScaler(3)
    scaler.fit(torch.from_numpy(values), torch.from_numpy(seen))
    np.testing.assert_allclose(scaler.centre, oracle.center_, rtol=1e-5)
    np.testing.assert_allclose(scaler.scale, oracle.scale_, rtol=1e-5)
    np.testing.assert_allclose(scaler(torch.from_numpy(values)), oracle.transform(values), rtol=1e-4, atol=1e-5)


def test_the_scaler_undoes_itself() -> None:
    values = torch.randn(50, 2, 3)
    scaler = RobustScaler(2, 3)
    scaler.fit(values, torch.ones(50, 2, 1, dtype=torch.bool))
    torch.testing.assert_close(scaler.inverse(scaler(values)), values, rtol=0, atol=1e-5)


def test_the_scaler_leaves_alone_what_never_varies_or_is_never_seen() -> None:
    scaler = RobustScaler(2)
    scaler.fit(torch.tensor([[7.0, 1.0], [7.0, 2.0]]), torch.tensor([[True, False]]))
    assert (scaler.centre.tolist(), scaler.scale.tolist()) == ([7.0, 0.0], [1.0, 1.0])


def test_three_dimensions_are_refused_with_a_way_out() -> None:
    flat = windows(walkers(3))
    refuse(flat)
    refuse(replace(flat, channels=("x", "y", "confidence")))
    with pytest.raises(TrainingError, match="x, y, z") as caught:
        refuse(replace(flat, channels=("x", "y", "z")))
    assert "another detector" in caught.value.fix
