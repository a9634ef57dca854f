"""MPED-RNN: what is its own beyond the contract."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import read_weights, write_weights
from stages.detectors.mped_rnn import MpedRnn
from tests.detectors.conformance import NORMAL, POSES, SEPARATION, TRAIN, separation, whole
from tests.detectors.gait import shuffled, walkers, windows
from tests.detectors.layers.mped_rnn.models import in_pixels, people, small

CAMERAS = ["gate", "hall/2@north"] * 20


def fitted(train: Windows, **changes: Any) -> MpedRnn:
    model = MpedRnn(small(**changes), device="cpu")
    model.fit(train)
    return model


@pytest.fixture(scope="module")
def by_camera() -> MpedRnn:
    return fitted(in_pixels(walkers(40), CAMERAS), model_per="camera")


@pytest.mark.parametrize("changes", [{"errors": "reconstruction"}, {"errors": "prediction"}, {"timescales": (1, 2, 4)}])
def test_other_forms_tell_abnormal_from_normal_too(changes: dict[str, Any]) -> None:
    model = fitted(TRAIN, **changes, epochs=6, batch=64, learning_rate=2e-2)
    normal = whole(model.score(NORMAL)["score"])
    for abnormal in POSES.abnormal.values():
        assert separation(normal, whole(model.score(abnormal)["score"])) >= SEPARATION


def test_every_sample_has_a_score_only_if_all_errors_count() -> None:
    data = people()
    assert fitted(data, errors="both").score(data)["score"].shape == (40, 8)
    assert fitted(data, errors="reconstruction").score(data)["score"].shape == (40,)
    assert fitted(data, errors="prediction").score(data.take(np.arange(0)))["score"].shape == (0,)


def test_learning_lowers_the_loss_and_shows_it() -> None:
    lines: list[str] = []
    model = MpedRnn(small(epochs=5, held_out=0.2, learning_rate=5e-3), device="cpu")
    report = model.fit(people(), validation=people(20, seed=9), log=lines.append)
    assert set(report.curves) == {"loss", "held_out_loss", "validation_loss"}
    assert report.curves["loss"][-1] < report.curves["loss"][0]
    assert lines[0].startswith("epoch 1 of 5: loss ")
    assert "held out loss" in lines[0]


def test_validation_is_watched_and_not_learned_from() -> None:
    alone, watched = MpedRnn(small(), device="cpu"), MpedRnn(small(), device="cpu")
    alone.fit(people())
    watched.fit(people(), validation=in_pixels(shuffled(walkers(20))))
    np.testing.assert_array_equal(alone.score(people())["score"], watched.score(people())["score"])


def test_no_validation_windows_are_none_to_watch() -> None:
    report = MpedRnn(small(epochs=1), device="cpu").fit(people(), validation=people().take(np.arange(0)))
    assert set(report.curves) == {"loss"}


def test_seeds_differ() -> None:
    first, second = MpedRnn(small(), device="cpu", seed=0), MpedRnn(small(), device="cpu", seed=1)
    first.fit(people())
    second.fit(people())
    assert not np.allclose(first.score(people())["score"], second.score(people())["score"])


def test_parameters_are_counted_over_all_cameras(by_camera: MpedRnn) -> None:
    data = in_pixels(walkers(40), CAMERAS)
    shared = MpedRnn(small(), device="cpu").fit(data)
    each = MpedRnn(small(model_per="camera"), device="cpu").fit(data, validation=data)
    assert each.parameters == 2 * shared.parameters == 2 * 19728  # 18 joints
    assert set(each.curves) == {f"{name} {camera}" for name in ("loss", "validation_loss") for camera in CAMERAS[:2]}


def test_a_camera_is_scored_by_its_own_model_alone(by_camera: MpedRnn) -> None:
    data = in_pixels(walkers(40), CAMERAS)
    gate = data.take(np.flatnonzero(np.array(CAMERAS) == "gate"))
    scores = by_camera.score(data)["score"]
    np.testing.assert_allclose(by_camera.score(gate)["score"], scores[::2], rtol=1e-4)
    moved = replace(gate, index=gate.index.assign(camera="hall/2@north"))
    assert not np.allclose(by_camera.score(moved)["score"], scores[::2], rtol=1e-2)
    # The other camera's windows have no say in it.
    np.testing.assert_array_equal(fitted(gate, model_per="camera").score(gate)["score"], by_camera.score(gate)["score"])


def test_cameras_survive_saving_whatever_their_names(by_camera: MpedRnn, tmp_path: Path) -> None:
    data = in_pixels(walkers(40), CAMERAS)
    by_camera.save(tmp_path)
    np.testing.assert_array_equal(
        MpedRnn.load(tmp_path, device="cpu").score(data)["score"], by_camera.score(data)["score"]
    )


def test_a_camera_without_a_model_is_refused_with_a_way_out(by_camera: MpedRnn) -> None:
    with pytest.raises(ModelError, match="no model of camera roof; there are those of gate") as caught:
        by_camera.score(in_pixels(walkers(2), ["gate", "roof"]))
    assert "model_per: all" in caught.value.fix


def test_windows_that_name_no_camera_are_refused_with_a_way_out(by_camera: MpedRnn) -> None:
    with pytest.raises(TrainingError, match="do not say which camera") as caught:
        fitted(people(), model_per="camera")
    assert "model_per: all" in caught.value.fix
    with pytest.raises(ModelError, match="do not say which camera"):
        by_camera.score(people())


def test_validation_windows_of_another_camera_are_left_out_and_the_log_says_so() -> None:
    lines: list[str] = []
    model = MpedRnn(small(model_per="camera", epochs=1), device="cpu")
    train, held_out = in_pixels(walkers(4), ["gate"] * 4), in_pixels(walkers(2), ["roof"] * 2)
    report = model.fit(train, validation=held_out, log=lines.append)
    assert lines[0].startswith("no training windows of camera roof")
    assert set(report.curves) == {"loss gate"}


def test_a_camera_with_a_single_window_is_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="1 training windows of camera roof") as caught:
        fitted(in_pixels(walkers(3), ["gate", "gate", "roof"]), model_per="camera")
    assert "model_per: all" in caught.value.fix


def test_windows_too_short_are_refused() -> None:
    with pytest.raises(TrainingError, match="windows of 2 samples"):
        fitted(windows(walkers(4, samples=2)))


def test_three_dimensions_are_refused() -> None:
    flat = windows(walkers(4))
    deep = replace(flat, poses=np.repeat(flat.poses[:, :1], 3, axis=1), channels=("x", "y", "z"))
    with pytest.raises(TrainingError, match="x, y, z"):
        fitted(deep)


def test_windows_without_a_seen_joint_are_refused() -> None:
    data = people(4)
    data.poses[:, 2] = 0
    with pytest.raises(TrainingError, match="no joint is seen"):
        fitted(data)


def test_weights_that_do_not_fit_the_params_are_refused(by_camera: MpedRnn, tmp_path: Path) -> None:
    by_camera.save(tmp_path)
    arrays = read_weights(tmp_path)
    write_weights(tmp_path, {name: array for name, array in arrays.items() if "predict" not in name})
    with pytest.raises(ModelError, match="do not fit"):
        MpedRnn.load(tmp_path)
    write_weights(tmp_path, {f"{name.partition('@')[0]}@": array for name, array in arrays.items()})
    with pytest.raises(ModelError, match="the weights are of cameras"):
        MpedRnn.load(tmp_path)
    write_weights(tmp_path, {})
    with pytest.raises(ModelError, match="the weights are of cameras"):
        MpedRnn.load(tmp_path)


def test_params_come_without_torch() -> None:
    code = "import sys, stages.detectors.mped_rnn as m; m.MpedRnnParams(window='w'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
