"""MGENet as a detector: who teaches it, what it refuses, what its parts tell, and what each part goes by."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import WEIGHTS_FILE, read_weights
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.layers.frames.batches import clips
from stages.detectors.layers.mgenet.network import MgeNet
from stages.detectors.layers.mgenet.params import MgeNetParams
from stages.detectors.layers.model import weights_of
from stages.detectors.layers.stg_nf.params import StgNfParams
from stages.detectors.mgenet import MgeNetDetector
from stages.detectors.stg_nf import StgNf
from tests.detectors import tubes
from tests.detectors.conformance import separation
from tests.detectors.gait import joined, walkers
from tests.detectors.layers.mgenet.models import same, untouched

FLOW: dict[str, Any] = {"steps": 2, "epochs": 2, "batch": 16, "learning_rate": 3e-2, "threads": 1}
SMALL: dict[str, Any] = {
    "window": "second", "preset": "small", "width": 16, "depth": 1, "heads": 2, "behaviours": 8, "scenes": 4,
    "matches": 32, "features": 4, "temperature": 0.3, "epochs": 24, "learning_rate": 1e-2, "alpha": 3.0,
    "teacher": FLOW, "threads": 1,
}  # fmt: skip
FAST = walkers(48, seed=5, speed=3.0)
TRAIN = joined(tubes.windows(walkers(96, seed=1), seed=1), tubes.windows(FAST, seed=5, cameras=("red",)))
"""Walkers before both cameras, fast people before the red one alone."""
FEW = tubes.windows(walkers(32, seed=7), seed=7)
TEST = tubes.windows(walkers(60, seed=2), split="test", seed=2)


@dataclass(frozen=True)
class Taught:
    """A trained STG-NF, what it taught, and what was said meanwhile."""

    flow: StgNf
    folder: Path
    model: MgeNetDetector
    said: list[str]

    @property
    def base(self) -> Mapping[str, Path]:
        return {"stg_nf": self.folder}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    flow = StgNf(StgNfParams(window="another", **{**FLOW, "steps": 4, "epochs": 4}), device="cpu", seed=5)
    flow.fit(TRAIN.blind())
    folder = tmp_path_factory.mktemp("stg_nf")
    flow.save(folder)
    said: list[str] = []
    model = MgeNetDetector(MgeNetParams(**SMALL), device="cpu", seed=0)
    model.fit(TRAIN, base={"stg_nf": folder}, log=said.append)
    return Taught(flow, folder, model, said)


def quick(taught: Taught, train: Windows = FEW, **changed: Any) -> MgeNetDetector:
    """A model of an epoch."""
    model = MgeNetDetector(MgeNetParams(**{**SMALL, "epochs": 1, **changed}), device="cpu", seed=0)
    model.fit(train, base=taught.base)
    return model


def net(model: MgeNetDetector) -> MgeNet:
    return model._fitted()


def test_a_trained_flow_teaches(taught: Taught, tmp_path: Path) -> None:
    """Its weights are the teacher's to the bit, and stay so; its params become the teacher's."""
    assert taught.said[0] == "the trained stg_nf teaches"
    assert not any("bits per dimension" in line for line in taught.said)
    assert same(net(taught.model).teacher, taught.flow.network)
    saved = read_weights(taught.folder)
    assert all(np.array_equal(value, saved[name]) for name, value in weights_of(net(taught.model).teacher).items())
    assert taught.model.params.teacher.model_dump() == taught.flow.params.model_dump()
    taught.model.save(tmp_path)
    loaded = MgeNetDetector.load(tmp_path, device="cpu")
    assert loaded.params == taught.model.params
    assert same(net(loaded).teacher, taught.flow.network)


def test_its_latent_is_the_flows_less_the_mean(taught: Taught) -> None:
    poses = torch.tensor(TEST.poses[:5])
    with torch.no_grad():
        wanted = taught.flow.network.eval().transform(poses)[0] - taught.flow.params.prior_mean
    torch.testing.assert_close(net(taught.model).taught(poses), wanted, atol=0, rtol=0)


def test_without_a_base_it_trains_a_flow_of_its_own() -> None:
    said: list[str] = []
    model = MgeNetDetector(MgeNetParams(**{**SMALL, "epochs": 1}), device="cpu", seed=0)
    model.fit(FEW, log=said.append)
    assert said[0].startswith("no base is given, so the stg_nf that teaches is trained first")
    alone = StgNf(StgNfParams(window="second", **FLOW), device="cpu", seed=0)
    alone.fit(FEW.blind())
    assert same(net(model).teacher, alone.network)


def test_bases_that_cannot_teach(taught: Taught, tmp_path: Path) -> None:
    model = MgeNetDetector(MgeNetParams(**SMALL), device="cpu", seed=0)
    with pytest.raises(ModelError, match="mgenet starts from stg_nf, not from gepc"):
        model.fit(FEW, base={"gepc": taught.folder})
    with pytest.raises(ModelError, match=r"reads windows of 8 samples × 18 joints .* these are of 12 samples"):
        model.fit(tubes.windows(walkers(8, samples=12)), base=taught.base)
    neighbours = Knn(KnnParams(window="second", components=4))
    neighbours.fit(FEW.blind())
    neighbours.save(tmp_path / "knn")
    with pytest.raises(ModelError, match="a model of 'knn', not of 'stg_nf'"):
        model.fit(FEW, base={"stg_nf": tmp_path / "knn"})
    with pytest.raises(ModelError, match="not fitted"):
        model.score(FEW)


def test_a_damaged_base(taught: Taught, tmp_path: Path) -> None:
    taught.flow.save(tmp_path)
    weights = tmp_path / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="weights cannot be read"):
        MgeNetDetector(MgeNetParams(**SMALL), device="cpu", seed=0).fit(FEW, base={"stg_nf": tmp_path})


def test_windows_that_do_not_fit() -> None:
    """They are refused before a teacher has learned from them."""
    said: list[str] = []
    model = MgeNetDetector(MgeNetParams(**SMALL), device="cpu", seed=0)
    with pytest.raises(DatasetError, match="mgenet looks at crops, and these windows carry none"):
        model.fit(FEW.blind(), log=said.append)
    with pytest.raises(TrainingError, match="windows of 7 samples make a temporal kernel of 4, which is even"):
        model.fit(tubes.windows(walkers(4, samples=7)), log=said.append)
    odd = MgeNetDetector(MgeNetParams(**{**SMALL, "teacher": {**FLOW, "temporal_kernel": 3}}), device="cpu", seed=0)
    with pytest.raises(TrainingError, match="tubes of 7 × 16 × 16 are no whole number of cubes of 2 × 8 × 8"):
        odd.fit(tubes.windows(walkers(4, samples=7)), log=said.append)
    with pytest.raises(TrainingError, match="tubes of 8 × 20 × 20 are no whole number of cubes"):
        model.fit(tubes.windows(walkers(4), side=20), log=said.append)
    with pytest.raises(TrainingError, match="of one place alone, of which none can be hidden"):
        model.fit(tubes.windows(walkers(4), side=8), log=said.append)
    with pytest.raises(TrainingError, match="1 training windows"):
        model.fit(FEW.take(np.arange(1)), log=said.append)
    cnn = MgeNetDetector(MgeNetParams(**SMALL, encoder="cnn"), device="cpu", seed=0)
    with pytest.raises(TrainingError, match="the released encoder gives 288 numbers, the latent has 432"):
        cnn.fit(tubes.windows(walkers(4, samples=12)), log=said.append)
    assert said == []


def test_motion_is_the_length_of_what_the_encoder_did_not_expect(taught: Taught) -> None:
    """||f_sk - f_rgb|| (Eq. 13), out of the network's parts."""
    network, rows = net(taught.model), torch.arange(6)
    with torch.no_grad():
        explored = network.encoder.latent(
            network.encoder.maps(network.front(network.prepared(clips(TEST, rows, rows.device))))
        )
    difference = network.taught(torch.tensor(TEST.poses[:6])) - explored
    wanted = difference.square().sum(dim=(1, 2, 3)).sqrt().numpy()
    np.testing.assert_allclose(taught.model.score(TEST)["motion"][:6], wanted, rtol=1e-4)


def test_the_measure_is_the_params(taught: Taught) -> None:
    model = copy.copy(taught.model)
    model.params = model.params.model_copy(update={"measure": "teacher"})
    latent = net(model).taught(torch.tensor(TEST.poses)).flatten(1).norm(dim=1)
    np.testing.assert_allclose(model.score(TEST)["motion"], latent.numpy(), rtol=1e-5)


def test_appearance_by_hand(taught: Taught) -> None:
    """1 - cosine between what is seen with all and with some, meant over two masks (Eq. 6 and 14)."""
    network, rows = net(taught.model), torch.arange(6)
    films = clips(TEST, rows, rows.device)
    found = []
    with torch.no_grad():
        seen = network.appearance(network.behaviour(films))
        for kept in network.both_masks(6):
            guessed = network.explored(films, kept)
            found.append(1 - (seen * guessed).sum(dim=1) / seen.norm(dim=1) / guessed.norm(dim=1))
    wanted = ((found[0] + found[1]) / 2).numpy()
    np.testing.assert_allclose(taught.model.score(TEST)["appearance"][:6], wanted, rtol=1e-3, atol=1e-5)


def test_one_camera_alone_tells_no_place(taught: Taught) -> None:
    said: list[str] = []
    model = MgeNetDetector(MgeNetParams(**{**SMALL, "epochs": 1}), device="cpu", seed=0)
    model.fit(tubes.windows(walkers(32, seed=7), cameras=("red",)), base=taught.base, log=said.append)
    scores = model.score(TEST)
    assert (scores["scene"] == 0).all()
    assert scores["appearance"].std() > 0
    assert len([line for line in said if "one camera alone" in line and "`scene` is 0 everywhere" in line]) == 1


def test_two_cameras_do(taught: Taught) -> None:
    assert taught.model.score(TEST)["scene"].std() > 0.01
    assert not any("one camera" in line for line in taught.said)


def changed(model: MgeNetDetector) -> tuple[MgeNetDetector, MgeNet]:
    """A model whose network may be spoilt."""
    other = copy.copy(model)
    other._network = copy.deepcopy(net(model))
    return other, other._network


def test_scene_goes_by_the_behaviours_memory(taught: Taught) -> None:
    """With items that are all alike everybody does the same: what is left is the place."""
    before = taught.model.score(TEST)
    model, network = changed(taught.model)
    nn.init.ones_(network.behaviours.items)
    after = model.score(TEST)
    assert np.abs(after["scene"] - before["scene"]).mean() > 0.01
    for start in (0, 1):  # the cameras take turns
        assert np.ptp(after["scene"][start::2]) < 1e-5
        assert np.ptp(before["scene"][start::2]) > 0.01
    np.testing.assert_array_equal(after["motion"], before["motion"])


def test_appearance_goes_by_the_mask_encoder(taught: Taught) -> None:
    before = taught.model.score(TEST)
    model, network = changed(taught.model)
    last = network.masked_encoder.layers.norm
    assert last is not None
    nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    with torch.no_grad():
        guessed = network.explored(torch.rand(3, 3, 8, 16, 16), network.both_masks(3)[0])
    assert torch.equal(guessed, guessed[:1].expand(3, -1))
    after = model.score(TEST)
    assert after["appearance"].mean() > before["appearance"].mean() + 0.1
    for part in ("motion", "scene"):
        np.testing.assert_array_equal(after[part], before[part])


def test_scene_goes_by_the_place_and_nothing_else_does(taught: Taught) -> None:
    """The same pictures, said to be before the other camera."""
    moved = TEST.index["film"].to_numpy().reshape(-1, 2)[:, ::-1].ravel()
    there = dict(zip(TEST.index["film"], moved, strict=True))
    before = taught.model.score(TEST)
    after = taught.model.score(replace(TEST, place=lambda row: tubes.ROLLS[there[row["film"]]][1]))
    assert np.abs(after["scene"] - before["scene"]).mean() > 0.05
    for part in ("motion", "appearance"):
        np.testing.assert_array_equal(after[part], before[part])


def test_what_is_done_out_of_place(taught: Taught) -> None:
    """Fast people, who were before the red camera alone, before the blue one."""
    red, blue = (
        taught.model.score(tubes.windows(walkers(60, seed=seed, speed=3.0), seed=seed, cameras=(camera,)))["scene"]
        for seed, camera in ((11, "red"), (12, "blue"))
    )
    assert separation(red, blue) > 0.85


def test_what_people_have_with_them(taught: Taught) -> None:
    cart = tubes.windows(walkers(60, seed=2), split="test", seed=2, cart=True)
    assert separation(taught.model.score(TEST)["appearance"], taught.model.score(cart)["appearance"]) >= 0.65


def test_without_memory(taught: Taught, tmp_path: Path) -> None:
    model = quick(taught, memory=False)
    scores = model.score(TEST)
    assert (scores["scene"] == 0).all()
    assert np.isfinite(scores["appearance"]).all()
    assert scores["appearance"].std() > 0
    spoilt, network = changed(model)
    nn.init.ones_(network.behaviours.items)
    np.testing.assert_array_equal(spoilt.score(TEST)["appearance"], scores["appearance"])
    model.save(tmp_path)
    assert (MgeNetDetector.load(tmp_path, device="cpu").score(TEST)["scene"] == 0).all()


@pytest.mark.parametrize("side", [16, 24])
def test_the_released_encoder(taught: Taught, side: int, tmp_path: Path) -> None:
    given = tubes.windows(walkers(20, seed=7), side=side)
    model = quick(taught, given, encoder="cnn", epochs=2)
    scores = model.score(given)
    assert all(np.isfinite(values).all() and values.std() > 0 for values in scores.values())
    model.save(tmp_path)
    for part, values in MgeNetDetector.load(tmp_path, device="cpu").score(given).items():
        np.testing.assert_array_equal(values, scores[part])


@pytest.mark.parametrize("front", [None, {"network": "tests.detectors.layers.mgenet.test_front:toy", "layer": "stem"}])
@pytest.mark.parametrize("still", ["kept", "removed"])
def test_as_published_or_behind_a_front(taught: Taught, front: Any, still: str, tmp_path: Path) -> None:
    ways: dict[str, Any] = {
        "items": "learned",
        "places": "apart",
        "projection": "learned",
        "rounds": 1,
        "temperature": 1.0,
    }
    model = quick(taught, front=front, still=still, **ways)
    scores = model.score(TEST)
    assert all(np.isfinite(values).all() and values.std() > 0 for values in scores.values())
    model.save(tmp_path)
    for part, values in MgeNetDetector.load(tmp_path, device="cpu").score(TEST).items():
        np.testing.assert_array_equal(values, scores[part])
    start = untouched(taught.flow, FEW, **{**SMALL, "front": front, "still": still, **ways})
    assert same(start.front, net(model).front) == (front is not None)  # what has learned elsewhere learns no further


def test_a_second_fit_takes_another_teacher(taught: Taught) -> None:
    """Nothing of the first is left, not even where its flow had other steps."""
    model = quick(taught)
    assert model.params.teacher.steps == 4
    shorter = StgNf(StgNfParams(window="another", **FLOW), device="cpu", seed=1)
    shorter.fit(FEW.blind())
    again = MgeNetDetector(model.params, device="cpu", seed=0)
    model.fit(FEW, base=taught.base)
    again.fit(FEW, base=taught.base)
    assert same(net(model), net(again))
