"""How much of the training footage windows of several lengths can see.

    python -m benchmarks.window_coverage data/tracks/demo/street_train.parquet --fps 10

Prints, per length in samples at 10 per second: windows, and the share of tracked appearances that lie in at least one
window. What lies in none can never be scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from stages.core.cutting import cut, resample
from stages.core.schemas import TRACKS
from stages.core.tables import read
from stages.core.windows import WindowSpec


def main() -> None:
    """Cut one clip's tracks into windows of each length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4, 8, 12, 16, 24])
    args = parser.parse_args()
    tracks = read(args.tracks, TRACKS)
    people, frames = (tracks.frame[name].to_numpy(dtype=np.int64) for name in ("track", "frame"))
    for length in args.lengths:
        spec = WindowSpec(length=length, rate=10.0)
        entries = resample(people, frames, tracks.arrays, spec, args.fps)
        start, _ = cut(entries, spec, 1)
        seen = np.zeros(len(entries.track), dtype=bool)
        seen[(start[:, None] + np.arange(length)).reshape(-1)] = True
        share = seen[~entries.filled].mean()
        print(f"{length:3d} samples, {length / 10:.1f} s: {len(start):5d} windows, {share:.1%} of appearances in one")


if __name__ == "__main__":
    main()
