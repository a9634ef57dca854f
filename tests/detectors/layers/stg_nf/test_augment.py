"""Mirrored copies of windows, and batches of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.core.normalization import NormalizationParams, normalize
from stages.core.skeleton import OPENPOSE18
from stages.detectors.layers.stg_nf.augment import Mirrored
from tests.detectors.gait import walkers, windows

CPU = torch.device("cpu")


def px(seed: int) -> NDArray[np.float32]:
    return walkers(6, seed=seed)


@pytest.mark.parametrize("confidence", [False, True])
@pytest.mark.parametrize("flip", ["swap_joints", "published"])
def test_mirroring_commutes_with_normalizing(flip: str, confidence: bool) -> None:
    keypoints = px(5)
    mirrored = keypoints * np.array([-1, 1, 1], dtype=np.float32)
    if flip == "swap_joints":
        mirrored = mirrored[:, :, list(OPENPOSE18.mirror)]
    augmented_first = normalize(mirrored, NormalizationParams(confidence=confidence), OPENPOSE18)
    data = Mirrored(windows(keypoints, confidence=confidence), flip, CPU)
    after = data.take(torch.arange(6, 12))
    np.testing.assert_allclose(after.numpy(), augmented_first, atol=2e-5)


def test_mirrored_copies_follow_the_windows() -> None:
    data = windows(px(6))
    poses = torch.tensor(data.poses)
    mirror = Mirrored(data, "swap_joints", CPU)
    assert len(mirror) == 12
    taken = mirror.take(torch.tensor([1, 6 + 1, 0]))
    mirrored = poses[1][..., list(OPENPOSE18.mirror)] * torch.tensor([-1.0, 1.0])[:, None, None]
    assert torch.equal(taken, torch.stack([poses[1], mirrored, poses[0]]))
    assert float(taken[1, 0, 0, 4]) == -float(taken[0, 0, 0, 7])  # the right wrist is the other's left one, mirrored


def test_no_flip_makes_no_copy() -> None:
    data = Mirrored(windows(px(6)), "none", CPU)
    assert (data.copies, len(data)) == (1, 6)


@pytest.mark.parametrize("flip", ["swap_joints", "published", "none"])
def test_columns_are_the_batch_lying_the_other_way(flip: str) -> None:
    data = Mirrored(windows(px(7)), flip, CPU)
    rows = torch.arange(len(data)).flip(0).repeat(4)  # more than one chunk of the compiled form
    columns = data.columns(rows)
    assert columns.is_contiguous()
    assert torch.equal(columns.t().reshape(-1, 2, 8, 18), data.take(rows))
    data.poses = data.poses.double()  # takes the other way through `columns`
    assert torch.equal(data.columns(rows), columns.double())
