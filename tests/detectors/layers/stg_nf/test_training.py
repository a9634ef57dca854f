"""How STG-NF learns."""

from __future__ import annotations

import torch

from stages.detectors.layers.stg_nf.training import recompute_statistics


def test_recomputed_statistics_are_those_of_the_batches_under_the_present_weights() -> None:
    norm = torch.nn.BatchNorm2d(1)
    norm(torch.full((1, 1, 1, 2), 100.0))  # a running average from earlier weights
    # Means 1 and 5, unbiased variances 2 and 8: averages 3 and 5.
    batches = [torch.tensor([0.0, 2.0]).view(1, 1, 1, 2), torch.tensor([3.0, 7.0]).view(1, 1, 1, 2)]
    recompute_statistics(norm, batches)
    assert (norm.running_mean, norm.running_var) == (torch.tensor([3.0]), torch.tensor([5.0]))
    assert norm.momentum == 0.1
