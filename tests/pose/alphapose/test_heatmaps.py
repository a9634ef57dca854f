"""Heat maps made by hand: peaks where one puts them, and what mirroring does to them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from stages.core.skeleton import COCO17
from stages.pose.alphapose.heatmaps import FlipTested, peaks, prepare, unflip


def heat(*cells: tuple[int, int, float], height: int = 8, width: int = 6) -> Tensor:
    """One heat map with values at x, y."""
    made = torch.zeros(1, 1, height, width)
    for x, y, value in cells:
        made[0, 0, y, x] = value
    return made


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([(3, 4, 0.8)], (3.0, 4.0, 0.8)),  # neighbours alike: no move
        ([(3, 4, 0.8), (4, 4, 0.5)], (3.25, 4.0, 0.8)),  # right is surer than left
        ([(3, 4, 0.8), (2, 4, 0.5), (3, 3, 0.2)], (2.75, 3.75, 0.8)),  # left, and above
        ([(3, 4, 0.8), (2, 4, 0.5), (4, 4, 0.6), (3, 5, 0.1)], (3.25, 4.25, 0.8)),  # right by a little, below
        ([(0, 4, 0.8), (1, 4, 0.5), (0, 5, 0.1)], (0.0, 4.25, 0.8)),  # on the left rim: x stays
        ([(5, 7, 0.8), (4, 7, 0.5), (5, 6, 0.5)], (5.0, 7.0, 0.8)),  # in the last corner
        ([(0, 0, 0.8), (1, 0, 0.5)], (0.0, 0.0, 0.8)),  # in the first corner
        ([(2, 0, 0.8), (3, 0, 0.5)], (2.25, 0.0, 0.8)),  # on the upper rim: y stays
    ],
)
def test_a_peak_lies_where_it_was_put(cells: list[tuple[int, int, float]], expected: tuple[float, ...]) -> None:
    torch.testing.assert_close(peaks(heat(*cells))[0, 0], torch.tensor(expected))


def test_neighbours_do_not_reach_around_the_rim() -> None:
    made = heat((5, 2, 0.8), (0, 3, 0.7))  # the first cell of the next row follows the last one in memory
    torch.testing.assert_close(peaks(made)[0, 0], torch.tensor([5.0, 2.0, 0.8]))


def test_every_person_and_joint_has_its_own_peak_and_none_is_below_zero() -> None:
    made = torch.full((2, 3, 8, 6), -1.0)
    for person in range(2):
        for joint in range(3):
            made[person, joint, 3 + person, 1 + joint] = 0.1 * (1 + joint) if person else -0.5
    found = peaks(made)
    assert found.shape == (2, 3, 3)
    assert found[:, :, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert found[:, :, 1].tolist() == [[3, 3, 3], [4, 4, 4]]
    torch.testing.assert_close(found[:, :, 2], torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.2, 0.3]]))


def test_colours_are_scaled_and_centred_channel_by_channel() -> None:
    pixels = torch.tensor([0.0, 127.5, 255.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    expected = torch.tensor([0 - 0.406, 0.5 - 0.457, 1 - 0.480])
    torch.testing.assert_close(prepare(pixels)[0, :, 0, 0], expected)


def test_unflipping_swaps_sides_and_moves_one_cell() -> None:
    nose, left, right = (COCO17.joints.index(name) for name in ("nose", "left_wrist", "right_wrist"))
    made = torch.zeros(1, 17, 4, 6)
    made[0, nose, 2, 4] = 1.0
    made[0, left, 1, 1] = 2.0
    back = unflip(made)
    # Column 4 of 6 becomes column 1, then 2; column 1 becomes 4, then 5. The mirror's left wrist is the right one.
    assert back[0, nose, 2].tolist() == [0, 0, 1, 0, 0, 0]
    assert back[0, right, 1].tolist() == [0, 0, 0, 0, 0, 2]
    assert back[0, left].abs().sum() == 0


class Spot(nn.Module):
    """A pose network that marks the brightest pixel, a cell for every four, for the nose alone."""

    def forward(self, x: Tensor) -> Tensor:
        """`(n, 3, H, W)` → `(n, 17, H / 4, W / 4)`."""
        at = x[:, 0].flatten(1).argmax(dim=1)
        made = torch.zeros(len(x), 17, x.shape[2] // 4, x.shape[3] // 4)
        for row, place in enumerate(at.tolist()):
            made[row, 0, place // x.shape[3] // 4, place % x.shape[3] // 4] = 1.0
        return made


@pytest.mark.parametrize("column", [4, 8, 21])
def test_both_looks_of_a_flip_test_meet(column: int) -> None:
    x = torch.zeros(1, 3, 16, 32)
    x[0, 0, 9, column] = 1.0
    found = FlipTested(Spot())(x)[0, 0, 2]
    # Pixel 4: cell 1; mirrored it is pixel 27, cell 6 of 8, back 7 − 6 = 1, and one to the right: 2. One off at most.
    cell = column // 4
    assert found[cell] + found[cell + 1] == 1.0
    assert found[cell] >= 0.5
