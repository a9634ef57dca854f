"""Two single-person pose networks on the same boxes of the same video: how fast, how steady, how much they agree.

    python benchmarks/pose_networks.py data/raw/demo/videos/street_train.mp4 movenet_lightning.onnx movenet_thunder.onnx

There is no ground truth in this: steadiness is the second difference in time of a joint, in heights of the person,
along boxes that follow one another; a network that guesses is not steady.
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import BODY
from stages.pose.estimators import ExtractParams
from stages.pose.movenet import movenet
from stages.pose.nanodet import nanodet
from stages.pose.video import frames

Floats = NDArray[np.float32]


@dataclass
class Run:
    """What one network said, frame by frame.

    Args:
        milliseconds: per box.
        joints: per frame `(n, 17, 3)`.
    """

    milliseconds: list[float] = field(default_factory=list)
    joints: list[Floats] = field(default_factory=list)


def linked(before: Floats, after: Floats) -> dict[int, int]:
    """Rows of `after` by rows of `before`, where two boxes overlap by more than one half."""
    low = np.maximum(before[:, None, :2], after[None, :, :2])
    high = np.minimum(before[:, None, :2] + before[:, None, 2:], after[None, :, :2] + after[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = before[:, 2:].prod(axis=1)[:, None] + after[:, 2:].prod(axis=1)[None]
    overlap = common / (areas - common)
    return {row: int(overlap[row].argmax()) for row in range(len(before)) if len(after) and overlap[row].max() > 0.5}


def threes(boxes: list[Floats]) -> list[tuple[int, int, int, int]]:
    """Boxes that follow one another over three frames: the first's frame, and the row in each."""
    links = [linked(before, after) for before, after in pairwise(boxes)]
    return [
        (frame, first, second, links[frame + 1][second])
        for frame in range(len(links) - 1)
        for first, second in links[frame].items()
        if second in links[frame + 1]
    ]


def unsteadiness(run: Run, boxes: list[Floats], chains: list[tuple[int, int, int, int]]) -> Floats:
    """Second differences of the joints from the shoulders down, `(chains, 12)`, in heights of the person."""
    moves = [
        run.joints[frame][first, BODY, :2]
        - 2 * run.joints[frame + 1][second, BODY, :2]
        + run.joints[frame + 2][third, BODY, :2]
        for frame, first, second, third in chains
    ]
    heights = np.array([boxes[frame + 1][second, 3] for frame, _, second, _ in chains])
    return np.asarray(np.linalg.norm(moves, axis=2) / heights[:, None], dtype=np.float32)


def measure(video: Path, networks: list[Path], count: int) -> tuple[list[Floats], list[Run]]:
    """Run all networks on the strong boxes of a video's first frames, in turn on each frame."""
    params = ExtractParams()
    detector = nanodet(params.strong, params.overlap, params.tile_above)
    posers, runs = [movenet(params.margin, path) for path in networks], [Run() for _ in networks]
    boxes = []
    with closing(frames(video)) as images:
        for _, image in islice(images, count):
            boxes.append(detector(image)[0])
            for poser, run in zip(posers, runs, strict=True):
                start = time.perf_counter()
                run.joints.append(poser(image, boxes[-1]))
                run.milliseconds.append(1e3 * (time.perf_counter() - start) / max(len(boxes[-1]), 1))
    return boxes, runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("video", type=Path)
    parser.add_argument("network", type=Path, nargs=2, help="ONNX files of MoveNet")
    parser.add_argument("--frames", type=int, default=250, help="how many of the video's frames (default 250)")
    given = parser.parse_args()
    boxes, runs = measure(given.video, given.network, given.frames)
    poses = [np.concatenate(run.joints)[:, BODY] for run in runs]
    person = np.min([pose[..., 2].mean(axis=1) for pose in poses], axis=0) >= ExtractParams().least_body
    chains = threes(boxes)
    starts = np.cumsum([0, *map(len, boxes)])
    chains = [
        chain for chain in chains if person[[starts[chain[0] + step] + chain[1 + step] for step in range(3)]].all()
    ]
    print(
        f"{len(boxes)} frames, {len(person)} boxes, {person.sum()} with a body for both, {len(chains)} chains of three"
    )
    for path, run, pose in zip(given.network, runs, poses, strict=True):
        jitter = unsteadiness(run, boxes, chains)
        took, sure = run.milliseconds, pose[person, :, 2].mean()
        print(f"{path.stem:<20}{np.median(took):6.1f} ms per box (lowest {min(took):.1f}), mean confidence {sure:.3f}")
        print(f"{'':<20}unsteadiness: median {np.median(jitter):.4f}, 90 % below {np.quantile(jitter, 0.9):.4f}")
    apart = np.linalg.norm(poses[0][person, :, :2] - poses[1][person, :, :2], axis=2)
    apart /= np.concatenate(boxes)[person, 3][:, None]
    print(
        f"agreement: {(apart < 0.1).mean():.1%} of joints within a tenth of the height, median {np.median(apart):.2%}"
    )


if __name__ == "__main__":
    main()
