"""Graphs over joints: hop distances and the adjacency matrices that graph convolutions mix joints with.

Source: Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks" (ST-GCN), AAAI 2018, section 3.3, and
Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection" (STG-NF), ICCV 2023, supplement, section 10.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout

Strategy = Literal["uniform", "distance", "spatial", "identity"]


def hops(layout: Layout) -> NDArray[np.float64]:
    """Bones on the shortest way between every two joints, `(V, V)`; infinite where there is none."""
    joints = len(layout)
    distance = np.full((joints, joints), np.inf)
    np.fill_diagonal(distance, 0)
    for a, b in layout.bones:
        distance[a, b] = distance[b, a] = 1
    for between in range(joints):  # Floyd and Warshall
        distance = np.minimum(distance, distance[:, between, None] + distance[None, between])
    return distance


def adjacency(layout: Layout, strategy: Strategy, max_hop: int) -> NDArray[np.float64]:
    """The matrices of one partition strategy; together they hold every pair of joints within `max_hop` once.

    Args:
        layout: joints, bones and the centre joint.
        strategy: `uniform`: one matrix. `distance`: one per hop. `spatial`: per hop, pairs that do not lead away from
            the centre and pairs that do (at hop 0 the joints themselves). `identity`: each joint alone.
        max_hop: pairs further apart do not see each other; 8 joins all joints of openpose18.

    Returns:
        `(K, V, V)`; element `[k, v, w]` is the weight with which joint `v` reaches joint `w`. Columns of the sum over
        `k` are averages: they add up to 1.
    """
    if strategy == "identity":
        return np.eye(len(layout))[None]
    distance = hops(layout)
    linked = (distance <= max_hop).astype(np.float64)
    weights: NDArray[np.float64] = linked / linked.sum(axis=0)
    if strategy == "uniform":
        return weights[None]
    if strategy == "distance":
        return np.stack([weights * (distance == hop) for hop in range(max_hop + 1)])
    return np.stack(_spatial(weights, distance, layout.centre, max_hop))


def _spatial(
    weights: NDArray[np.float64], distance: NDArray[np.float64], centre: int, max_hop: int
) -> list[NDArray[np.float64]]:
    """Hop 0; then per hop the pairs `[v, w]` with `v` at least as far from the centre as `w`, and the others.

    As in ST-GCN, distances to the centre are known up to `max_hop` only: joints beyond it count as equally far.
    """
    away = np.minimum(distance[:, centre], max_hop + 1)
    not_nearer = away[:, None] >= away[None]
    parts = [weights * (distance == 0)]
    for hop in range(1, max_hop + 1):
        at_hop = weights * (distance == hop)
        parts += [at_hop * not_nearer, at_hop * ~not_nearer]
    return parts
