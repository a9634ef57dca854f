"""ITAE and its flows as detectors: what they start from, what they refuse, and what their parts tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.itae import ItaeDetector
from stages.detectors.itae_nf import ItaeNf
from stages.detectors.layers.itae.params import ItaeNfParams, ItaeParams
from stages.detectors.layers.itae.training import maps_of
from tests.detectors import films
from tests.detectors.conformance import separation

SMALL: dict[str, Any] = {"window": "scene", "width": 0.05, "epochs": 1, "batch": 8, "learning_rate": 1e-2, "patch": 3}
FLOWS: dict[str, Any] = {"steps": 2, "levels": 1, "hidden": 8, "flow_epochs": 1, "flow_rate": 1e-3}
TRAIN = films.windows(16, seed=1)


def fitted(**changed: Any) -> ItaeDetector:
    model = ItaeDetector(ItaeParams(**{**SMALL, **changed}), device="cpu", seed=0)
    model.fit(TRAIN)
    return model


@pytest.mark.parametrize(
    ("preset", "batch", "rate", "levels"),
    [("ped2", 2, 1e-3, 1), ("avenue", 2, 1e-2, 3), ("shanghaitech", 8, 1e-2, 3), ("small", 4, 2e-3, 1)],
)
def test_presets_are_the_papers_settings(preset: Any, batch: int, rate: float, levels: int) -> None:
    params = ItaeNfParams(window="scene", preset=preset)
    assert (params.batch, params.learning_rate, params.levels) == (batch, rate, levels)
    assert ItaeNfParams(window="scene", preset=preset, batch=3).batch == 3


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValidationError, match="channels are 0 or more"):
        ItaeParams(window="scene", lateral=(1, 0, 0, -1))
    with pytest.raises(ValidationError, match="the flows read both paths"):
        ItaeNfParams(window="scene", two_path=False)


def test_one_path_is_the_ablation() -> None:
    one, two = fitted(two_path=False), fitted()
    assert one.fit(TRAIN).parameters < two.fit(TRAIN).parameters
    assert one.score(TRAIN)["reconstruction"].shape == (16, 8)


@pytest.mark.parametrize("two_path", [True, False])
def test_the_residual_encoder_is_another_ablation(two_path: bool, tmp_path: Path) -> None:
    train = films.windows(4, side=32)
    model = ItaeDetector(ItaeParams(**SMALL, encoder="slowfast", two_path=two_path), device="cpu", seed=0)
    model.fit(train)
    model.save(tmp_path)
    wanted = model.score(train)["reconstruction"]
    assert wanted.shape == (4, 8)
    np.testing.assert_array_equal(ItaeDetector.load(tmp_path, device="cpu").score(train)["reconstruction"], wanted)
    with pytest.raises(TrainingError, match="sides divisible by 32"):
        model.fit(TRAIN)


def test_flows_may_read_the_frames_themselves(tmp_path: Path) -> None:
    """Then what the autoencoder learned does not matter to them."""
    one, other = (
        ItaeNf(ItaeNfParams(**{**SMALL, "learning_rate": rate}, **FLOWS, reads="frames"), device="cpu", seed=0)
        for rate in (1e-2, 1e-4)
    )
    for model in (one, other):
        model.fit(TRAIN)
    found, same = one.score(TRAIN), other.score(TRAIN)
    assert found["static"].shape == found["dynamic"].shape == (16, 8)
    np.testing.assert_array_equal(found["dynamic"], same["dynamic"])
    assert (found["reconstruction"] != same["reconstruction"]).any()
    one.save(tmp_path)
    np.testing.assert_array_equal(ItaeNf.load(tmp_path, device="cpu").score(TRAIN)["static"], found["static"])


def test_flows_start_from_a_trained_autoencoder(tmp_path: Path) -> None:
    base = fitted()
    base.save(tmp_path)
    said: list[str] = []
    model = ItaeNf(ItaeNfParams(**SMALL, **FLOWS), device="cpu", seed=0)
    report = model.fit(TRAIN, base={"itae": tmp_path}, log=said.append)
    assert set(report.curves) == {"bits"}
    assert said[0] == "the autoencoder is the trained one of itae"
    scores = model.score(TRAIN)
    np.testing.assert_allclose(scores["reconstruction"], base.score(TRAIN)["reconstruction"], atol=1e-6)
    assert scores["static"].shape == scores["dynamic"].shape == (16, 8)
    # The static path sees every fourth frame: four frames in a row share what it says.
    np.testing.assert_array_equal(scores["static"][:, 0], scores["static"][:, 3])
    assert (scores["static"][:, 3] != scores["static"][:, 4]).any()
    assert (scores["dynamic"][:, 0] != scores["dynamic"][:, 1]).any()


def test_a_base_of_another_shape_is_refused(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    model = ItaeNf(ItaeNfParams(**{**SMALL, "width": 0.1}, **FLOWS), device="cpu", seed=0)
    with pytest.raises(ModelError, match=r"or encoder, width, two_path, norm, lateral differ"):
        model.fit(TRAIN, base={"itae": tmp_path})
    with pytest.raises(ModelError, match="itae_nf starts from itae, not from gepc"):
        model.fit(TRAIN, base={"gepc": tmp_path})


def test_windows_without_frames_are_refused() -> None:
    with pytest.raises(DatasetError, match="itae looks at frames, and these windows carry none"):
        ItaeDetector(ItaeParams(**SMALL), device="cpu").fit(films.without(TRAIN))
    with pytest.raises(ModelError, match="8 grey frames of 24 × 24 px"):
        fitted().score(films.without(TRAIN))


def test_grey_frames_where_colour_was_learned() -> None:
    with pytest.raises(ModelError, match=r"8 grey frames of 24 × 24 px, these are of 8 RGB frames"):
        fitted().score(films.windows(2, channels=3))


def test_too_few_windows_and_clips_that_do_not_fit() -> None:
    model = ItaeDetector(ItaeParams(**SMALL), device="cpu")
    with pytest.raises(TrainingError, match="1 training windows"):
        model.fit(TRAIN.take(np.arange(1)))
    with pytest.raises(TrainingError, match="clips of 6 frames"):
        model.fit(films.windows(4, samples=6))
    with pytest.raises(TrainingError, match="8 × 8 px hold no window of 11 px"):
        model.fit(films.windows(4, side=8, size=2))
    odd = ItaeNf(ItaeNfParams(**SMALL, **{**FLOWS, "levels": 2}), device="cpu", seed=0)
    with pytest.raises(TrainingError, match="maps of 6 × 6 cannot be halved 2 times"):
        odd.fit(TRAIN)


def test_steps_of_pieces_are_steps() -> None:
    """Batch statistics are of a piece, so without them pieces add up to the same step."""
    whole, pieces = fitted(norm=False), fitted(norm=False, accumulate=2)
    wanted = whole.score(TRAIN)["reconstruction"]
    np.testing.assert_allclose(pieces.score(TRAIN)["reconstruction"], wanted, rtol=1e-3)


def test_memory_is_saved_without_another_result() -> None:
    kept, again = (fitted(remember=keep).score(TRAIN)["reconstruction"] for keep in (True, False))
    np.testing.assert_allclose(again, kept, rtol=1e-4)


def test_a_loss_that_grows_without_bound() -> None:
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch 1"):
        fitted(learning_rate=1e30, norm=False)


@pytest.fixture(scope="module")
def flowing() -> ItaeNf:
    flows = {**FLOWS, "flow_epochs": 20, "steps": 4, "hidden": 16, "flow_rate": 3e-3}
    model = ItaeNf(ItaeNfParams(**{**SMALL, "epochs": 6}, **flows), device="cpu", seed=0)
    model.fit(films.windows(48, seed=1))
    return model


def bits(model: ItaeNf, windows: Windows, *, shuffled: bool) -> dict[str, NDArray[np.float32]]:
    """Of every map; the pixels of each in an order of its own, if asked for."""
    rows = torch.arange(len(windows))
    draw = torch.Generator().manual_seed(0)
    flows = model._flows
    assert flows is not None
    found = {}
    for name, maps in maps_of(model._fitted(), windows, model.params, rows, torch.device("cpu")).items():
        orders = [torch.randperm(maps[0, 0].numel(), generator=draw) for _ in maps]
        mixed = torch.stack([map_.flatten(1)[:, order] for map_, order in zip(maps, orders, strict=True)])
        with torch.no_grad():
            found[name] = flows[name](mixed.view_as(maps) if shuffled else maps).numpy()
    return found


def test_shuffled_features_are_less_likely(flowing: ItaeNf) -> None:
    """A flow has learned how features lie, and pixels of the same values in another order are not it."""
    given = films.windows(8, seed=5)
    whole, mixed = bits(flowing, given, shuffled=False), bits(flowing, given, shuffled=True)
    for name in whole:
        assert (mixed[name] > whole[name]).mean() > 0.9, name


def test_shuffled_features_lose_auc(flowing: ItaeNf) -> None:
    """Upside down a film has the same values in other places: only those that see places can tell.

    Of the static flow alone: what changes from frame to frame in these films looks alike the other way up.
    """
    normal = films.windows(16, seed=5)
    abnormal = replace(films.windows(16, seed=6), reader=lambda row: films.read(row)[..., ::-1, :].copy())
    found = {}
    for shuffled in (False, True):
        one, other = (bits(flowing, given, shuffled=shuffled) for given in (normal, abnormal))
        found[shuffled] = {name: separation(one[name], other[name]) for name in one}
    assert found[True]["static"] < found[False]["static"] - 0.15, found
