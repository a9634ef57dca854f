"""ST-GCN, 2s-AGCN, MS-G3D and Shift-GCN as detectors: that they learn what is there, and what their scores mean."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.agcn import Agcn
from stages.detectors.base import DETECTOR_FILE, read_weights, write_weights
from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.st_gcn import StGcn
from tests.detectors.gait import joined, shuffled, walkers, windows
from tests.detectors.layers.recognition.networks import KINDS, TINY

TRAIN = joined(windows(walkers(16, seed=1)), windows(walkers(16, seed=2, speed=3.0), label=1))
TEST = joined(windows(walkers(40, seed=3)), windows(walkers(40, seed=4, speed=3.0), label=1))
BRIEF: dict[str, Any] = {**TINY, "depth": 1, "epochs": 1, "batch": 16}
LEARN: dict[str, Any] = {**TINY, "epochs": 20, "batch": 16, "decay_at": (15,)}


def enough(name: str, **settings: Any) -> dict[str, Any]:
    """Settings with which a network learns 32 windows; MS-G3D's blocks are worth several of the others'."""
    return {**LEARN, **({"depth": 1} if name == "ms_g3d" else {}), **settings}


def fitted(kind: type[Recogniser], train: Windows = TRAIN, **settings: Any) -> Recogniser:
    model = kind(kind.Params.model_validate({**BRIEF, **settings}), device="cpu")
    model.fit(train)
    return model


def labels(given: Windows) -> NDArray[np.int64]:
    return given.index["person_label"].to_numpy(dtype=np.int64)


def accuracy(model: Recogniser, given: Windows) -> float:
    return float((model.proportions(given).argmax(axis=1) == labels(given)).mean())


def with_kinds(given: Windows, kinds: list[str]) -> Windows:
    return replace(given, index=given.index.assign(kind=kinds, person_label=0))


CLASSES = with_kinds(
    joined(TRAIN, windows(shuffled(walkers(16, seed=5)))), ["walk"] * 16 + ["run"] * 16 + ["jump"] * 16
)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_there_is_learned(name: str) -> None:
    model = fitted(KINDS[name], **enough(name))
    assert accuracy(model, TRAIN) == 1.0
    assert accuracy(model, TEST) >= 0.9


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_there_is_learned_by_heart_alone(name: str) -> None:
    # Every other window of each kind has the wrong label, in training and in the test: no motion tells which.
    told, asked = (replace(given, index=given.index.assign(person_label=np.arange(len(given)) % 2))
                   for given in (TRAIN, TEST))  # fmt: skip
    model = fitted(KINDS[name], told, **enough(name, epochs=60, decay_at=(50,)))
    assert accuracy(model, told) == 1.0
    assert 0.3 <= accuracy(model, asked) <= 0.7


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_action_in_three_dimensions_are_told_apart(name: str) -> None:
    draw = np.random.default_rng(0)
    kinds, poses = np.arange(24) % 3, draw.normal(size=(24, 3, 8, 25)).astype(np.float32)
    poses[:, 1, :, 11] += 4 * kinds[:, None]  # how high the right hand is
    given = replace(CLASSES.take(np.arange(24)), poses=poses, channels=("x", "y", "z"), layout="ntu25")
    given = with_kinds(given, [("down", "level", "up")[kind] for kind in kinds])
    model = fitted(KINDS[name], given, **enough(name, learns="classes", scoring="maximum"))
    assert float((model.proportions(given).argmax(axis=1) == kinds).mean()) == 1.0


def test_a_probability_is_the_difference_of_logits() -> None:
    model = fitted(StGcn)
    with torch.no_grad():
        logits = model._networks["joint"].eval()(torch.from_numpy(TEST.poses))
    np.testing.assert_allclose(model.score(TEST)["score"], logits[:, 1] - logits[:, 0], rtol=1e-4, atol=1e-5)


def test_two_streams_are_two_networks_whose_probabilities_are_added() -> None:
    model = fitted(Agcn, streams="both")
    joint, bone = (fitted(Agcn, streams=stream).proportions(TEST) for stream in ("joint", "bone"))
    assert not np.allclose(joint, bone)
    mean = (joint + bone) / 2
    np.testing.assert_allclose(model.proportions(TEST), mean, rtol=1e-5)
    np.testing.assert_allclose(model.score(TEST)["score"], np.log(mean[:, 1] / mean[:, 0]), rtol=1e-4, atol=1e-5)


def test_what_two_streams_report() -> None:
    reports = {}
    for streams in ("joint", "both"):
        model = Agcn(Agcn.Params.model_validate({**BRIEF, "streams": streams}), device="cpu")
        reports[streams] = model.fit(TRAIN, validation=TEST)
    assert reports["both"].parameters == 2 * reports["joint"].parameters
    figures = ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert list(reports["joint"].curves) == figures
    assert list(reports["both"].curves) == [f"{stream}_{figure}" for stream in ("joint", "bone") for figure in figures]


def test_bones_of_a_skeleton_in_pieces_are_refused() -> None:
    coco = replace(TRAIN, poses=TRAIN.poses[..., :17], layout="coco17")
    assert fitted(Agcn, coco).proportions(coco).shape == (32, 2)
    with pytest.raises(TrainingError, match="no bones of layout coco17 lead to nose"):
        fitted(Agcn, coco, streams="bone")


def test_windows_of_an_unknown_layout_are_refused() -> None:
    with pytest.raises(TrainingError, match="unknown joint layout 'octopus8'"):
        fitted(StGcn, replace(TRAIN, layout="octopus8"))


def test_scores_of_classes() -> None:
    maximum = fitted(StGcn, CLASSES, learns="classes", scoring="maximum")
    found = maximum.proportions(CLASSES)
    assert found.shape == (48, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(maximum.score(CLASSES)["score"], 1 - found.max(axis=1), rtol=1e-5)
    mixture = fitted(StGcn, CLASSES, learns="classes", components=3)
    np.testing.assert_array_equal(mixture.proportions(CLASSES), found)
    assert mixture._mixture is not None
    np.testing.assert_allclose(mixture.score(CLASSES)["score"], mixture._mixture.score(found), rtol=1e-6)


def test_unusual_probabilities_score_high_in_a_mixture() -> None:
    model = fitted(StGcn, CLASSES, **{**LEARN, "learns": "classes", "components": 3})
    between = replace(CLASSES, poses=(CLASSES.poses + CLASSES.poses[::-1]) / np.float32(2))
    doubtful = model.proportions(between).max(axis=1) < 0.8
    assert doubtful.any()
    assert model.score(between)["score"][doubtful].min() > np.median(model.score(CLASSES)["score"])


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (StGcn, {"learns": "classes", "components": 3}),
        (StGcn, {"learns": "classes", "scoring": "maximum"}),
        (Agcn, {"streams": "both"}),
    ],
)
def test_a_loaded_model_scores_alike(kind: type[Recogniser], settings: dict[str, Any], tmp_path: Path) -> None:
    model = fitted(kind, CLASSES if "learns" in settings else TRAIN, **settings)
    model.save(tmp_path)
    loaded = kind.load(tmp_path, device="cpu")
    assert loaded.params == model.params
    np.testing.assert_array_equal(loaded.score(TEST)["score"], model.score(TEST)["score"])


@pytest.mark.parametrize("missing", ["joint.classifier.bias", "joint.norm.norm.weight", "mixture.means"])
def test_a_model_that_lacks_arrays_is_refused(missing: str, tmp_path: Path) -> None:
    fitted(StGcn, CLASSES, learns="classes", components=3).save(tmp_path)
    arrays = read_weights(tmp_path)
    del arrays[missing]
    write_weights(tmp_path, arrays)
    with pytest.raises(ModelError, match="do not fit"):
        StGcn.load(tmp_path, device="cpu")


def test_a_mixture_of_other_classes_is_refused(tmp_path: Path) -> None:
    fitted(StGcn, CLASSES, learns="classes", components=3).save(tmp_path)
    arrays = read_weights(tmp_path)
    pair = {"mixture.means": (..., slice(2)), "mixture.covariances": (..., slice(2), slice(2))}
    pair["mixture.precisions_cholesky"] = pair["mixture.covariances"]
    write_weights(tmp_path, arrays | {name: arrays[name][part] for name, part in pair.items()})
    with pytest.raises(ModelError, match="not of 3 classes"):
        StGcn.load(tmp_path, device="cpu")


def test_a_model_of_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    fitted(StGcn).save(tmp_path)
    card = json.loads((tmp_path / DETECTOR_FILE).read_text())
    card["form"]["layout"] = "octopus8"
    (tmp_path / DETECTOR_FILE).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="unknown joint layout"):
        StGcn.load(tmp_path, device="cpu")


def test_each_epoch_says_how_long_it_will_be() -> None:
    lines: list[str] = []
    StGcn(StGcn.Params.model_validate({**BRIEF, "epochs": 2}), device="cpu").fit(TRAIN, log=lines.append)
    assert len(lines) == 3
    assert lines[1].startswith("joint, epoch 1 of 2: loss ")
    assert lines[2].endswith(", 0 s left")


def test_naming_the_detectors_does_not_import_torch(root: Path) -> None:
    code = "import sys; from stages.detectors.registry import detector as d; "
    code += f"[d(name)(d(name).Params(window='w')) for name in {list(KINDS)}]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
