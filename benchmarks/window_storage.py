"""Windows stored as values or as an index into the tracks: bytes and seconds.

    python benchmarks/window_storage.py --entries 115200 --samples 24

Prints one row per form: bytes on disk, seconds to write, seconds to read into the array a detector is given.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.normalization import NormalizationParams, normalize
from stages.core.schemas import ENTRIES, NORMALIZED, SEGMENTS, Rows
from stages.core.seeding import stream
from stages.core.skeleton import OPENPOSE18
from stages.core.tables import read, read_groups, read_rows, write, writing


def main() -> None:
    """Measure both forms on smooth random tracks of 3,600 entries each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=115_200)
    parser.add_argument("--samples", type=int, default=24)
    args = parser.parse_args()
    steps = stream(0, "walk").normal(size=(args.entries, 18, 3)).astype(np.float32)
    keypoints = np.abs(np.cumsum(steps, axis=0) + 500)
    with tempfile.TemporaryDirectory() as folder:
        for name, form in (("index", _index), ("values", _values)):
            size, written, read_back = form(Path(folder), keypoints, args.samples)
            print(f"{name:>7}: {size / 1e6:8.1f} MB   write {written:6.2f} s   read {read_back:6.2f} s")


def _index(folder: Path, keypoints: np.ndarray, samples: int) -> tuple[int, float, float]:
    """ENTRIES once and SEGMENTS that point into them; reading gathers and normalizes."""
    entries, windows = folder / "entries.parquet", folder / "segments.parquet"
    count = len(keypoints)
    people = pd.DataFrame({"clip": "c", "track": 0, "sample": np.arange(count), "filled": False})
    index = _frame(count - samples + 1, samples).assign(first_row=np.arange(count - samples + 1))

    def save() -> None:
        write(entries, ENTRIES, Rows(people, keypoints))
        write(windows, SEGMENTS, Rows(index))

    def load() -> None:
        for group in read_groups(windows, SEGMENTS):
            first = group.frame["first_row"].to_numpy()
            rows = read_rows(entries, ENTRIES, first.min(), first.max() + samples).arrays
            normalize(rows[first[:, None] - first.min() + np.arange(samples)], NormalizationParams(), OPENPOSE18)

    written, read_back = _seconds(save), _seconds(load)
    return entries.stat().st_size + windows.stat().st_size, written, read_back


def _values(folder: Path, keypoints: np.ndarray, samples: int) -> tuple[int, float, float]:
    """NORMALIZED with every window's values; the time to write includes making them."""
    path = folder / "normalized.parquet"
    count = len(keypoints) - samples + 1

    def save() -> None:
        with writing(path, NORMALIZED, {}) as out:
            for start in range(0, count, 8192):
                first = np.arange(start, min(start + 8192, count))
                values = keypoints[first[:, None] + np.arange(samples)]
                out.append(_frame(len(first), samples), normalize(values, NormalizationParams(), OPENPOSE18))

    written, read_back = _seconds(save), _seconds(lambda: read(path, NORMALIZED))
    return path.stat().st_size, written, read_back


def _frame(rows: int, samples: int) -> pd.DataFrame:
    columns = {"clip": "c", "track": 0, "step": 1.0, "length": samples, "missing": 0, "label": 0, "person_label": 0}
    return pd.DataFrame({"start_frame": np.arange(rows, dtype=float), **columns})


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
