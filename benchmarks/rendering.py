"""What a frame of the simulated benchmark costs: painting it, and painting, encoding and storing it with its masks.

    OMP_NUM_THREADS=1 python -m benchmarks.rendering [--people 5] [--frames 200] [--rounds 5]

Prints one row per camera: people about per frame, ms of processor time per frame for painting alone and for the files,
the least of several rounds, kB of video and of masks per second of footage, and s to draw the empty place, once per
camera and process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from stages.simulation.backdrop import backdrop
from stages.simulation.direction import perform
from stages.simulation.filming import film
from stages.simulation.places import PLACES
from stages.simulation.render import RenderParams, render
from stages.simulation.world import Camera, Place, Plan, Take

FPS = 25.0


def measure(place: Place, camera: Camera, people: int, frames: int, rounds: int) -> dict[str, float | str]:
    """One camera's row."""
    plan = Plan("clip", "train", place, camera, FPS, frames, (), people, 7)
    take = Take(plan, perform(plan))
    backdrop.cache_clear()
    empty = _least(lambda: backdrop(place, camera), 1)
    painted = _least(lambda: [picture.image[0, 0] for picture in render(take, RenderParams())], rounds)
    with tempfile.TemporaryDirectory() as folder:
        video, masks = Path(folder) / "clip.mp4", Path(folder) / "clip.npz"
        filmed = _least(lambda: film(take, video, masks), rounds)
        seconds = frames / FPS
        return {
            "camera": camera.name,
            "people": sum(len(actor) for actor in take.actors) / frames,
            "paint ms": 1000 * painted / frames,
            "film ms": 1000 * filmed / frames,
            "video kB/s": video.stat().st_size / 1000 / seconds,
            "masks kB/s": masks.stat().st_size / 1000 / seconds,
            "place s": empty,
        }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure what a rendered frame costs.")
    for name, default in (("people", 5), ("frames", 200), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    rows = [
        measure(place, camera, asked.people, asked.frames, asked.rounds) for place in PLACES for camera in place.cameras
    ]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))


def _least(work: Callable[[], object], rounds: int) -> float:
    """Seconds of processor time of the fastest round."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


if __name__ == "__main__":
    main()
