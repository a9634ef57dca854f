"""STG-NF: what is its own beyond the contract. Equality with the published model is in test_stg_nf_reference.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import DETECTOR_FILE, WEIGHTS_FILE, read_weights, write_weights
from stages.detectors.stg_nf import StgNf
from tests.detectors.gait import shuffled, walkers, windows
from tests.detectors.layers.stg_nf.models import small


def fitted(train: Windows, **changes: Any) -> StgNf:
    model = StgNf(small(**changes), device="cpu")
    model.fit(train)
    return model


@pytest.fixture(scope="module")
def train() -> Windows:
    return windows(walkers(80, seed=1))


def test_confidence_may_be_a_third_channel() -> None:
    data = windows(walkers(40), confidence=True)
    model = fitted(data)
    assert np.isfinite(model.score(data)["score"]).all()


def test_learning_lowers_the_loss_and_shows_it(train: Windows) -> None:
    lines: list[str] = []
    model = StgNf(small(epochs=4, learning_rate=5e-3), device="cpu")
    report = model.fit(train, validation=windows(walkers(20, seed=9)), log=lines.append)
    assert report.windows == 80
    assert report.curves["loss"][-1] < report.curves["loss"][0]
    assert len(report.curves["loss"]) == len(report.curves["validation_loss"]) == len(lines) == 4
    assert lines[0].startswith("epoch 1 of 4: loss ")
    assert "bits per dimension" in lines[0]


def test_validation_is_watched_and_not_learned_from(train: Windows) -> None:
    alone, watched = StgNf(small(), device="cpu"), StgNf(small(), device="cpu")
    alone.fit(train)
    watched.fit(train, validation=windows(shuffled(walkers(40))))
    np.testing.assert_array_equal(alone.score(train)["score"], watched.score(train)["score"])


def test_validation_loss_is_the_mean_score(train: Windows) -> None:
    held_out = windows(walkers(20, seed=9))
    model = StgNf(small(), device="cpu")
    report = model.fit(train, validation=held_out)
    assert report.curves["validation_loss"][-1] == pytest.approx(model.score(held_out)["score"].mean(), abs=1e-5)


def test_seeds_give_different_models(train: Windows) -> None:
    first, second = StgNf(small(), device="cpu", seed=1), StgNf(small(), device="cpu", seed=2)
    first.fit(train)
    second.fit(train)
    assert not np.allclose(first.score(train)["score"], second.score(train)["score"])


@pytest.mark.parametrize("extra", [0, 1])
def test_a_last_batch_of_one_window_does_no_harm(extra: int) -> None:
    # Without mirrored copies 33 windows in batches of 32 leave one over.
    data = windows(walkers(32 + extra, samples=1, seed=4))
    assert np.isfinite(fitted(data, flip="none").score(data)["score"]).all()


def test_recomputed_statistics_are_of_the_final_weights_and_change_nothing_else(train: Windows) -> None:
    settings = {"epochs": 3, "learning_rate": 0.1, "flip": "none"}
    running, recomputed = (fitted(train, statistics=kind, **settings) for kind in ("running", "recomputed"))
    _, network = recomputed._fitted()
    for one, other in zip(running._fitted()[1].parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    # All windows make one chunk here: evaluating equals normalizing that whole batch, up to the unbiased variance.
    x = torch.tensor(train.poses)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x)[0], network.train()(x)[0], atol=1e-2, rtol=1e-2)
        off = (running._fitted()[1].eval()(x)[0] - network.train()(x)[0]).abs().max()
    assert float(off) > 0.1


def test_watching_recomputes_between_epochs_and_changes_nothing(train: Windows) -> None:
    alone, watched = (StgNf(small(epochs=3), device="cpu") for _ in range(2))
    alone.fit(train)
    watched.fit(train, validation=train)
    np.testing.assert_allclose(alone.score(train)["score"], watched.score(train)["score"], rtol=1e-6)


def test_the_model_does_not_depend_on_the_number_of_cores(train: Windows) -> None:
    models = []
    before = torch.get_num_threads()
    for cores in (1, 2):
        torch.set_num_threads(cores)
        models.append(fitted(windows(walkers(300, samples=24)), batch=256, epochs=2))
        assert torch.get_num_threads() == cores
    torch.set_num_threads(before)
    for one, other in zip(*(model._fitted()[1].parameters() for model in models), strict=True):
        assert torch.equal(one, other)


def test_samples_come_from_the_learned_density(train: Windows) -> None:
    model = fitted(train, epochs=10, learning_rate=2e-2)
    drawn = model.sample(64)
    assert drawn.shape == (64, 2, 8, 18)
    np.testing.assert_array_equal(drawn, model.sample(64))
    noise = np.random.default_rng(0).normal(0, 2, drawn.shape).astype(np.float32)
    own, other = (
        model.score(Windows(train.index.iloc[:64], poses, train.channels, train.layout))["score"]
        for poses in (drawn, noise)
    )
    assert own.max() < other.min()


def test_even_temporal_kernel_is_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="even") as caught:
        fitted(windows(walkers(40, samples=6)))
    assert "4, 8, 12" in caught.value.fix
    assert fitted(windows(walkers(40, samples=6)), temporal_kernel=3)


def test_fewer_windows_than_a_batch_are_refused_with_a_way_out() -> None:
    with pytest.raises(TrainingError, match="31 training windows") as caught:
        fitted(windows(walkers(31)))
    assert "stride_train" in caught.value.fix


def test_a_loss_that_is_not_finite_is_refused(train: Windows) -> None:
    data = Windows(train.index, train.poses.copy(), train.channels, train.layout)
    data.poses[0] = np.nan
    with pytest.raises(TrainingError, match="loss is nan in epoch 1") as caught:
        fitted(data)
    assert "learning_rate" in caught.value.fix


def test_weights_of_another_architecture_are_refused(train: Windows, tmp_path: Path) -> None:
    fitted(train).save(tmp_path)
    weights = read_weights(tmp_path)
    write_weights(tmp_path, {name: array for name, array in weights.items() if name != "0.actnorm.bias"})
    with pytest.raises(ModelError, match=r"0\.actnorm\.bias"):
        StgNf.load(tmp_path)


@pytest.mark.parametrize("form", ['"samples": 6', '"layout": "octopus"'])
def test_a_card_of_another_form_is_refused(train: Windows, tmp_path: Path, form: str) -> None:
    fitted(train).save(tmp_path)
    card = tmp_path / DETECTOR_FILE
    key = form.partition(":")[0]
    lines = [form + "," if key in line else line for line in card.read_text().splitlines()]
    card.write_text("\n".join(lines).replace(",\n  }", "\n  }"))
    with pytest.raises(ModelError):
        StgNf.load(tmp_path)


def test_weights_that_are_not_finite_are_refused(train: Windows, tmp_path: Path) -> None:
    fitted(train).save(tmp_path)
    weights = read_weights(tmp_path)
    weights["0.actnorm.bias"][:] = np.nan
    write_weights(tmp_path, weights)
    with pytest.raises(ModelError, match="NaN") as caught:
        StgNf.load(tmp_path)
    assert WEIGHTS_FILE in caught.value.where


def test_a_trained_actnorm_does_not_start_again_after_loading(train: Windows, tmp_path: Path) -> None:
    fitted(train).save(tmp_path)
    assert all(read_weights(tmp_path)[f"{step}.actnorm.initialised"] for step in range(2))


def test_training_leaves_the_callers_random_numbers_alone(train: Windows) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted(train)
    torch.testing.assert_close(torch.rand(3), expected)


def test_the_callers_random_numbers_leave_training_alone(train: Windows) -> None:
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        models.append(fitted(train).score(train)["score"])
    np.testing.assert_array_equal(models[0], models[1])


def test_naming_the_detector_does_not_import_torch(root: Path) -> None:
    code = "import sys; from stages.detectors.stg_nf import StgNf; from stages.detectors.knn import Knn; "
    code += "StgNf(StgNf.Params(window='w')); Knn(Knn.Params(window='w')); "
    code += "sys.exit(bool({'torch', 'sklearn', 'safetensors'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
