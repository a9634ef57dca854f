"""What the recognisers need to know of a skeleton: its bones, which way they lead, who is how far from whom.

Source: Shi, Zhang, Cheng and Lu, "Two-Stream Adaptive Graph Convolutional Networks" (2s-AGCN), CVPR 2019, section 3.5
(bones); Liu et al., "Disentangling and Unifying Graph Convolutions" (MS-G3D), CVPR 2020, sections 3.2 and 3.3
(disentangled adjacency).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError, TrainingError
from stages.core.skeleton import Layout
from stages.core.skeleton import layout as joint_layout
from stages.detectors.base import Form
from stages.detectors.layers.graph import hops


@dataclass(frozen=True)
class Task:
    """What a recogniser is to tell apart.

    Args:
        layout: joints and bones.
        channels: names of the C channels.
        classes: how many there are.
    """

    layout: Layout
    channels: tuple[str, ...]
    classes: int

    @classmethod
    def of(cls, form: Form, classes: int) -> Self:
        """The task of windows of this form.

        Raises:
            TrainingError: their layout is unknown, has no bones, or has another number of joints.
        """
        fix = "choose a window spec whose layout stages/core/skeleton.py knows, with bones"
        try:
            layout = joint_layout(form.layout)
        except DatasetError as error:
            raise TrainingError(error.what, fix=fix) from error
        if not layout.bones:
            raise TrainingError(f"layout {layout.name} has no bones, and a graph network needs them", fix=fix)
        if len(layout) != form.joints:
            raise TrainingError(f"windows of {form.joints} joints are not of layout {layout.name}", fix=fix)
        return cls(layout, form.channels, classes)


def parents(layout: Layout) -> NDArray[np.int64]:
    """For each joint the one at the other end of its bone towards the centre, `(V,)`; the centre is its own.

    Where several bones lead there equally fast, the joint of the lowest number is taken.

    Raises:
        TrainingError: no bones lead from some joints to the centre.
    """
    distance = hops(layout)
    away = distance[:, layout.centre]
    lost = [name for name, far in zip(layout.joints, away, strict=True) if not np.isfinite(far)]
    if lost:
        raise TrainingError(
            f"no bones of layout {layout.name} lead to {layout.joints[layout.centre]} from {', '.join(lost)}",
            fix="take streams: joint, or a window spec of another layout",
        )
    nearer = (distance == 1) & (away[None] < away[:, None])  # [joint, parent]
    found: NDArray[np.int64] = nearer.argmax(axis=1)
    found[layout.centre] = layout.centre
    return found


def disentangled(distance: NDArray[np.float64], scales: int) -> NDArray[np.float64]:
    """One matrix per hop 0 … `scales` that links nodes exactly so far apart, and each with itself.

    Section 3.2, equation 3, normalized on both sides as in equation 4.

    Args:
        distance: `(M, M)` hops between nodes.
        scales: K, the largest hop.

    Returns:
        `(K + 1, M, M)`, symmetric. A hop that nothing is apart leaves the identity.
    """
    links = np.stack([(distance == hop) | (distance == 0) for hop in range(scales + 1)]).astype(np.float64)
    root = 1 / np.sqrt(links.sum(axis=-1))
    normalized: NDArray[np.float64] = root[:, :, None] * links * root[:, None]
    return normalized


def window_hops(distance: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Hops in the graph of a few samples, where a joint touches itself and its neighbours in each of them.

    Section 3.3, equation 5: every block of the adjacency is the skeleton's, self-loops included.

    Args:
        distance: `(V, V)` hops in the skeleton.
        samples: τ.

    Returns:
        `(τV, τV)`, sample-major.
    """
    tiled = np.tile(distance, (samples, samples))
    tiled[(tiled == 0) & ~np.eye(len(tiled), dtype=bool)] = 1  # the same joint in another sample
    return tiled
