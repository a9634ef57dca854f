"""Hop distances and adjacency matrices, on a chain of three joints and against reference matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.skeleton import LAYOUTS, OPENPOSE18, Layout
from stages.detectors.layers.graph import Strategy, adjacency, hops

CHAIN = Layout("chain", ("a", "b", "c"), bones=((0, 1), (1, 2)), mirror=(0, 1, 2), centre=0)
"""a – b – c, seen from a."""


def test_hops_count_bones() -> None:
    np.testing.assert_array_equal(hops(CHAIN), [[0, 1, 2], [1, 0, 1], [2, 1, 0]])


def test_hops_are_infinite_where_no_bones_lead() -> None:
    islands = Layout("islands", ("a", "b"), bones=(), mirror=(0, 1), centre=0)
    assert hops(islands)[0, 1] == np.inf


def test_uniform_averages_over_the_joints_within_reach() -> None:
    # b sees all three joints, a and c only two; columns are averages.
    wanted = np.array([[1 / 2, 1 / 3, 0], [1 / 2, 1 / 3, 1 / 2], [0, 1 / 3, 1 / 2]])
    np.testing.assert_allclose(adjacency(CHAIN, "uniform", 1), wanted[None])


def test_distance_has_a_matrix_per_hop() -> None:
    found = adjacency(CHAIN, "distance", 2)
    np.testing.assert_allclose(found[0], np.eye(3) / 3)
    np.testing.assert_allclose(found[2], np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]]) / 3)


def test_spatial_separates_what_comes_from_outside_and_from_the_centre() -> None:
    found = adjacency(CHAIN, "spatial", 2)
    assert found.shape == (5, 3, 3)
    inward = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]]) / 3  # b reaches a, c reaches b
    np.testing.assert_allclose(found[1], inward)
    np.testing.assert_allclose(found[2], inward.T)


def test_identity_leaves_joints_alone() -> None:
    np.testing.assert_array_equal(adjacency(CHAIN, "identity", 8), np.eye(3)[None])


@pytest.mark.parametrize("strategy", ["uniform", "distance", "spatial", "identity"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("max_hop", [1, 3, 8])
def test_columns_are_averages_and_every_pair_stands_once(layout: Layout, strategy: Strategy, max_hop: int) -> None:
    found = adjacency(layout, strategy, max_hop)
    np.testing.assert_allclose(found.sum(axis=0).sum(axis=0), 1)
    assert ((found > 0).sum(axis=0) <= 1).all()


@pytest.mark.oracle
@pytest.mark.parametrize("strategy", ["uniform", "distance", "spatial"])
@pytest.mark.parametrize("max_hop", [1, 2, 8])
def test_equals_the_reference_matrices(shared: Path, strategy: Strategy, max_hop: int) -> None:
    reference = np.load(shared / "oracles" / "graph_oracle.npz")
    np.testing.assert_allclose(adjacency(OPENPOSE18, strategy, max_hop), reference[f"{strategy}_{max_hop}"], atol=1e-12)
    np.testing.assert_array_equal(hops(OPENPOSE18), reference["hop_dis_8"])


@pytest.mark.oracle
def test_equals_the_reference_partition_of_another_skeleton(shared: Path) -> None:
    # The 24 bones of NTU RGB+D, numbered from 1 as in its documentation; joint 21 is the spine's middle.
    bones = (
        "1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19 "
        "22-23 23-8 24-25 25-12"
    )
    pairs = tuple((int(a) - 1, int(b) - 1) for a, b in (bone.split("-") for bone in bones.split()))
    ntu = Layout("ntu25", tuple(f"joint_{number}" for number in range(25)), pairs, tuple(range(25)), centre=20)
    reference = np.load(shared / "oracles" / "graph_oracle.npz")["ntu_spatial_1"]
    np.testing.assert_allclose(adjacency(ntu, "spatial", 1), reference, atol=1e-12)
