"""The two shifts of Shift-GCN."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stages.detectors.layers.recognition.shift_gcn import SpatialShift, TemporalShift, shift_index


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def test_spatial_shift_of_three_joints_by_hand() -> None:
    # Channel 0 stays; channel 1 comes from the next joint, the last joint's from the first.
    assert shift_index(3, 2, 1).tolist() == [0, 3, 2, 5, 4, 1]
    assert shift_index(3, 2, -1).tolist() == [0, 5, 2, 1, 4, 3]


@pytest.mark.parametrize(("joints", "channels"), [(18, 3), (18, 64), (25, 128), (3, 7)])
def test_the_shift_moves_everything_once_and_back(joints: int, channels: int) -> None:
    out, back = shift_index(joints, channels, 1), shift_index(joints, channels, -1)
    everything = torch.arange(joints * channels)
    torch.testing.assert_close(out.sort().values, everything)
    torch.testing.assert_close(everything[out][back], everything)
    torch.testing.assert_close(out % channels, everything % channels)  # a value stays in its channel


def test_with_a_convolution_that_does_nothing_joints_come_home() -> None:
    layer = SpatialShift(4, 4, 5).eval()
    layer.point.weight.data.copy_(torch.eye(4))
    nn.init.zeros_(layer.point.bias)
    x = torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(layer(x), x, rtol=1e-4, atol=1e-4)


def test_every_joint_sees_every_other() -> None:
    layer, x = SpatialShift(18, 18, 18).eval(), torch.randn(1, 18, 1, 18)
    moved = x.clone()
    moved[..., 7] += 1
    assert bool(((layer(moved) - layer(x)).abs().amax(dim=1) > 1e-6).all())


def test_the_mask_scales_between_nothing_and_twice() -> None:
    layer, x = SpatialShift(2, 3, 4).eval(), torch.randn(1, 2, 2, 4)
    nn.init.zeros_(layer.point.bias)
    as_is = layer(x)
    torch.testing.assert_close(layer.norm.weight, torch.ones(12))
    nn.init.constant_(layer.mask, 50.0)
    torch.testing.assert_close(layer(x), 2 * as_is)
    nn.init.constant_(layer.mask, -50.0)
    torch.testing.assert_close(layer(x), 0 * as_is)


@pytest.mark.parametrize(
    ("shift", "wanted"),
    [
        (0.0, [10.0, 20.0, 40.0, 80.0]),
        (1.0, [20.0, 40.0, 80.0, 0.0]),
        (-2.0, [0.0, 0.0, 10.0, 20.0]),
        (0.25, [12.5, 25.0, 50.0, 60.0]),
        (-0.25, [7.5, 17.5, 35.0, 70.0]),
        (1.5, [30.0, 60.0, 40.0, 0.0]),
        (9.3, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_temporal_shift_by_hand(shift: float, wanted: list[float]) -> None:
    layer = TemporalShift(1)
    nn.init.constant_(layer.shifts, shift)
    x = torch.tensor([10.0, 20.0, 40.0, 80.0])
    torch.testing.assert_close(layer(x.view(1, 1, 4, 1)).flatten(), torch.tensor(wanted))


def test_temporal_shift_is_linear_interpolation() -> None:
    layer, x = TemporalShift(6), torch.randn(3, 6, 9, 4)
    nn.init.uniform_(layer.shifts, -4, 4)
    found = layer(x)
    for channel, shift in enumerate(layer.shifts.tolist()):
        for sample in range(9):
            before = int((sample + shift) // 1)
            share = sample + shift - before
            values = [x[:, channel, at] if 0 <= at < 9 else torch.zeros(3, 4) for at in (before, before + 1)]
            wanted = (1 - share) * values[0] + share * values[1]
            torch.testing.assert_close(found[:, channel, sample], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [8, 9])
def test_a_stride_takes_every_other_sample(samples: int) -> None:
    layer, strided = TemporalShift(5), TemporalShift(5, 2)
    strided.load_state_dict(layer.state_dict())
    x = torch.randn(2, 5, samples, 3)
    torch.testing.assert_close(strided(x), layer(x)[:, :, ::2])


@pytest.mark.parametrize("stride", [1, 2])
def test_shifts_can_be_learned(stride: int) -> None:
    layer = TemporalShift(3, stride).double()
    layer.shifts.data.copy_(torch.tensor([0.3, -1.6, 2.2]))
    x = torch.randn(2, 3, 6, 2, dtype=torch.float64, requires_grad=True)

    def shifted(x: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.func.functional_call(layer, {"shifts": shifts}, (x,))
        return found

    assert torch.autograd.gradcheck(shifted, (x, layer.shifts))


def test_a_shift_is_found() -> None:
    layer, x = TemporalShift(1), torch.sin(torch.arange(40.0) / 4).view(1, 1, 40, 1)
    nn.init.constant_(layer.shifts, 0.2)
    target = torch.sin((torch.arange(40.0) + 2.6) / 4)[4:-4]
    optimizer = torch.optim.SGD(layer.parameters(), lr=5.0)
    for _ in range(60):
        optimizer.zero_grad()
        (layer(x).flatten()[4:-4] - target).square().mean().backward()
        optimizer.step()
    assert layer.shifts.item() == pytest.approx(2.6, abs=0.05)
