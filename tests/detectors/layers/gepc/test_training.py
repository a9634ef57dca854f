"""Training: the published schedule, that both stages learn, that nothing drawn depends on anything but the seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from stages.core.errors import TrainingError
from stages.detectors.base import Form
from stages.detectors.layers.gepc import training
from stages.detectors.layers.gepc.params import AutoencoderParams, GepcParams, published_window
from stages.detectors.layers.gepc.transforms import Views
from tests.detectors.gait import walkers, windows

SMALL = GepcParams(
    window="w", graph="static", strides=(2, 2), width=0.125, dropout=0.0, epochs=5, batch=32, learning_rate=1e-2,
    clusters=5, cluster_epochs=6, stop=0.0,
)  # fmt: skip
PEOPLE = windows(walkers(96))
VIEWS = Views(PEOPLE, "none", torch.device("cpu"))


def test_the_published_schedule() -> None:
    params = AutoencoderParams(window="w", preset="published")
    wanted = [1e-5, 1e-3, 1e-5, 5.05e-4, 1e-5, 2.575e-4, 1e-5, 1.3375e-4, 1e-5, 7.1875e-5]
    np.testing.assert_allclose([training.cyclic(epoch, params) for epoch in range(10)], wanted, rtol=1e-9)


def test_torch_has_the_same_schedule() -> None:
    params = AutoencoderParams(window="w", preset="published", epochs=24)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = torch.optim.lr_scheduler.CyclicLR(optimizer, 1e-5, 1e-3, step_size_up=3, mode="triangular2")
    for epoch in range(24):
        assert training.cyclic(epoch, params) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_both_stages_learn() -> None:
    network = training.build(Form.of(PEOPLE), SMALL, seed=0)
    errors = list(training.reconstruct(network, VIEWS, SMALL, seed=0))
    assert errors[-1] < errors[0] * 0.8
    centres = training.begin(network, VIEWS, SMALL, seed=0)
    before = training.assignments(network, centres, VIEWS, "student_t")
    passes = list(training.cluster(network, centres, VIEWS, SMALL, seed=0))
    assert len(passes) == SMALL.cluster_epochs
    after = training.assignments(network, centres, VIEWS, "student_t")
    assert after.max(axis=1).mean() > before.max(axis=1).mean() + 0.02, "windows are no surer of their cluster"
    assert [np.isnan(changed) for _, _, changed in passes] == [False, True] * 3


def test_clustering_stops_when_nothing_changes_any_more() -> None:
    params = SMALL.model_copy(update={"cluster_rate": 1e-9, "stop": 1e-3, "cluster_epochs": 20})
    network = training.build(Form.of(PEOPLE), params, seed=0)
    centres = training.begin(network, VIEWS, params, seed=0)
    assert len(list(training.cluster(network, centres, VIEWS, params, seed=0))) == 4


def test_batch_statistics_rest_while_it_clusters() -> None:
    network = training.build(Form.of(PEOPLE), SMALL, seed=0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if "running" in name}
    centres = training.begin(network, VIEWS, SMALL, seed=0)
    list(training.cluster(network, centres, VIEWS, SMALL, seed=0))
    after = network.state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor)


def test_targets_of_all_windows_and_of_batches_differ() -> None:
    found = []
    for target in ("all", "batch"):
        params = SMALL.model_copy(update={"target": target})
        network = training.build(Form.of(PEOPLE), params, seed=0)
        centres = training.begin(network, VIEWS, params, seed=0)
        found.append(list(training.cluster(network, centres, VIEWS, params, seed=0))[-1][1])
    assert found[0] != found[1]


def test_a_loss_that_is_not_finite_is_refused() -> None:
    params = SMALL.model_copy(update={"learning_rate": 1e30})
    network = training.build(Form.of(PEOPLE), params, seed=0)
    with pytest.raises(TrainingError, match="the reconstruction loss is"):
        list(training.reconstruct(network, VIEWS, params, seed=0))


def test_the_errors_of_samples_and_joints_add_up_to_the_loss() -> None:
    network = training.build(Form.of(PEOPLE), SMALL, seed=0).eval()
    with torch.no_grad():
        again, _ = network(torch.from_numpy(PEOPLE.poses))
    wanted = (again - torch.from_numpy(PEOPLE.poses)).square().mean()
    assert training.errors(network, VIEWS).mean() == pytest.approx(wanted.item(), rel=1e-5)


def test_presets_say_what_is_left_out() -> None:
    published = GepcParams(window="w", preset="published")
    assert (published.transforms, published.clusters, published.target, published.fit_every) == (
        "published", 10, "batch", 10,
    )  # fmt: skip
    assert published.divergence == "model_from_target"
    assert GepcParams(window="w", preset="published", clusters=50).clusters == 50
    assert GepcParams(window="w").target == "all"
    with pytest.raises(ValidationError, match="preset"):
        GepcParams.model_validate({"window": "w", "preset": "best"})
    assert published_window()["normalization"]["scale"] == "half_frame"
