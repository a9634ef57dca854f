"""How fast a video becomes poses, and which part of the work takes how long.

    python benchmarks/extraction.py data/raw/demo/videos/street_train.mp4

Parts are measured in turn on the same frames, and the best of several rounds is given: what the machine can do when
nothing else runs on it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.pose.estimators import ExtractParams
from stages.pose.movenet import movenet, nanodet_movenet
from stages.pose.nanodet import nanodet
from stages.pose.parallel import people
from stages.pose.video import frames

Frames = list[tuple[int, NDArray[np.uint8]]]


def seconds(work: Callable[[], Iterable[object]]) -> float:
    """Wall time of working through everything `work` yields."""
    start = time.perf_counter()
    for _ in work():
        pass
    return time.perf_counter() - start


def measure(video: Path, count: int, rounds: int, params: ExtractParams) -> dict[str, float]:
    """Frames per second of each part, alone and together, by name."""
    with closing(frames(video)) as decoded:
        images: Frames = list(islice(decoded, count))
    find, detector, poser = (
        nanodet_movenet(params, params.section()),
        nanodet(params.weak, params.overlap, params.tile_above),
        movenet(params.margin),
    )
    boxes = [detector(image)[0] for _, image in images]
    print(f"{video.name}: {len(images)} frames, {np.mean([len(found) for found in boxes]):.1f} boxes per frame")
    parts: dict[str, Callable[[], Iterable[object]]] = {
        "decoding alone": lambda: islice(frames(video), count),
        "detector alone, 1 thread": lambda: (detector(image) for _, image in images),
        "poses alone, 1 thread": lambda: (poser(image, found) for (_, image), found in zip(images, boxes, strict=True)),
        "all, 1 worker": lambda: people(find, islice(frames(video), count), 1),
        "all, 2 workers": lambda: people(find, islice(frames(video), count), 2),
    }
    best = dict.fromkeys(parts, float("inf"))
    for _ in range(rounds):
        for name, work in parts.items():
            best[name] = min(best[name], seconds(work))
    return {name: len(images) / least for name, least in best.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=40, help="how many of the video's frames (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each part (default 3)")
    parser.add_argument("--tile-above", type=int, default=ExtractParams().tile_above, help="as extract.tile_above; px")
    given = parser.parse_args()
    for name, rate in measure(
        given.video, given.frames, given.rounds, ExtractParams(tile_above=given.tile_above)
    ).items():
        print(f"{name:<26}{rate:8.2f} frames/s")


if __name__ == "__main__":
    main()
