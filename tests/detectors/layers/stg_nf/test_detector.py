"""What the STG-NF detectors share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.stg_nf import StgNf
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.stg_nf.models import small


@pytest.fixture(scope="module")
def train() -> Windows:
    return windows(walkers(80, seed=1))


def detectors(seeds: tuple[int, ...], **changes: Any) -> list[StgNf]:
    return [StgNf(small(**({"epochs": 2} | changes)), device="cpu", seed=seed) for seed in seeds]


@pytest.mark.parametrize("changes", [{}, {"permutation": "learned"}], ids=["fused", "modular"])
def test_fitting_together_is_fitting_apart(train: Windows, changes: dict[str, Any]) -> None:
    held_out, together = windows(walkers(20, seed=9)), detectors((3, 4), **changes)
    reports = StgNf.fit_together(together, train, validation=held_out)
    for model, report, alone in zip(together, reports, detectors((3, 4), **changes), strict=True):
        own = alone.fit(train, validation=held_out)
        assert (report.windows, report.parameters) == (own.windows, own.parameters)
        assert report.curves.keys() == own.curves.keys() == {"loss", "validation_loss"}
        for name, curve in own.curves.items():
            np.testing.assert_allclose(report.curves[name], curve, rtol=1e-5)
        found, wanted = (detector.score(held_out)["score"] for detector in (model, alone))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_fitting_together_logs_every_model(train: Windows) -> None:
    lines: list[str] = []
    StgNf.fit_together(detectors((3, 4)), train, log=lines.append)
    assert len(lines) == 2
    words = lines[0].removeprefix("epoch 1 of 2: loss ").split()
    assert float(words[0]) != float(words[1])
    assert words[2:5] == ["bits", "per", "dimension,"]


@pytest.mark.parametrize("changes", [{}, {"permutation": "learned"}, {"adjacency": "spatial", "max_hop": 2}])
def test_what_samples_and_joints_add_sums_to_the_score(train: Windows, changes: dict[str, Any]) -> None:
    model, held_out = detectors((0,), **changes)[0], windows(walkers(30, seed=9))
    model.fit(train)
    shares = model.explain(held_out)
    assert shares.shape == (30, 8, 18)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), model.score(held_out)["score"], rtol=1e-4, atol=1e-5)


def test_a_joint_out_of_place_adds_most(train: Windows) -> None:
    model = detectors((0,), epochs=10, learning_rate=2e-2)[0]
    model.fit(train)
    odd = windows(walkers(30, seed=9))
    odd.poses[:, :, 3, 4] += 6.0  # the right wrist, once, six deviations away
    shares = model.explain(odd)
    assert (shares.reshape(30, -1).argmax(axis=1) == 3 * 18 + 4).mean() > 0.8


def test_nothing_is_explained_before_it_is_fitted(train: Windows) -> None:
    with pytest.raises(ModelError, match="fit"):
        detectors((0,))[0].explain(train)
