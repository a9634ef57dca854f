"""What RBDC and TBDC cost at ShanghaiTech's size, against their plain form.

    python -m benchmarks.regions LABELS               # 100,000 detections, both forms
    python -m benchmarks.regions LABELS --replicates 1000

LABELS is a folder with `shanghaitech_test_masks_abn1.npz` (one array of frame labels per clip) and
`shanghaitech_tracks/CLIP.txt` (track, frame, x1, y1, x2, y2). Detections are made up: some near labelled regions with
scores that are higher on average, the rest anywhere. Everything runs on one thread, from tables to figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.plain import regions as plain
from stages.evaluation.regions import RegionRanking, rbdc_tbdc

BOX = ["x1", "y1", "x2", "y2"]
SIZE = np.array([856, 480])
"""Width and height of ShanghaiTech's pictures, px."""

Found = TypeVar("Found")


def labels(folder: Path) -> tuple[dict[str, int], pd.DataFrame]:
    """Frames of each clip, and the labelled regions."""
    with np.load(folder / "shanghaitech_test_masks_abn1.npz") as masks:
        frames = {clip: len(masks[clip]) for clip in masks.files}
    columns = ["track", "frame", *BOX]
    files = sorted((folder / "shanghaitech_tracks").glob("*.txt"))
    tables = [pd.read_csv(file, names=columns).assign(clip=file.stem) for file in files]
    return frames, pd.concat(tables, ignore_index=True)


def made_up(frames: dict[str, int], regions: pd.DataFrame, count: int, seed: int = 0) -> pd.DataFrame:
    """Detections of random people, every tenth near a labelled region."""
    random = np.random.default_rng(seed)
    near = regions.sample(count // 10, replace=True, random_state=seed)
    hits = near[["clip", "frame"]].assign(**(near[BOX] + random.normal(0, 15, (len(near), 4))))
    hits[["x2", "y2"]] = np.maximum(hits[["x1", "y1"]].to_numpy() + 1, hits[["x2", "y2"]].to_numpy())
    clip = random.choice(list(frames), count - len(near), p=np.array([*frames.values()]) / sum(frames.values()))
    corner, size = random.uniform(0, SIZE * 0.9, (len(clip), 2)), random.uniform(10, 120, (len(clip), 2))
    frame = [random.integers(frames[name]) for name in clip]
    boxes = pd.DataFrame(np.hstack([corner, corner + size]), columns=BOX)
    others = pd.concat([pd.DataFrame({"clip": clip, "frame": frame}), boxes], axis=1)
    score = np.concatenate([random.normal(1, 1, len(hits)), random.normal(0, 1, len(others))])
    return pd.concat([hits, others], ignore_index=True).assign(score=score.round(4))


def timed(work: Callable[[], Found], rounds: int = 1) -> tuple[Found, float]:
    """What the work gives, and the seconds of its best round."""
    shortest = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        found = work()
        shortest = min(shortest, time.perf_counter() - start)
    return found, shortest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("labels", type=Path)
    parser.add_argument("--detections", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the fast form, the best of which counts")
    parser.add_argument("--replicates", type=int, default=0, help="weightings of the clips to time as well")
    given = parser.parse_args()
    frames, regions = labels(given.labels)
    detections, total = made_up(frames, regions, given.detections), sum(frames.values())
    print(f"{len(detections)} detections, {len(regions)} regions, {total} frames, {len(frames)} clips")
    expected, slow = timed(lambda: plain.rbdc_tbdc(detections, regions, total))
    metrics, fast = timed(lambda: rbdc_tbdc(detections, regions, total), given.rounds)
    found = (metrics.rbdc or 0.0, metrics.tbdc or 0.0)
    print(f"plain  RBDC {expected[0]:.12f}  TBDC {expected[1]:.12f}  {slow:8.3f} s")
    print(f"ours   RBDC {found[0]:.12f}  TBDC {found[1]:.12f}  {fast:8.3f} s  {slow / fast:.0f}×")
    print(f"they differ by {np.abs(np.subtract(found, expected)).max():.1e}")
    if given.replicates:
        weights = np.random.default_rng(0).multinomial(len(frames), [1 / len(frames)] * len(frames), given.replicates)
        ranking = RegionRanking(detections, regions, frames)
        _, spent = timed(lambda: ranking.figures(weights.astype(np.float64)))
        print(f"{given.replicates} weightings of the clips: {spent:.3f} s")


if __name__ == "__main__":
    main()
