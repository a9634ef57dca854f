"""How long one clip's tracked-person file takes from the source to windows, against the plain form, in one process.

    OMP_NUM_THREADS=2 python benchmarks/importing.py ../shared/data/cctv_poses.zip

In memory: the file's bytes to windows of 24 entries at stride 1 by the published rule, as the plain form does it
(benchmarks/plain/tracked_person.py) with a loop over every window; both must give the same windows. Then the verbs as
a user runs them, each with its files written and read back: import (JSON to POSES), extract (checks and takes poses
over), track (keeps their ids), segment. Times are the best of five; 17 s is what the loader of STG-NF's authors was
measured to take for a clip like this one on another machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.plain.tracked_person import windows
from stages import extract, segment, track
from stages.core.cutting import cut, resample
from stages.core.paths import Project, entries_file, split_file
from stages.core.schemas import ENTRIES, SEGMENTS
from stages.core.tables import read
from stages.core.windows import WindowSpec
from stages.ingest import importing
from stages.ingest.files import open_files
from stages.ingest.formats import tracked_person

AUTHORS = 17.0
"""Seconds of the authors' loader."""
SPEC: dict[str, Any] = {
    "rate": None,
    "length": 24,
    "fill": 0,
    "keep_last": False,
    "stride_score": 1,
    "layout": "coco17",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="zip or folder of tracked-person files of 1920×1080 px")
    source = parser.parse_args().source
    files = open_files(source)
    name = next(name for name in files.matching("*_tracked_person.json"))
    with tempfile.TemporaryDirectory(prefix="normotion-") as scratch:
        clip = Path(scratch) / "source" / name.rpartition("/")[2]
        clip.parent.mkdir()
        clip.write_bytes(files.read(name))
        project = _project(Path(scratch) / "project")
        seconds = [_verbs(project, clip) for _ in range(5)]
        best = {verb: min(run[verb] for run in seconds) for verb in seconds[0]}
        total = min(sum(run.values()) for run in seconds)
        plain = min(_timed(lambda: windows(clip.read_bytes(), 24, 1)) for _ in range(3))
        fast = min(_timed(lambda: _windows(clip.read_bytes())) for _ in range(5))
        count = _same(project, clip)
    print(f"{name}: {count} windows, the same in all three ways")
    print(f"in memory {fast * 1e3:.0f} ms, plain form {plain * 1e3:.0f} ms: {plain / fast:.1f} times as fast")
    print("verbs: " + ", ".join(f"{verb} {value * 1e3:.0f} ms" for verb, value in best.items()))
    both = best["import"] + best["segment"]
    print(f"import + segment {both:.3f} s, all verbs {total:.3f} s; the authors' loader {AUTHORS:.0f} s")


def _project(root: Path) -> Project:
    root.mkdir()
    params = {"datasets": ["clip"], "extract": {}, "track": {}, "windows": {"window": SPEC}}
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(root)


def _verbs(project: Project, clip: Path) -> dict[str, float]:
    for folder in (project.poses("clip"), project.tracks("clip")):
        for path in folder.glob("*"):
            path.unlink()
    settings: dict[str, Any] = {"dataset": "clip", "fps": 30, "size": "1920x1080", "test": ("*",), "replace": True}
    return {
        "import": _timed(lambda: importing.run(project, "tracked_person", str(clip), **settings)),
        "extract": _timed(lambda: extract.run(project, "clip")),
        "track": _timed(lambda: track.run(project, "clip")),
        "segment": _timed(lambda: segment.run(project, "clip", "window")),
    }


def _windows(data: bytes) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """As the plain form, by the parts that the verbs are made of."""
    people, _ = tracked_person.parse(data, "clip")
    spec = WindowSpec.model_validate(SPEC)
    entries = resample(people.track, people.frame, people.keypoints, spec, 30.0)
    first, _ = cut(entries, spec, spec.stride_score)
    places = np.stack([entries.track[first], entries.sample[first]], axis=1)
    return entries.keypoints[first[:, None] + np.arange(spec.samples)], places


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _same(project: Project, clip: Path) -> int:
    """Hold the windows of both ways against each other; returns how many there are."""
    folder = project.segments("clip", "window")
    entries, segments = read(entries_file(folder, "test"), ENTRIES), read(split_file(folder, "test"), SEGMENTS)
    first = segments.frame["first_row"].to_numpy()
    found = entries.arrays[first[:, None] + np.arange(24)]
    expected, places = windows(clip.read_bytes(), 24, 1)
    np.testing.assert_array_equal(segments.frame[["track", "start_frame"]].to_numpy(), places)
    np.testing.assert_array_equal(found, expected)
    for mine, theirs in zip(_windows(clip.read_bytes()), (expected, places), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    return len(found)


if __name__ == "__main__":
    main()
