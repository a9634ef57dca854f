"""How STG-NF learns: the fused way is the modular way, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.layers.flow import Chain
from stages.detectors.layers.stg_nf import scoring
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.layers.stg_nf.training import recompute_statistics, train
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.stg_nf.models import as_windows, form, small

WITHOUT_GRADIENT = ("gcn.conv.bias", "tcn.2.bias", "residual.0.bias")
"""A batch normalization follows these biases and subtracts them again."""


def trained(
    data: Windows, *, fused: bool, means: Tensor | None = None, seeds: tuple[int, ...] = (0,), **changes: Any
) -> tuple[list[Chain], list[list[float]]]:
    """Networks and their losses, an epoch each."""
    params = small(**({"steps": 4, "epochs": 3, "learning_rate": 5e-3} | changes))
    networks = [build(form(data.poses.shape[2]), params, seed) for seed in seeds]
    for name, weight in (named for network in networks for named in network.named_parameters()):
        # Their gradients are rounding, which Adamax blows up; running means then lag behind what they drift.
        weight.requires_grad_(not name.endswith(WITHOUT_GRADIENT))
    if means is None:
        means = torch.full((len(data),), params.prior_mean)
    return networks, list(train(networks, data, params, seeds, means=means, fused=fused, watched=False))


@pytest.mark.parametrize("flip", ["swap_joints", "none"])
@pytest.mark.parametrize(("statistics", "tolerance"), [("recomputed", 5e-3), ("running", 0.15)])
def test_fused_training_is_modular_training(statistics: str, tolerance: float, flip: str) -> None:
    data = windows(walkers(100, seed=3))
    found, wanted = (trained(data, fused=fused, statistics=statistics, flip=flip) for fused in (True, False))
    np.testing.assert_allclose(found[1], wanted[1], rtol=2e-4)
    one, other = (scoring.likelihoods(made[0][0], data, 3.0, fused=False) for made in (found, wanted))
    # Biases before batch normalization move by rounding in the modular form, and running averages lag behind them.
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
    np.testing.assert_allclose(scoring.likelihoods(found[0][0], data, 3.0, fused=True), one, rtol=2e-5, atol=2e-5)


def test_fused_training_follows_every_windows_own_prior() -> None:
    data = windows(walkers(100, seed=3))
    means = torch.tensor([10.0, -10.0])[torch.arange(100) % 2]
    found, wanted = (trained(data, fused=fused, means=means) for fused in (True, False))
    np.testing.assert_allclose(found[1], wanted[1], rtol=2e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_models_trained_together_are_what_each_is_alone(fused: bool) -> None:
    data = windows(walkers(100, seed=3))
    together, losses = trained(data, fused=fused, seeds=(4, 5))
    for number, seed in enumerate((4, 5)):
        alone, own = trained(data, fused=fused, seeds=(seed,))
        np.testing.assert_allclose([epoch[number] for epoch in losses], [epoch[0] for epoch in own], rtol=1e-5)
        one, other = (scoring.likelihoods(net, data, 3.0, fused=False) for net in (together[number], alone[0]))
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("fused", [True, False])
def test_training_begins_where_the_networks_stand(fused: bool) -> None:
    data, params = windows(walkers(64, seed=3)), small(learning_rate=1e-9, statistics="running")
    network = build(form(8), params, 0)
    start = copy.deepcopy(network.state_dict())
    list(train([network], data, params, [0], means=torch.full((64,), 3.0), fused=fused, watched=False))
    for name, weight in network.named_parameters():
        if "actnorm" not in name:
            torch.testing.assert_close(weight.detach(), start[name], atol=1e-6, rtol=0)
        assert bool(network.state_dict()[f"{name[0]}.actnorm.initialised"])


@pytest.mark.parametrize("fused", [True, False])
def test_windows_of_one_sample_are_learned_from(fused: bool) -> None:
    data = windows(walkers(100, samples=1))
    networks, losses = trained(data, fused=fused)
    assert losses[-1][0] < losses[0][0]
    assert np.isfinite(scoring.likelihoods(networks[0], data, 3.0, fused=fused)).all()


@pytest.mark.parametrize("fused", [True, False])
def test_windows_of_zeros_give_a_finite_loss_or_are_refused(fused: bool) -> None:
    # Normalization drops windows without variance; given directly, they make a density as sharp as ActNorm allows.
    refused, losses = "", [[0.0]]
    try:
        _, losses = trained(as_windows(torch.zeros(64, 2, 8, 18)), fused=fused)
    except TrainingError as error:
        refused = str(error)
    assert refused.startswith("the loss is") or np.isfinite(losses).all()


def test_a_loss_that_is_not_finite_is_refused() -> None:
    poses = torch.randn(64, 2, 8, 18)
    poses[3, 0, 2, 5] = torch.nan
    for fused in (True, False):
        with pytest.raises(TrainingError, match="loss is nan in epoch 1"):
            trained(as_windows(poses), fused=fused)


def test_recomputed_statistics_are_those_of_the_batches_under_the_present_weights() -> None:
    norm = torch.nn.BatchNorm2d(1)
    norm(torch.full((1, 1, 1, 2), 100.0))  # a running average from earlier weights
    # Means 1 and 5, unbiased variances 2 and 8: averages 3 and 5.
    batches = [torch.tensor([0.0, 2.0]).view(1, 1, 1, 2), torch.tensor([3.0, 7.0]).view(1, 1, 1, 2)]
    recompute_statistics(norm, batches)
    assert (norm.running_mean, norm.running_var) == (torch.tensor([3.0]), torch.tensor([5.0]))
    assert norm.momentum == 0.1
