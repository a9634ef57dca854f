"""What needs no GPU of recording a training step: that warming up leaves no trace. The rest needs one."""

from __future__ import annotations

import pytest
import torch

from stages.detectors.base import Form
from stages.detectors.layers.stg_nf import network, training
from stages.detectors.layers.stg_nf.augment import Mirrored
from stages.detectors.layers.stg_nf.params import StgNfParams
from tests.detectors.gait import walkers, windows

WINDOWS = windows(walkers(80))


def learner(device: str, **changes: object) -> training.FusedLearner:
    params = StgNfParams.model_validate({"window": "w", "learning_rate": 0.08, **changes})
    flow = network.build(Form.of(WINDOWS), params, 0).to(device)
    data = Mirrored(WINDOWS, "swap_joints", torch.device(device))
    training.initialise(flow, data.take(torch.arange(64, device=device)))
    return training.FusedLearner([flow], data, params)


def learned(one: training.FusedLearner, device: str, steps: int = 5) -> torch.Tensor:
    rows, means = torch.arange(64, device=device)[None], torch.full((1, 64), 3.0, device=device)
    for _ in range(steps):
        one.update(rows, means, 0.08)
    return one.fused.weights.detach().cpu()


@pytest.mark.parametrize("statistics", ["running", "recomputed"])
def test_what_warming_up_did_is_taken_back(statistics: str) -> None:
    wanted, warmed = learner("cpu", statistics=statistics), learner("cpu", statistics=statistics)
    undo = warmed.beginning()
    assert not torch.equal(learned(warmed, "cpu"), wanted.fused.weights)
    undo()
    assert torch.equal(learned(warmed, "cpu"), learned(wanted, "cpu"))
    assert torch.equal(warmed.fused.statistics, wanted.fused.statistics)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_recorded_step_learns_what_an_unrecorded_one_does() -> None:
    found, wanted = (learned(learner("cuda", cuda_graphs=recorded), "cuda") for recorded in (True, False))
    torch.testing.assert_close(found, wanted)
