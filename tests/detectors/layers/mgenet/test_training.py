"""How MGENet learns: its presets, its measures, and who leads whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.detectors.layers.mgenet.network import MgeNet
from stages.detectors.layers.mgenet.params import MgeNetParams
from stages.detectors.layers.mgenet.training import motion_score
from stages.detectors.layers.stg_nf.params import StgNfParams
from stages.detectors.mgenet import MgeNetDetector
from stages.detectors.stg_nf import StgNf
from tests.detectors import tubes
from tests.detectors.gait import walkers
from tests.detectors.layers.mgenet.models import SMALL, same, untouched

QUICK: dict[str, Any] = {**SMALL, "epochs": 1, "learning_rate": 1e-2, "alpha": 1.0}
FEW = tubes.windows(walkers(32, seed=7), seed=7)
TEST = tubes.windows(walkers(20, seed=2), split="test", seed=2)
Base = tuple[StgNf, Path]


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("published", ("sgd", 1e-4, 0.5, 128, 32, 64, 4, 0.1, 1e-3, 1.0, "apart", 1)),
        ("small", ("adam", 1e-3, 0.5, 128, 32, 64, 4, 0.1, 1e-3, 0.1, "together", 10)),
    ],
)
def test_presets(preset: Any, settings: tuple[Any, ...]) -> None:
    """The first as section 4.2 says; the second differs in how it learns, not in how large its memories are."""
    names = (
        "optimizer", "learning_rate", "mask", "behaviours", "scenes", "matches", "best", "alpha", "beta", "temperature",
        "places", "rounds",
    )  # fmt: skip
    params = MgeNetParams(window="second", preset=preset)
    assert tuple(getattr(params, name) for name in names) == settings
    assert MgeNetParams(window="second", preset=preset, rounds=3).rounds == 3


def test_heads_that_do_not_share_the_width() -> None:
    with pytest.raises(ValidationError, match="3 heads cannot share 16 channels evenly"):
        MgeNetParams(**{**QUICK, "heads": 3})


@pytest.mark.parametrize(
    ("measure", "wanted"),
    [("difference", (5.0, 2.0)), ("teacher", (5.0, 1.0)), ("encoder", (0.0, 1.0)), ("sum", (5.0, 0.0))],
)
def test_measures_of_table_3(measure: str, wanted: tuple[float, float]) -> None:
    first = torch.tensor([[3.0, 4], [1, 0]])[:, None, :, None]
    second = torch.tensor([[0.0, 0], [-1, 0]])[:, None, :, None]
    assert motion_score(first, second, measure).tolist() == list(wanted)


def test_the_cosine_of_table_3() -> None:
    first = torch.tensor([[3.0, 4], [1, 0], [1, 0]])[:, None, :, None]
    second = torch.tensor([[6.0, 8], [-2, 0], [0, 7]])[:, None, :, None]
    torch.testing.assert_close(motion_score(first, second, "cosine"), torch.tensor([0.0, 2, 1]))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A trained STG-NF, and where it lies."""
    flow = StgNf(StgNfParams(window="another", steps=2, epochs=2, batch=16, threads=1), device="cpu", seed=5)
    flow.fit(FEW.blind())
    folder = tmp_path_factory.mktemp("stg_nf")
    flow.save(folder)
    return flow, folder


def fitted(base: Base, **changed: Any) -> MgeNetDetector:
    model = MgeNetDetector(MgeNetParams(**{**QUICK, **changed}), device="cpu", seed=0)
    model.fit(FEW, base={"stg_nf": base[1]})
    return model


def learned(base: Base, **changed: Any) -> MgeNet:
    return fitted(base, **changed)._fitted()


def motion(base: Base, **changed: Any) -> NDArray[np.float32]:
    return fitted(base, **changed).score(TEST)["motion"]


def test_optimizers(base: Base) -> None:
    found = {name: motion(base, optimizer=name, batch=8) for name in ("adam", "adamax", "sgd")}
    assert all(np.isfinite(values).all() for values in found.values())
    for one, other in (("adam", "adamax"), ("adam", "sgd"), ("adamax", "sgd")):
        assert np.abs(found[one] - found[other]).max() > 1e-3


def test_without_its_loss_the_mask_encoder_learns_nothing(base: Base) -> None:
    start, idle, led = untouched(base[0], FEW, **QUICK), learned(base, alpha=0), learned(base)
    for name in ("masked_front", "masked_encoder", "masked_head"):
        assert same(getattr(start, name), getattr(idle, name)), name
        assert not same(getattr(start, name), getattr(led, name)), name
    assert not same(start.encoder, idle.encoder)
    assert same(idle.teacher, base[0].network)
    assert same(led.teacher, base[0].network)


def test_the_mask_encoder_does_not_lead(base: Base) -> None:
    """The encoder that sees everything becomes the same, whether it is followed or not."""
    alone, followed = (learned(base, alpha=alpha, beta=0) for alpha in (0, 1))
    for name in ("front", "encoder"):
        assert same(getattr(alone, name), getattr(followed, name)), name


def test_without_its_loss_motion_is_not_learned(base: Base) -> None:
    start, idle = untouched(base[0], FEW, **QUICK), learned(base, motion_weight=0, beta=0)
    assert same(start.encoder, idle.encoder)
    assert not same(start.encoder, learned(base, beta=0).encoder)


def test_learning_motion_brings_both_nearer(base: Base) -> None:
    assert motion(base, epochs=8, beta=0).mean() < motion(base, beta=0).mean()
