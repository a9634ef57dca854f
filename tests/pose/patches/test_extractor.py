"""The network that looks at pictures of joints: its published size, what it learns, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from stages.core.errors import ParamsError, TrainingError
from stages.core.seeding import stream
from stages.core.windows import PatchParams
from stages.pose.patches.extractor import learned, named
from stages.pose.patches.network import ResNet20

JOINTS = 4
PARAMS = PatchParams(size=8, epochs=8, threads=1)


def mean_colour() -> nn.Module:
    """A backbone of three features."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def pyramid() -> nn.Module:
    """No vector per picture."""
    return nn.Identity()


def not_a_network() -> int:
    """Three."""
    return 3


def pictures(count: int = 1000) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noise in which no colour, one, two or all are bright, which tells the joint."""
    draw = stream(0, "pictures")
    joint = draw.integers(JOINTS, size=count)
    found = draw.integers(0, 128, size=(count, 8, 8, 3)).astype(np.uint8)
    for picture, number in zip(found, joint, strict=True):
        picture[..., : int(number)] += 100
    return found, joint


def test_the_published_size() -> None:
    assert sum(weight.numel() for weight in ResNet20(10).parameters()) == 269_722
    assert ResNet20(10)(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_it_learns_to_tell_joints_apart_and_is_the_same_again(tmp_path: Path) -> None:
    lines: list[str] = []
    first = learned(*pictures(), JOINTS, PARAMS, lines.append)
    assert first.seen > 0.9  # chance is 0.25
    assert len(lines) == PARAMS.epochs
    again = learned(*pictures(), JOINTS, PARAMS, lines.append)
    some = pictures(20)[0].reshape(5, 4, 8, 8, 3)
    np.testing.assert_array_equal(first(some), again(some))
    assert first(some).shape == (5, 4, 64)
    save_file(dict(first.weights()), tmp_path / "w.safetensors")
    taken = named(PARAMS.model_copy(update={"weights": "w.safetensors"}), JOINTS, tmp_path)
    np.testing.assert_array_equal(first(some), taken(some))


def test_what_nothing_can_be_learned_from_teaches_nothing() -> None:
    shown, joint = pictures()
    found = learned(shown, stream(1, "shuffled").permutation(joint), JOINTS, PARAMS, lambda _: None)
    assert found.seen < 0.45


def test_a_backbone_of_ones_own(tmp_path: Path) -> None:
    backbone = named(PatchParams(size=8, backbone="tests.pose.patches.test_extractor:mean_colour"), JOINTS, tmp_path)
    some = pictures(6)[0]
    np.testing.assert_allclose(backbone(some), some.mean(axis=(1, 2)) / 255, rtol=1e-5)
    assert backbone(some[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "nowhere:network"}, "no backbone 'nowhere:network'"),
        ({"backbone": "tests.pose.patches.test_extractor:missing"}, "no backbone"),
        ({"backbone": "tests.pose.patches.test_extractor:not_a_network"}, "gives a int, not a torch module"),
        ({"backbone": "tests.pose.patches.test_extractor:pyramid"}, "not to (2, features)"),
        ({"weights": "absent.safetensors"}, "weights of patches do not fit joints"),
        ({"weights": "other.safetensors"}, "weights of patches do not fit joints"),
        ({"weights": "text.safetensors"}, "weights of patches do not fit joints"),
    ],
)
def test_what_is_no_backbone_is_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ParamsError) as caught:
        named(PARAMS.model_copy(update=changes), JOINTS, tmp_path)
    assert message in str(caught.value)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(TrainingError, match="39 pictures of 4 joints teach nothing"):
        learned(*pictures(39), JOINTS, PARAMS, lambda _: None)
