"""How fast the film of a run is drawn and encoded, apart from finding and scoring people.

`python -m benchmarks.overlay`: 720p, five people who walk through the demo's street, both forms on the same frames, in
turns. Aim: 60 frames a second.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.plain import overlay as plain
from stages.core.skeleton import COCO17
from stages.live.example import STANDING
from stages.pose.video import frames
from stages.show.overlay import Image, Person, cv2_module
from stages.show.overlay_video import Look, OverlayVideo

SIZE = (1280, 720)
STREET = Path("data/raw/demo/videos/street_train.mp4")


def pictures(count: int) -> list[Image]:
    cv2 = cv2_module()
    return [cv2.resize(image, SIZE)[..., ::-1].copy() for number, image in frames(STREET) if number < count]


def crowd(number: int, people: int = 5) -> list[Person]:
    found = []
    for place in range(people):
        points = STANDING * 1.5 + np.array([100 + 200 * place + 3 * number, 200 + 40 * place])
        keypoints = np.concatenate([points, np.full((17, 1), 0.9)], axis=1).astype(np.float32)
        low, high = points.min(axis=0), points.max(axis=0)
        found.append(Person(keypoints, np.array([*low, *(high - low)]), place, place / people))
    return found


def ours(path: Path, images: list[Image], people: list[list[Person]], fps: int) -> None:
    with OverlayVideo(path, size=SIZE, fps=fps, look=Look(COCO17, 0.8)) as video:
        for number, (image, each) in enumerate(zip(images, people, strict=True)):
            video.add(number, image, each, share=number / len(images), ringing=number > len(images) // 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    images = pictures(chosen.frames)
    people = [crowd(number) for number in range(len(images))]
    took: dict[str, list[float]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(chosen.rounds):
            started = time.perf_counter()
            ours(Path(folder, "ours.mp4"), images, people, 25)
            took["ours"].append(time.perf_counter() - started)
            started = time.perf_counter()
            plain.write(Path(folder, "plain.mp4"), images, people, COCO17, 25)
            took["plain"].append(time.perf_counter() - started)
    for name, seconds in took.items():
        print(f"{name}: {len(images) / statistics.median(seconds):.1f} frames/s")
    ratio = statistics.median(other / own for own, other in zip(took["ours"], took["plain"], strict=True))
    print(f"ratio: {ratio:.2f} x")


if __name__ == "__main__":
    main()
