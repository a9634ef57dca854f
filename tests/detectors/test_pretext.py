"""Foresight and puzzles: what is shuffled, what is foreseen from what, losses by hand, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.core.errors import ModelError, TrainingError
from stages.detectors.ffp import Ffp
from stages.detectors.layers.pretext.foresight import before, frame, optical_flow, prediction_loss
from stages.detectors.layers.pretext.params import FfpParams, JigsawParams
from stages.detectors.layers.pretext.puzzles import Solver, in_another_order, in_other_places, padded, permutations
from stages.detectors.layers.pretext.unet import UNet
from tests.detectors import films

FFP: dict[str, Any] = {"window": "scene", "width": 0.05, "epochs": 1, "batch": 8, "learning_rate": 1e-2, "past": 3}
TRAIN = films.windows(8, seed=1)


def numbered(count: int = 2, length: int = 6, side: int = 6) -> Tensor:
    """Clips whose every pixel is told apart."""
    return torch.arange(count * length * side * side, dtype=torch.float32).view(count, 1, length, side, side)


def test_what_lies_at_a_place_is_what_the_order_says() -> None:
    clips = numbered()
    order = torch.stack([torch.arange(6), torch.tensor([5, 0, 1, 2, 3, 4])])
    found = in_another_order(clips, order)
    torch.testing.assert_close(found[0], clips[0])
    torch.testing.assert_close(found[1, :, 0], clips[1, :, 5])
    torch.testing.assert_close(found[1, :, 1:], clips[1, :, :5])


def test_pieces_go_where_the_order_says_and_alike_in_all_frames() -> None:
    clips = numbered()
    swapped = torch.tensor([1, 0, 2, 3, 4, 5, 6, 7, 8])
    found = in_other_places(clips, torch.stack([torch.arange(9), swapped]), 3)
    torch.testing.assert_close(found[0], clips[0])
    torch.testing.assert_close(found[1, ..., :2, :2], clips[1, ..., :2, 2:4])
    torch.testing.assert_close(found[1, ..., :2, 2:4], clips[1, ..., :2, :2])
    torch.testing.assert_close(found[1, ..., 2:, :], clips[1, ..., 2:, :])


def test_a_margin_that_no_piece_holds_is_left_out() -> None:
    clips = numbered(side=8)
    found = padded(in_other_places(clips, torch.arange(9).repeat(2, 1), 3), 8)
    torch.testing.assert_close(found[..., :6, :6], clips[..., :6, :6])
    assert (found[..., 6:, :] == 0).all()
    assert (found[..., :, 6:] == 0).all()


def test_orders_are_drawn_for_each_clip() -> None:
    found = permutations(20, 9, torch.Generator().manual_seed(0))
    assert (found.sort(dim=1).values == torch.arange(9)).all()
    assert len({tuple(order.tolist()) for order in found}) == 20


def test_a_solver_answers_for_every_frame_and_piece() -> None:
    network = Solver(3, 8, JigsawParams(window="scene", width=0.1, side=24)).eval()
    clips = torch.rand(2, 3, 8, 24, 24)
    answers = network(clips)
    assert {name: found.shape for name, found in answers.items()} == {"temporal": (2, 8, 8), "spatial": (2, 9, 9)}
    for name, found in answers.items():
        torch.testing.assert_close(network(clips[1:])[name], found[1:], atol=1e-5, rtol=1e-4)


def test_what_is_seen_before_a_frame_is_in_order() -> None:
    clips = numbered()
    at = torch.tensor([3, 5])
    seen = before(clips, at, 3)
    torch.testing.assert_close(seen[0], clips[0, 0, 0:3])
    torch.testing.assert_close(seen[1], clips[1, 0, 2:5])
    torch.testing.assert_close(frame(clips, at)[1], clips[1, :, 5])


def test_prediction_loss_by_hand() -> None:
    """A constant shift of 0.5 costs its square, and no gradient."""
    clips = torch.rand(1, 1, 4, 8, 8)
    found = clips[:, :, 3] + 0.5
    assert prediction_loss(found, clips, torch.tensor([3])).item() == pytest.approx(0.25, abs=1e-6)
    # A motion that is told as the difference: 0.5 more everywhere, weighed by 2.
    total = prediction_loss(found, clips, torch.tensor([3]), lambda first, second: second - first, 2.0)
    assert total.item() == pytest.approx(0.25 + 1.0, abs=1e-6)


def test_scores_are_of_what_was_foreseen_either_way() -> None:
    model = Ffp(FfpParams(**FFP), device="cpu", seed=0)
    model.fit(TRAIN)
    scores = model.score(TRAIN)["score"]
    assert scores.shape == (8, 8)
    network = model._fitted()
    clips = torch.from_numpy(np.stack([TRAIN.frames(row) for row in range(8)])).float().transpose(1, 2) / 255
    with torch.no_grad():
        last = network(clips[:, 0, 4:7])
        first = network(clips[:, 0, [3, 2, 1]])
    for number, found in ((7, last), (0, first)):
        error = (found - clips[:, :, number]).square().mean(dim=(1, 2, 3))
        np.testing.assert_allclose(scores[:, number], 10 * torch.log10(error), atol=1e-3)


def test_windows_too_short_and_sides_that_cannot_be_halved() -> None:
    with pytest.raises(TrainingError, match="windows of 8 frames, of which 5 are seen"):
        Ffp(FfpParams(**{**FFP, "past": 5}), device="cpu").fit(TRAIN)
    with pytest.raises(TrainingError, match="frames of 28 × 28 px; their sides must be divisible by 8"):
        Ffp(FfpParams(**FFP), device="cpu").fit(films.windows(4, side=28))


def test_published_unet() -> None:
    """Convolutions with bias and batch normalization twice per depth, transposed ones in between."""
    with torch.device("meta"):
        network = UNet(12, 3, 1.0)
    twice = [(12, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    twice += [(512, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64)]
    blocks = sum(9 * a * b + 3 * b for a, b in twice)
    ups = sum(4 * a * b + b for a, b in [(512, 256), (256, 128), (128, 64)])
    assert sum(weight.numel() for weight in network.parameters()) == blocks + ups + 9 * 64 * 3 + 3


def test_an_optical_flow_without_its_library_or_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"torchvision|no weights of RAFT"):
        optical_flow(tmp_path / "raft.safetensors", torch.device("cpu"))
