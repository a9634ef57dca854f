"""Deep embedded clustering: soft assignments, their targets, the divergence, and where centres start.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 3.3,
equations 1 to 3; Xie, Girshick and Farhadi, "Unsupervised Deep Embedding for Clustering Analysis", ICML 2016.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.errors import TrainingError
from stages.core.seeding import derive, stream

ITERATIONS = 30
"""Of k-means, as released."""
ALIVE = 1e-3
"""Share of all assignments below which a cluster counts as dead."""


def assign(z: Tensor, centres: Tensor, kind: str) -> Tensor:
    """Soft assignment of latent vectors to clusters; rows add up to 1.

    Args:
        z: `(N, Z)`.
        centres: `(K, Z)`: centres of `student_t`, the vectors θ of `softmax` (eq. 1).
        kind: which of the two.

    Returns:
        `(N, K)`.
    """
    if kind == "softmax":
        return torch.softmax(z @ centres.t(), dim=1)
    near = 1 / (1 + squared_distances(z, centres))
    return near / near.sum(dim=1, keepdim=True)


def squared_distances(z: Tensor, centres: Tensor) -> Tensor:
    """`(N, K)`, by one product: differences of `(N, K, Z)` would not fit a cache."""
    found = z.square().sum(dim=1, keepdim=True) + centres.square().sum(dim=1) - 2 * (z @ centres.t())
    return found.clamp_(min=0) if not found.requires_grad else found.clamp(min=0)


def sharpened(q: Tensor, mass: Tensor | None = None) -> Tensor:
    """Target distribution: sure assignments become surer, large clusters do not grow.

    Args:
        q: `(N, K)` assignments.
        mass: `(K,)` sums of assignments over the windows that count; None takes those of `q`.
    """
    held = q.sum(dim=0) if mass is None else mass
    weight = q.square() / held.clamp(min=torch.finfo(q.dtype).tiny)  # a cluster that no window of a batch is in
    return weight / weight.sum(dim=1, keepdim=True)


def divergence(q: Tensor, target: Tensor, kind: str) -> Tensor:
    """Kullback-Leibler divergence summed over windows, nats.

    Args:
        q: `(N, K)` the model's assignments.
        target: `(N, K)`; no gradient flows through it.
        kind: `target_from_model`: KL(target ‖ q); `model_from_target`: KL(q ‖ target).
    """
    least = torch.finfo(q.dtype).tiny
    q, target = q.clamp(min=least), target.clamp(min=least)
    first, second = (target, q) if kind == "target_from_model" else (q, target)
    return (first * (first.log() - second.log())).sum()


def start(z: NDArray[np.float32], clusters: int, kind: str, seed: int) -> NDArray[np.float32]:
    """Centres to start from, `(K, Z)`.

    Args:
        z: `(N, Z)` latent vectors of training windows.
        clusters: K.
        kind: `kmeans` or `random`.
        seed: of either.

    Raises:
        TrainingError: fewer windows than clusters.
    """
    if len(z) < clusters:
        raise TrainingError(
            f"{len(z)} training windows are to make {clusters} clusters",
            fix="add training footage, lower the window spec's stride_train, or ask for fewer clusters",
        )
    if kind == "random":
        return z[stream(seed, "gepc", "centres").choice(len(z), clusters, replace=False)]
    from sklearn.cluster import KMeans

    means = KMeans(clusters, n_init=1, max_iter=ITERATIONS, random_state=derive(seed, "gepc", "kmeans") % 2**32)
    found: NDArray[np.float32] = means.fit(z).cluster_centers_.astype(np.float32)
    return found


def alive(q: NDArray[np.float32]) -> int:
    """How many clusters any windows are assigned to.

    Raises:
        TrainingError: all windows are in one cluster, which tells nothing.
    """
    count = int((q.mean(axis=0) > ALIVE).sum())
    if count < 2:
        raise TrainingError(
            f"all but one of {q.shape[1]} clusters have died",
            fix="ask for fewer clusters, lower cluster_rate or cluster_weight, or set cluster_epochs to 0",
        )
    return count
