"""The order of a Kinect's joints, found in the data: `python -m benchmarks.joint_order SET SOURCE [--draw FILE]`.

KARD, UTKinect-Action3D and MSR Action3D document theirs nowhere. Two joints that a bone connects keep their distance,
so the bones are the tree of the least deviations of distance, mean over clips. Prints it beside the bones of our
layout, with the deviations, and draws a mean pose with numbers, by which the joints can be named: the head is up, and a
person who faces the camera has the left side on the picture's right, but for programs that mirror (UTKinect, MSR).
SET is kard, utkinect or msr-action3d, SOURCE the unpacked folder or a zip.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree

from stages.core.skeleton import Layout
from stages.ingest.recipes import kinect_actions
from stages.ingest.recipes.kinect_actions import KARD, MSR_ACTION3D, UTKINECT

SETS = {"kard": KARD, "utkinect": UTKINECT, "msr-action3d": MSR_ACTION3D}


def main() -> None:
    """Print and draw what is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", type=Path)
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args()
    about = SETS[options.set]
    recipe = getattr(kinect_actions, options.set.replace("-", "_"))
    clips = [
        np.concatenate([piece.arrays for piece in clip.poses()]) for clip in recipe(options.source, partial=True)[1]
    ]
    places = [clip[..., :-1] for clip in clips if len(clip) > 1]
    found = deviations(places)
    joints = about.layout
    print(f"{len(places)} clips; deviation of the distance of each pair of joints, mean over clips")
    print("least tree:   ", *(f"{a}-{b} {found[a, b]:.3g}" for a, b in tree(found)))
    print("our bones:    ", *(f"{a}-{b} {found[a, b]:.3g}" for a, b in joints.bones))
    own = {(min(bone), max(bone)) for bone in joints.bones}
    others = [found[a, b] for a in range(len(joints)) for b in range(a) if (b, a) not in own]
    print(f"median of our bones {np.median([found[bone] for bone in own]):.3g}, of other pairs {np.median(others):.3g}")
    if options.draw:
        draw(np.median(np.concatenate(places), axis=0), joints, options.draw, down=about.flat)


def deviations(places: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """`(V, V)` standard deviation of every distance within a clip, mean over clips `(frames, V, coordinates)`."""
    every = [np.linalg.norm(clip[:, :, None] - clip[:, None], axis=-1).std(axis=0) for clip in places]
    return np.asarray(np.mean(every, axis=0), dtype=np.float64)


def tree(found: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs that connect all joints with the least deviations."""
    edges = minimum_spanning_tree(found).tocoo()
    return sorted((min(a, b), max(a, b)) for a, b in zip(edges.row.tolist(), edges.col.tolist(), strict=True))


def draw(pose: NDArray[np.float32], joints: Layout, path: Path, *, down: bool) -> None:
    """A pose `(V, ≥ 2)` with our bones and every joint's number and name."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 9))
    for a, b in joints.bones:
        axes.plot(pose[[a, b], 0], pose[[a, b], 1], color="#888")
    for number, name in enumerate(joints.joints):
        axes.plot(*pose[number, :2], "o", color="#B24C00" if name.startswith("left") else "#1F5FA8")
        axes.annotate(f"{number} {name}", (float(pose[number, 0]), float(pose[number, 1])), fontsize=8)
    axes.set_aspect("equal")
    if down:
        axes.invert_yaxis()
    figure.savefig(path, dpi=60)


if __name__ == "__main__":
    main()
