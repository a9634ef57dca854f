"""The order of a Kinect's joints, found in the data: `python -m benchmarks.joint_order SET SOURCE [--draw FILE]`.

KARD, UTKinect-Action3D and MSR Action3D document theirs nowhere. SET is kard, utkinect or msr-action3d, SOURCE the
unpacked folder or a zip; KARD's pixels and depths are brought to metres first. Found in three steps:

* Bones. Two joints that a bone connects keep their distance: the pairs that connect all joints with the least
  deviations, mean over clips, hold every bone of arms and legs. Within the trunk, which hardly bends, several pairs are
  about equally good, and it is the place that says which joint is which.
* Names, by place: `--draw` draws the median pose with numbers; the head is up, hands and feet end a chain.
* Sides. Up × forward (from ankles to toes) points to the left, where axes are right-handed. Most people act with the
  right hand, and those of MSR Action3D were asked to (Li et al. 2010, section 5): printed is in which share of an
  action's clips the right hand, and the right foot, moves more. Left lies on the picture's right, unless the program
  mirrors it, as that of UTKinect and MSR Action3D does.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree

from stages.core.skeleton import Layout
from stages.ingest.files import open_files
from stages.ingest.recipes.kinect_actions import (
    FOCAL,
    KARD,
    MSR_ACTION3D,
    NAMES,
    SIZE,
    UTKINECT,
    ActionSet,
    listed,
    read_rows,
)

SETS = {"kard": KARD, "utkinect": UTKINECT, "msr-action3d": MSR_ACTION3D}
LIMBS = ("elbow", "wrist", "hand", "knee", "ankle", "foot")
Floats = NDArray[np.float64]


def main() -> None:
    """Print and draw what is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", type=Path)
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args()
    about = SETS[options.set]
    joints, clips = about.layout, in_metres(options.source, about)
    found = deviations(list(clips.values()))
    print(f"{len(clips)} clips; deviation of the distance of pairs of joints in mm, mean over clips")
    print("least tree:          ", *(f"{a}-{b} {1000 * found[a, b]:.1f}" for a, b in tree(found)))
    print("our bones:           ", *(f"{a}-{b} {1000 * found[a, b]:.1f}" for a, b in joints.bones))
    missing = sorted(limbs(joints) - set(tree(found)))
    print(f"arms and legs: {len(limbs(joints))} bones, not in the tree: {missing or 'none'}")
    every = np.concatenate(list(clips.values()))
    print("lengths in cm, left and right:", *(f"{name} {a:.1f} {b:.1f}" for name, (a, b) in lengths(every, joints)))
    print(f"from feet to head: {height(every, joints):.2f} m")
    if "left_ankle" in joints.joints:
        print(f"up × forward points to the left: {100 * leftness(every, joints):.1f} % of frames")
    for action, hand, foot in sides(clips, joints):
        print(f"right moves more: hand {100 * hand:3.0f} %, foot {100 * foot:3.0f} %  {about.actions[action - 1]}")
    if options.draw:
        draw(np.median(every, axis=0), joints, options.draw)


def in_metres(source: Path, about: ActionSet) -> dict[str, Floats]:
    """`(frames, V, 3)` of each clip, metres, y up, without frames that show nobody; clips of two frames or more."""
    files, found = open_files(source), {}
    for name, path in listed(about, files).items():
        rows = read_rows(files.read(path), about, files.where(path))
        rows = rows[(rows != 0).any(axis=(1, 2))][..., :3]
        if about.flat:
            depth = rows[..., 2:] / 1000
            centred = (rows[..., :2] - np.array(SIZE) / 2) * (1, -1) / FOCAL
            rows = np.concatenate([centred * depth, depth], axis=-1)
        if len(rows) > 1:
            found[name] = rows
    return found


def deviations(places: Sequence[Floats]) -> Floats:
    """`(V, V)` standard deviation of every distance within a clip, mean over clips `(frames, V, 3)`."""
    every = [np.linalg.norm(clip[:, :, None] - clip[:, None], axis=-1).std(axis=0) for clip in places]
    return np.asarray(np.mean(every, axis=0), dtype=np.float64)


def tree(found: Floats) -> list[tuple[int, int]]:
    """The pairs that connect all joints with the least deviations."""
    # A micrometre more: SciPy takes what is below 1e-8 for no edge, and a distance that never changes is a bone.
    edges = minimum_spanning_tree(found + 1e-6).tocoo()
    return sorted((min(a, b), max(a, b)) for a, b in zip(edges.row.tolist(), edges.col.tolist(), strict=True))


def limbs(joints: Layout) -> set[tuple[int, int]]:
    """Bones of arms and legs."""
    return {(min(bone), max(bone)) for bone in joints.bones if joints.joints[max(bone)].endswith(LIMBS)}


def lengths(every: Floats, joints: Layout) -> list[tuple[str, tuple[float, float]]]:
    """Median length in cm of each left bone of arms and legs, and of its right counterpart."""
    found = []
    for a, b in sorted(limbs(joints)):
        if joints.joints[b].startswith("left"):
            pairs = ((a, b), (joints.mirror[a], joints.mirror[b]))
            left, right = (100 * float(np.median(np.linalg.norm(every[:, i] - every[:, j], axis=-1))) for i, j in pairs)
            found.append((joints.joints[b].removeprefix("left_"), (left, right)))
    return found


def height(every: Floats, joints: Layout) -> float:
    """Median height in m of the head's middle over the feet."""
    feet = [joints.joints.index(f"{side}_foot") for side in ("left", "right")]
    return float(np.median(every[:, joints.joints.index("head"), 1] - every[:, feet, 1].mean(axis=1)))


def leftness(every: Floats, joints: Layout) -> float:
    """Share of frames in which up × forward points from the right shoulder to the left one."""
    at = {name: every[:, number] for number, name in enumerate(joints.joints)}
    forward = at["left_foot"] - at["left_ankle"] + at["right_foot"] - at["right_ankle"]
    left = np.cross(at["neck"] - at["middle_of_hips"], forward)
    return float(((left * (at["left_shoulder"] - at["right_shoulder"])).sum(axis=-1) > 0).mean())


def sides(clips: Mapping[str, Floats], joints: Layout) -> list[tuple[int, float, float]]:
    """By action, in which share of its clips the right hand, and the right foot, goes the longer way past the neck."""
    index = [joints.joints.index(f"{side}_{end}") for end in ("hand", "foot") for side in ("left", "right")]
    more: dict[int, list[tuple[bool, bool]]] = {}
    for name, places in clips.items():
        steps = np.diff(places[:, index] - places[:, [joints.joints.index("neck")]], axis=0)
        ways = np.linalg.norm(steps, axis=-1).sum(axis=0)
        action = int(NAMES.fullmatch(name)[1])  # type: ignore[index]
        more.setdefault(action, []).append((bool(ways[1] > ways[0]), bool(ways[3] > ways[2])))
    return [(action, *np.mean(found, axis=0).tolist()) for action, found in sorted(more.items())]


def draw(pose: Floats, joints: Layout, path: Path) -> None:
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
    figure.savefig(path, dpi=60)


if __name__ == "__main__":
    main()
