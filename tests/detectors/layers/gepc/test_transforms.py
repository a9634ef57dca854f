"""The five views of a window: the reference's values, their order, and the mean that belongs to a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.seeding import stream
from stages.core.windows import Windows
from stages.detectors.layers.gepc.transforms import Views
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.gepc.published import oracle

CPU = torch.device("cpu")
PEOPLE = windows(walkers(7), confidence=True)


@pytest.mark.oracle
def test_the_reference(shared: Path) -> None:
    found = oracle(shared)
    poses = found["norm/out_default"][:1].transpose(0, 3, 1, 2).astype(np.float32)
    given = Windows(PEOPLE.index[:1], poses, ("x", "y", "confidence"), "coco17")
    views = Views(given, "published", CPU).take(torch.arange(5))
    np.testing.assert_allclose(views, found["norm/trans5"], atol=1e-5)


@pytest.mark.oracle
def test_the_mean_is_the_intended_one_not_the_released_one(shared: Path) -> None:
    """The released code averages five windows in a row; which windows those are depends on the company."""
    found = oracle(shared)
    values, windows_ = torch.from_numpy(found["transavg/in"]), len(found["transavg/out_intended"])
    views = Views(windows(walkers(windows_)), "published", CPU)
    np.testing.assert_allclose(views.mean(values), found["transavg/out_intended"], atol=1e-12)
    np.testing.assert_allclose(values.view(-1, 5).mean(dim=1), found["transavg/out_as_coded"], atol=1e-12)


def test_rows_are_windows_under_maps() -> None:
    views = Views(PEOPLE, "published", CPU)
    assert len(views) == 35
    np.testing.assert_array_equal(views.take(torch.arange(7)), PEOPLE.poses)
    mirrored = views.take(torch.tensor([7 + 3]))[0].numpy()
    np.testing.assert_allclose(mirrored[0], -PEOPLE.poses[3, 0])
    np.testing.assert_allclose(mirrored[1:], PEOPLE.poses[3, 1:])


def test_every_view_keeps_lengths_and_confidence() -> None:
    views = Views(PEOPLE, "published", CPU)
    everything = views.take(torch.arange(35)).numpy().reshape(5, *PEOPLE.poses.shape)
    lengths = np.hypot(everything[:, :, 0], everything[:, :, 1])
    np.testing.assert_allclose(lengths, np.tile(lengths[:1], (5, 1, 1, 1)), atol=1e-5)
    np.testing.assert_array_equal(everything[:, :, 2], np.tile(PEOPLE.poses[None, :, 2], (5, 1, 1, 1)))


def test_without_transforms_there_is_one_view() -> None:
    views = Views(PEOPLE, "none", CPU)
    assert len(views) == 7
    values = torch.from_numpy(stream(0, "v").normal(size=7))
    torch.testing.assert_close(views.mean(values), values)
