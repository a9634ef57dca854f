"""Tokens: their order, who sees whom, and which are hidden."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stages.detectors.layers.mgenet.encoder import Encoder, Grid, as_maps, as_tokens, grid_of, masked, over_places
from tests.detectors.layers.mgenet.models import network

GRID = (2, 2, 3)
GRIDS = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(2, 4))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def encoder(grid: Grid = GRID) -> Encoder:
    return Encoder(5, 8, 1, 2, grid).eval()


def test_a_token_is_two_samples_and_eight_pixels_wide() -> None:
    assert grid_of(24, 96, 48) == (12, 12, 6)


@settings(max_examples=25, deadline=None)
@given(GRIDS, st.integers(1, 3), st.integers(1, 3))
def test_maps_and_tokens_are_the_same_numbers(grid: Grid, count: int, channels: int) -> None:
    maps = torch.arange(count * channels * grid[0] * grid[1] * grid[2]).float().reshape(count, channels, *grid)
    assert torch.equal(as_maps(as_tokens(maps), grid), maps)
    time, row, column = grid[0] - 1, grid[1] - 1, 1
    token = (time * grid[1] + row) * grid[2] + column
    assert torch.equal(as_tokens(maps)[:, token], maps[:, :, time, row, column])


def test_the_mean_over_places_by_hand() -> None:
    """Two times of two places, of two channels."""
    tokens = torch.tensor([[[1.0, 10], [3, 20], [5, 0], [7, -2]]])
    assert over_places(tokens, (2, 1, 2)).tolist() == [[[2, 15], [6, -1]]]
    assert over_places(tokens[:, ::2], (2, 1, 2)).tolist() == [[[1, 10], [5, 0]]]  # one place of each time


@settings(max_examples=50, deadline=None)
@given(GRIDS, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_masks_hide_the_same_places_at_all_times(grid: Grid, share: float, seed: int) -> None:
    places = grid[1] * grid[2]
    draws = torch.rand(3, places, generator=torch.Generator().manual_seed(seed))
    left, gone = masked(grid, draws, share)
    for tokens in (left, gone):
        by_time = tokens.reshape(3, grid[0], -1)
        assert torch.equal(by_time % places, by_time[:, :1].expand_as(by_time) % places)
        assert torch.equal(by_time // places, torch.arange(grid[0])[None, :, None].expand_as(by_time))
    both = torch.cat([left, gone], dim=1).sort(dim=1).values
    assert torch.equal(both, torch.arange(grid[0] * places).expand(3, -1))
    hidden = gone.shape[1] // grid[0]
    assert 1 <= hidden < places  # something is always hidden, and something always seen
    assert abs(hidden - share * places) <= 1


def test_half_of_the_places_and_which() -> None:
    """The two with the least draws of four are hidden, at both times."""
    left, gone = masked((2, 2, 2), torch.tensor([[0.3, 0.1, 0.9, 0.2]]), 0.5)
    assert left.tolist() == [[0, 2, 4, 6]]
    assert gone.tolist() == [[1, 3, 5, 7]]


def test_the_masks_of_tests_complement_one_another() -> None:
    net = network()
    left, gone = net.both_masks(3)
    assert left.shape == gone.shape == (3, 8)
    assert sorted([*left[0].tolist(), *gone[0].tolist()]) == list(range(16))
    assert torch.equal(left, left[:1].expand(3, -1))


def changed(tokens: Tensor, *rows: int) -> Tensor:
    other = tokens.clone()
    other[:, list(rows)] = torch.randn(len(tokens), len(rows), tokens.shape[2])
    return other


def test_what_is_hidden_is_not_seen() -> None:
    layers, tokens = encoder(), torch.randn(2, 12, 5)
    kept = torch.tensor([[0, 1, 6, 7], [2, 5, 8, 11]])
    seen = layers(tokens, kept)
    assert seen.shape == (2, 4, 8)
    other = torch.randn_like(tokens)
    other = other.scatter(1, kept[..., None].expand(-1, -1, 5), tokens.gather(1, kept[..., None].expand(-1, -1, 5)))
    assert torch.equal(layers(other, kept), seen)
    assert not torch.allclose(layers(other), layers(tokens))


def test_all_tokens_in_their_order_are_what_none_hidden_is() -> None:
    layers, tokens = encoder(), torch.randn(2, 12, 5)
    torch.testing.assert_close(layers(tokens, torch.arange(12).expand(2, -1)), layers(tokens))


def test_tokens_see_other_places_and_other_times() -> None:
    layers, tokens = encoder(), torch.randn(1, 12, 5)
    before = layers(tokens)
    for row in (1, 11):  # another place of the same time, and another time
        moved = (layers(changed(tokens, row)) - before).abs().amax(dim=2)[0]
        assert bool((moved > 1e-6).all()), row


def test_a_token_is_known_by_its_place() -> None:
    layers = encoder()
    found = layers(torch.ones(1, 12, 5))[0]
    assert torch.cdist(found, found).fill_diagonal_(1).min() > 1e-4


def test_hidden_pixels_change_nothing() -> None:
    """Of the network that learns from pictures: cubes do not overlap."""
    net, films = network(), torch.rand(2, 3, 8, 16, 16)
    left, gone = net.both_masks(2)
    mask = torch.zeros(2, 16).scatter(1, left, 1).reshape(2, 1, 4, 2, 2)
    visible = mask.repeat_interleave(2, 2).repeat_interleave(8, 3).repeat_interleave(8, 4)
    other = torch.where(visible > 0, films, torch.rand_like(films))
    with torch.no_grad():
        assert torch.equal(net.explored(films, left), net.explored(other, left))
        assert not torch.allclose(net.explored(films, gone), net.explored(other, gone))
