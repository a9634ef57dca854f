"""What holds of all four networks: their size, the windows they take, that every weight counts."""

from __future__ import annotations

import pytest
import torch

from stages.core.skeleton import COCO17, NTU25
from stages.detectors.layers.recognition.blocks import CHANNELS, Bones, DataNorm, plans, scaled
from stages.detectors.layers.recognition.skeletons import Task, parents
from tests.detectors.layers.recognition.networks import (
    KINDS,
    KINETICS,
    NTU60,
    PATH,
    STREET,
    STREET_SURE,
    published,
    size,
    tiny,
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def widening(i: int, o: int, stride: int = 1) -> int:
    """Numbers in a shortcut."""
    return 0 if i == o and stride == 1 else i * o + 3 * o


def shift_gcn_size(task: Task) -> int:
    """Added up from the paper: ten blocks of shift, 1×1 convolution, shift, over joints and over time."""
    v, i = len(task.layout), len(task.channels)
    total = 2 * i * v
    for number, o in enumerate([64] * 4 + [128] * 3 + [256] * 3):
        stride = 2 if number in (4, 7) else 1
        space = v * i + i * o + o + 2 * v * o
        time = 2 * o + o + o * o + o + o + 2 * o
        total += space + widening(i, o) + time + (widening(i, o, stride) if number else 0)
        i = o
    return total + 256 * task.classes + task.classes


def ms_g3d_size(task: Task) -> int:
    """Added up from the paper, with the widths inside a block that the module's docstring gives."""

    def over_time(i: int, o: int, stride: int = 1) -> int:
        b = o // 6
        dilated = 4 * (i * b + b + 2 * b + 3 * b * b + b + 2 * b)
        pooled, single = i * b + b + 2 * b + 2 * b, i * b + b + 2 * b
        return dilated + pooled + single + widening(i, o, stride)

    v, i = len(task.layout), len(task.channels)
    total = 2 * i * v
    for number, o in enumerate([96, 192, 384]):
        first, stride = number == 0, 2 if number else 1
        g, e = (o, o) if first else (i, o // 2)
        total += 13 * (v * v + i * g) + g + 2 * g + over_time(g, o, stride) + over_time(o, o)
        for span in (3, 5):
            narrow, into = (0, i) if first else (i * e + e, e)
            total += narrow + 6 * ((span * v) ** 2 + into * e) + e + 2 * e + span * e * o + o + 2 * o
        total += over_time(o, o)
        i = o
    return total + 384 * task.classes + task.classes


def test_st_gcn_has_the_published_size() -> None:
    found = [size(published("st_gcn", task)) for task in (STREET_SURE, STREET, NTU60, KINETICS)]
    assert found == [3_074_854, 3_074_626, 3_098_832, 3_177_140]


def test_a_stream_of_agcn_has_the_published_size() -> None:
    assert size(published("agcn", STREET_SURE)) == 3_445_382
    # The papers' clips hold a second person, whose channels of each joint are normalized apart: a scale and an offset.
    assert size(published("agcn", NTU60)) + 2 * 3 * 25 == 3_469_510
    assert size(published("agcn", KINETICS)) + 2 * 3 * 18 == 3_547_776


@pytest.mark.parametrize("task", [STREET, STREET_SURE, NTU60, KINETICS])
def test_ms_g3d_and_shift_gcn_have_the_derived_size(task: Task) -> None:
    assert size(published("ms_g3d", task)) == ms_g3d_size(task)
    assert size(published("shift_gcn", task)) == shift_gcn_size(task)


def test_the_sizes_that_docstrings_state() -> None:
    assert [ms_g3d_size(task) for task in (STREET_SURE, NTU60)] == [3_068_858, 3_287_181]
    assert [shift_gcn_size(task) for task in (STREET_SURE, NTU60)] == [647_396, 690_141]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("samples", [1, 7, 8])
@pytest.mark.parametrize("task", [STREET, NTU60, Task(COCO17, ("x", "y"), 3)])
def test_any_layout_and_length_gives_a_logit_per_class(name: str, samples: int, task: Task) -> None:
    x = torch.randn(4, len(task.channels), samples, len(task.layout))
    assert tiny(name, task)(x).shape == (4, task.classes)


@pytest.mark.parametrize("name", KINDS)
def test_every_weight_counts(name: str) -> None:
    network = tiny(name, STREET)
    loss = torch.nn.functional.cross_entropy(network(torch.randn(16, 2, 8, 18)), torch.arange(16) % 2)
    loss.backward()  # type: ignore[no-untyped-call]
    idle = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]
    assert idle == []


@pytest.mark.parametrize("name", KINDS)
def test_the_graph_is_no_part_of_the_state(name: str) -> None:
    assert set(tiny(name, STREET).state_dict()) == {
        *dict(tiny(name, STREET).named_parameters()),
        *(key for key in tiny(name, STREET).state_dict() if "running_" in key or "num_batches" in key),
    }


def test_ten_blocks_are_the_published_ones() -> None:
    sizes = plans(3, 1.0, 10)
    assert [plan.outputs for plan in sizes] == [64] * 4 + [128] * 3 + [256] * 3
    assert [number for number, plan in enumerate(sizes, start=1) if plan.stride == 2] == [5, 8]
    assert [plan.inputs for plan in sizes] == [3, *(plan.outputs for plan in sizes[:-1])]


@pytest.mark.parametrize(
    ("depth", "outputs"), [(1, [64]), (2, [64, 128]), (3, [64, 128, 256]), (4, [64, 64, 128, 256])]
)
def test_fewer_blocks_are_spread_over_the_widths(depth: int, outputs: list[int]) -> None:
    assert [plan.outputs for plan in plans(2, 1.0, depth)] == outputs


@pytest.mark.parametrize(("width", "wanted"), [(1.0, [64, 128, 256]), (0.25, [16, 32, 64]), (0.01, [8, 8, 8])])
def test_widths_stay_divisible(width: float, wanted: list[int]) -> None:
    assert [scaled(channels, width, 8) for channels in CHANNELS] == wanted


def test_data_are_normalized_per_joint_and_channel() -> None:
    places = torch.randn(1, 2, 1, 4) * 50
    x = places + (0.5 + torch.rand(1, 2, 1, 4)) * torch.randn(200, 2, 6, 4)
    h = DataNorm(2, 4)(x).detach()
    torch.testing.assert_close(h.mean(dim=(0, 2)), torch.zeros(2, 4), atol=1e-4, rtol=0)
    torch.testing.assert_close(h.std(dim=(0, 2)), torch.ones(2, 4), atol=1e-2, rtol=0)
    assert float(torch.corrcoef(torch.stack([h[:, 1, :, 2].flatten(), x[:, 1, :, 2].flatten()]))[0, 1]) > 0.999


def test_a_bone_leads_from_the_parent_to_the_joint() -> None:
    bones = Bones(parents(PATH), ("x", "confidence"))
    x = torch.tensor([[[[1.0, 4.0, 9.0, 16.0]], [[0.5, 0.6, 0.7, 0.8]]]])
    torch.testing.assert_close(bones(x), torch.tensor([[[[0.0, 3.0, 5.0, 7.0]], [[0.5, 0.6, 0.7, 0.8]]]]))


def test_bones_know_no_place() -> None:
    x = torch.randn(4, 3, 8, 25)
    bones = Bones(parents(NTU25), ("x", "y", "z"))
    torch.testing.assert_close(bones(x + 5), bones(x))
