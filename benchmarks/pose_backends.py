"""How fast each pose backend that can run here turns frames into people.

    python -m benchmarks.pose_backends data/raw/demo/videos/street_train.mp4
    python -m benchmarks.pose_backends data/raw/demo/videos/street_train.mp4 --detect-every 1 2 3 5
    python -m benchmarks.pose_backends data/raw/demo/videos/street_train.mp4 --device cuda

With `--detect-every` the default backend is measured, and how many of the people found with every frame detected are
found again: poses of an object keypoint similarity above one half. With `--device` YOLOX and FastPose are measured with
made weights, which see nobody where somebody is: a given number of boxes is handed to the pose network instead. The
plain form is float32 and one crop at a time, as a first script would have it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stages.pose.alphapose.backend import AlphaPose
from stages.pose.alphapose.checkpoints import NETWORKS, skeleton
from stages.pose.alphapose.detector import YoloxDetector
from stages.pose.alphapose.engine import Engine, put
from stages.pose.alphapose.heatmaps import peaks, prepare
from stages.pose.alphapose.poser import FastPoser
from stages.pose.base import Estimator, Floats, Image, People, PeopleParams
from stages.pose.duplicates import similarity
from stages.pose.estimators import ExtractParams
from stages.pose.movenet import nanodet_movenet
from stages.pose.parallel import people
from stages.pose.video import frames

Frames = list[tuple[int, NDArray[np.uint8]]]


@dataclass(frozen=True)
class HandedOut:
    """A detector that does its work, and gives the same boxes whatever it found.

    Args:
        detector: the one that works.
        boxes: `(n, 4)`.
    """

    detector: YoloxDetector
    boxes: Floats

    @property
    def engine(self) -> Engine:
        """As in `YoloxDetector`."""
        return self.detector.engine

    def several(self, images: list[Image]) -> list[tuple[Floats, Floats]]:
        """As in `YoloxDetector`."""
        self.detector.several(images)
        return [(self.boxes, np.full(len(self.boxes), 0.9, np.float32)) for _ in images]


def made(name: str) -> torch.nn.Module:
    """A network with random weights of the size that keeps its activations in range."""
    network = skeleton(name).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for key, tensor in network.state_dict().items():
        if tensor.dim() > 1:
            tensor.normal_(0, tensor[0].numel() ** -0.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.fill_(1.0 if key.endswith(("weight", "running_var")) else 0.0)
    return network.eval()


def alphapose(networks: tuple[str, str], device: str, crowd: int, *, plain: bool) -> AlphaPose:
    """YOLOX and FastPose with made weights; the plain form takes one frame and one crop at a time, in float32."""
    half = False if plain else "auto"
    detector = put(made(networks[0]), device, half, 1 if plain else 8)  # type: ignore[arg-type]
    poser = put(made(networks[1]), device, half, 1 if plain else 64, prepare, peaks)  # type: ignore[arg-type]
    boxes = np.array([[40.0 * at, 100, 40, 100] for at in range(crowd)], np.float32)
    handed = HandedOut(YoloxDetector(detector, 640, 0.1, 0.6, None), boxes)
    params = PeopleParams(least_body=0, same=1)
    return AlphaPose(handed, FastPoser(poser), params, "made weights", 1 if plain else 16)  # type: ignore[arg-type]


def rate(find: Estimator, images: Frames, threads: int | None, rounds: int) -> tuple[float, list[People]]:
    """Frames per second, the best of several rounds, and the people of the last one."""
    best, found = float("inf"), []
    for _ in range(rounds):
        start = time.perf_counter()
        found = [crowd for _, crowd in people(find, images, threads)]
        best = min(best, time.perf_counter() - start)
    return len(images) / best, found


def found_again(exact: list[People], other: list[People], least: float) -> float:
    """Share of the people at or above a score that the other run holds too."""
    hits = [
        bool((row > 0.5).any())
        for one, two in zip(exact, other, strict=True)
        for row, score in zip(_similar(one, two), one.scores, strict=True)
        if score >= least
    ]
    return float(np.mean(hits))


def _similar(one: People, two: People) -> Floats:
    poses, boxes = (np.concatenate([getattr(one, name), getattr(two, name)]) for name in ("keypoints", "boxes"))
    return similarity(poses, boxes)[: len(one), len(one) :]


def measure_carrying(images: Frames, every: list[int], rounds: int) -> None:
    """Print speed and agreement of the default backend for each interval between detections."""
    exact: list[People] = []
    base = 0.0
    for number in sorted({1, *every}):
        params = ExtractParams(detect_every=number)
        find = nanodet_movenet(params, params.section())
        speed, found = rate(find, images, None, rounds)
        if number == 1:
            exact, base = found, speed
        again, sure = found_again(exact, found, 0.0), found_again(exact, found, ExtractParams().strong)
        print(
            f"detect_every {number}: {speed:6.2f} frames/s, × {speed / base:.2f}; "
            f"found again {again:.1%} of all, {sure:.1%} of the strong"
        )


def measure_alphapose(images: Frames, names: tuple[str, str], device: str, crowd: int, rounds: int) -> None:
    """Print the speed of YOLOX and FastPose in both forms."""
    speeds = {}
    forms: dict[str, Callable[[], AlphaPose]] = {
        "plain": lambda: alphapose(names, device, crowd, plain=True),
        "batched": lambda: alphapose(names, device, crowd, plain=False),
    }
    for form, make in forms.items():
        find = make()
        rate(find, images[:16], 1, 1)  # the first calls load kernels
        speeds[form], _ = rate(find, images, 1 if form == "plain" else None, rounds)
        print(f"{' + '.join(names)}, {form:<8} {find.detector.engine.name}: {speeds[form]:8.2f} frames/s")
    print(f"batched is × {speeds['batched'] / speeds['plain']:.1f} of plain, {crowd} people a frame")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=100, help="how many of the video's frames (default 100)")
    parser.add_argument("--rounds", type=int, default=2, help="measurements of each (default 2)")
    parser.add_argument("--detect-every", type=int, nargs="+", default=[], metavar="N")
    parser.add_argument("--device", help="measure YOLOX and FastPose on cpu, cuda …")
    parser.add_argument("--detector", choices=[name for name in NETWORKS if "yolox" in name], default="yolox_x")
    parser.add_argument("--pose", choices=[name for name in NETWORKS if "fastpose" in name], default="fastpose_50")
    parser.add_argument("--people", type=int, default=8, help="crops per frame for made weights (default 8)")
    given = parser.parse_args()
    with closing(frames(given.video)) as decoded:
        images: Frames = list(islice(decoded, given.frames))
    print(f"{given.video.name}: {len(images)} frames")
    if given.device:
        measure_alphapose(images, (given.detector, given.pose), given.device, given.people, given.rounds)
    else:
        measure_carrying(images, given.detect_every, given.rounds)


if __name__ == "__main__":
    main()
