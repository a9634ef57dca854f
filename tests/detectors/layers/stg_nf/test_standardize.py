"""Joints told apart before a flow that treats them alike: the layer's numbers, and both forms of the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from stages.detectors.base import Form
from stages.detectors.layers.stg_nf import scoring
from stages.detectors.layers.stg_nf.augment import LEAST, Mirrored
from stages.detectors.layers.stg_nf.network import build, front
from stages.detectors.layers.stg_nf.params import StgNfParams
from stages.detectors.layers.stg_nf.training import train
from stages.detectors.stg_nf import StgNf
from tests.detectors.gait import upside_down, walkers, windows

WALKING, HELD_OUT = windows(walkers(200)), windows(walkers(50, seed=9))


def fitted(**changes: Any) -> StgNf:
    settings = {"window": "w", "batch": 64, "epochs": 3, "learning_rate": 0.02, "steps": 4}
    model = StgNf(StgNfParams.model_validate(settings | changes), device="cpu")
    model.fit(WALKING)
    return model


@pytest.mark.parametrize("flip", ["swap_joints", "published", "none"])
def test_moments_are_those_of_the_windows_and_their_copies(flip: str) -> None:
    data = Mirrored(WALKING, flip, torch.device("cpu"))
    mean, deviation = data.moments()
    everything = data.take(torch.arange(len(data)))
    torch.testing.assert_close(mean, everything.mean(dim=(0, 2)), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(deviation, everything.std(dim=(0, 2), correction=0), atol=1e-6, rtol=1e-5)


def test_a_joint_that_never_moves_is_not_blown_up() -> None:
    poses = WALKING.poses.copy()
    poses[:, 1, :, 4] = 0.25
    _, deviation = Mirrored(replace(WALKING, poses=poses), "none", torch.device("cpu")).moments()
    assert deviation[1, 4] == pytest.approx(LEAST)


def test_the_layer_stands_before_the_steps_of_the_corrected_preset_alone() -> None:
    assert front(fitted()._fitted()[1]) is not None
    assert front(fitted(standardize="none")._fitted()[1]) is None
    assert StgNfParams.model_validate({"window": "w", "preset": "published"}).standardize == "none"


@pytest.mark.parametrize("adjacency", ["uniform", "identity"])
def test_likelihoods_are_of_the_windows_not_of_what_the_layer_makes_of_them(adjacency: str) -> None:
    model = fitted(adjacency=adjacency)
    _, network = model._fitted()
    scores = model.score(HELD_OUT)["score"]
    np.testing.assert_allclose(scoring.likelihoods(network, HELD_OUT, 3.0, fused=False), scores, atol=1e-5)
    np.testing.assert_allclose(model.explain(HELD_OUT).sum(axis=(1, 2)), scores, atol=1e-5)
    x = torch.from_numpy(HELD_OUT.poses[:4])
    with torch.no_grad():
        torch.testing.assert_close(network.inverse(network(x)[0]), x, atol=1e-4, rtol=1e-4)


def test_both_forms_report_the_same_loss() -> None:
    params = StgNfParams(window="w", batch=64, epochs=2, learning_rate=0.02, steps=4)
    losses = []
    for fused in (True, False):
        flow = build(Form.of(WALKING), params, 0)
        means = torch.full((len(WALKING),), 3.0)
        losses.append(list(train([flow], WALKING, params, [0], means=means, fused=fused, watched=False)))
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-3)


def test_people_on_their_heads_are_unlikely_once_joints_are_told_apart() -> None:
    """The published flow, to which all joints are alike, cannot see it: docs/decisions/0013."""
    standing, turned = HELD_OUT, windows(upside_down(walkers(50, seed=9)))
    found = {}
    for kind in ("joints", "none"):
        model = fitted(standardize=kind, epochs=10)
        normal, abnormal = (model.score(each)["score"] for each in (standing, turned))
        found[kind] = float((abnormal[:, None] > normal[None]).mean())
    assert found["joints"] > 0.99
    assert found["none"] < 0.9
