"""Losses of frames, against hand-computed cases and a well-kept library's."""

from __future__ import annotations

import pytest
import torch
from pytorch_msssim import ms_ssim as library  # type: ignore[import-untyped]

from stages.detectors.layers.itae.losses import (
    WEIGHTS,
    gradient_difference,
    ms_ssim,
    patch_errors,
    reconstruction_loss,
    scales,
)


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.interpolate(drawn, scale_factor=4.0, mode="bilinear")


def test_equal_pictures_have_no_loss() -> None:
    seen = pictures(2, 3, 44, 48)
    torch.testing.assert_close(ms_ssim(seen, seen), torch.ones(2, dtype=torch.float64))
    assert reconstruction_loss(seen, seen).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_ms_ssim_is_the_librarys(noise: float) -> None:
    seen = pictures(3, 3, 44, 48)  # 176 × 192 px: five scales, all of even sides, as the library pads odd ones
    found = (seen + noise * torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    weights = [weight / sum(WEIGHTS) for weight in WEIGHTS]  # the published ones add up to 1.0001
    wanted = library(found, seen, data_range=1.0, size_average=False, weights=weights)
    torch.testing.assert_close(ms_ssim(found, seen), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("side", "number"), [(11, 1), (22, 2), (43, 2), (44, 3), (87, 3), (88, 4), (128, 4), (176, 5), (256, 5)]
)
def test_scales_go_by_the_smaller_side(side: int, number: int) -> None:
    assert scales(side, 400) == scales(400, side) == number


def test_pictures_too_small_for_the_window() -> None:
    with pytest.raises(ValueError, match="10 × 40 px hold no window of 11 px"):
        ms_ssim(torch.zeros(1, 1, 10, 40), torch.zeros(1, 1, 10, 40))


def test_opposite_pictures_have_finite_gradients() -> None:
    seen = pictures(1, 1, 12, 12)
    found = (1 - seen).requires_grad_()
    ms_ssim(found, seen).sum().backward()  # type: ignore[no-untyped-call]
    assert found.grad is not None
    assert bool(found.grad.isfinite().all())


def test_a_constant_shift_has_no_gradient_difference() -> None:
    seen = 0.5 * pictures(2, 1, 8, 8)
    assert gradient_difference(seen + 0.3, seen).item() == pytest.approx(0, abs=1e-12)


def test_gradient_difference_by_hand() -> None:
    """Across 1 and 0 in place of 0 and 0: mean 1/2. Down 1 and 0 in place of 0 and 0: mean 1/2."""
    found = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    assert gradient_difference(found, torch.zeros_like(found)).item() == pytest.approx(1.0)


def test_patch_errors_by_hand() -> None:
    """An error of 1 in a corner pixel, and two of 0.6 side by side: a patch of 2 × 2 holds 1 of 4, or 1.2 of 4."""
    seen = torch.zeros(1, 1, 5, 5)
    found = seen.clone()
    found[0, 0, 0, 0] = 1.0
    found[0, 0, 3, 2:4] = -0.6
    assert patch_errors(found, seen, 1).item() == pytest.approx(1.0)
    assert patch_errors(found, seen, 2).item() == pytest.approx(0.3)
    assert patch_errors(found, seen, 16).item() == pytest.approx(2.2 / 25)
