"""What a clip costs when nothing is to be done, and what extraction keeps in memory.

    python -m benchmarks.bookkeeping clips              # milliseconds per clip at 1,000, 3,000 and 10,000 clips
    python -m benchmarks.bookkeeping memory VIDEO       # peak memory for a clip and one five times as long
    python -m benchmarks.bookkeeping workers VIDEO      # several clips with one process and with two

`clips` makes a data set of as many tiny files with their poses, as after a finished run, and takes apart what running
`extract` again costs: that is the price of adding one video to the others. `memory` and `workers` cut VIDEO into clips
that they join or take side by side.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

from stages import extract
from stages.core.dataset import load_dataset
from stages.core.incremental import Digests, made_with, tidy
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, pose_meta
from stages.core.storage import sha256_file, write_text
from stages.core.tables import writing

SIZES = (1000, 3000, 10_000)
PEOPLE = 100
"""Poses in each of the many clips: 5 people in 20 frames."""


def milliseconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of the best of three calls; `time.process_time` is not slowed by others' work on the machine."""
    times = []
    for _ in range(3):
        start = clock()
        work()
        times.append(clock() - start)
    return 1000 * min(times)


def describe(project: Project, rows: list[tuple[str, str, int]], size: tuple[int, int], modality: str) -> None:
    """Write a data set's three files; a row is a clip's name, path and number of frames."""
    raw = project.raw("many")
    raw.mkdir(parents=True, exist_ok=True)
    head = "clip,split,path,camera,scene,fps,width,height,frames\n"
    lines = (f"{clip},test,{path},1,gate,10,{size[0]},{size[1]},{frames}\n" for clip, path, frames in rows)
    write_text(raw / "clips.csv", head + "".join(lines))
    write_text(raw / "labels.csv", "clip,start_frame,end_frame\n")
    write_text(raw / "dataset.yaml", f"name: many\nsource: here\nlicence: CC0\nmodality: {modality}\n")


def many(project: Project, number: int) -> None:
    """A data set of short clips of poses, extracted."""
    names = [f"c{index:05d}" for index in range(number)]
    describe(project, [(name, f"poses/{name}.parquet", 20) for name in names], (640, 480), "poses")
    frame = pd.DataFrame({"frame": np.repeat(np.arange(20), PEOPLE // 20), "x": 1.0, "y": 1.0, "w": 9.0, "h": 9.0})
    frame = frame.assign(score=0.5, track=pd.array(np.tile(np.arange(PEOPLE // 20), 20), dtype="Int32"))
    values = np.ones((PEOPLE, 17, 3), np.float32)
    digests = {}
    for name in names:
        path = project.raw("many") / "poses" / f"{name}.parquet"
        if not path.exists():
            with writing(path, POSES, {**pose_meta("coco17"), "backend": "made up"}) as pieces:
                pieces.append(frame.assign(clip=name), values)
        digests[name] = {"path": f"poses/{name}.parquet", "sha256": sha256_file(path)}
    write_text(project.checked("many"), json.dumps({"clips": digests}))
    write_text(project.params, "extract: {}\n")
    extract.run(project, "many")


def clips(folder: Path) -> None:
    """Print milliseconds per clip of each part of a run that finds everything done."""
    project = Project(folder)
    print(
        f"{'clips':>8}{'read clips.csv':>16}{'tidy':>8}{'digests':>9}{'footers':>9}{'run, all of it':>16}   ms per clip"
    )
    for number in SIZES:
        many(project, number)
        data = load_dataset(project, "many")
        names, paths = list(data.clips["clip"]), list(data.clips["path"])
        place = project.poses("many")

        def digest(names: list[str] = names, paths: list[str] = paths) -> None:
            digests = Digests(project, "many")
            for name, path in zip(names, paths, strict=True):
                digests.of(name, path)

        parts: list[Callable[[], object]] = [
            lambda: load_dataset(project, "many"),
            lambda names=names, place=place: tidy(place, names),  # type: ignore[misc]
            digest,
            lambda names=names, place=place: [made_with(clip_file(place, name), POSES) for name in names],  # type: ignore[misc]
            lambda: extract.run(project, "many"),
        ]
        read, tidied, hashed, footers, whole = (milliseconds(part) / number for part in parts)
        busy = milliseconds(parts[-1], time.process_time) / number
        print(f"{number:>8}{read:>16.3f}{tidied:>8.3f}{hashed:>9.3f}{footers:>9.3f}{whole:>16.3f}{busy:>14.3f}")


def join(video: Path, target: Path, frames: int) -> tuple[int, int]:
    """Write the first frames of a video, over and over if need be; gives the size of a frame."""
    target.parent.mkdir(parents=True, exist_ok=True)
    reader = cv2.VideoCapture(str(video))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), 10, size)
    for _ in range(frames):
        found, image = reader.read()
        if not found:
            reader.set(cv2.CAP_PROP_POS_FRAMES, 0)
            image = reader.read()[1]
        writer.write(image)
    writer.release()
    return size


def prepare(folder: Path, video: Path, lengths: dict[str, int], **params: object) -> Project:
    """A data set of clips of these lengths."""
    project = Project(folder)
    rows = [(clip, f"videos/{clip}.mp4", frames) for clip, frames in lengths.items()]
    for _, path, frames in rows:
        size = join(video, project.raw("many") / path, frames)
    describe(project, rows, size, "video")
    write_text(project.params, yaml.safe_dump({"extract": {"tile_above": None, **params}}))
    return project


def memory(folder: Path, video: Path, frames: int) -> None:
    """Print the peak of resident memory of a process that extracts a clip, and a five times longer one."""
    code = "import sys; from benchmarks.bookkeeping import peak; peak(sys.argv[1])"
    for length in (frames, 5 * frames):
        project = prepare(folder / str(length), video, {"clip": length}, threads=2)
        done = subprocess.run([sys.executable, "-c", code, project.root], capture_output=True, text=True, check=True)
        print(f"{length:>6} frames: {done.stdout.strip()} MB")


def peak(root: str) -> None:
    """Extract and print this process's peak of resident memory, MB."""
    extract.run(Project(Path(root)), "many")
    print(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def workers(folder: Path, video: Path, frames: int) -> None:
    """Print the time of four clips, by one thread, two threads, and one or two processes of one thread each."""
    ways: dict[str, dict[str, object]] = {
        "this process, 1 thread": {"threads": 1},
        "this process, 2 threads": {"threads": 2},
        "1 process of 1 thread": {"workers": 1, "threads": 1},
        "2 processes of 1 thread": {"workers": 2, "threads": 1},
    }
    lengths = dict.fromkeys(("a", "b", "c", "d"), frames)
    project = prepare(folder, video, lengths)
    for name, way in ways.items():
        shutil.rmtree(project.poses("many"), ignore_errors=True)
        write_text(project.params, yaml.safe_dump({"extract": {"tile_above": None, **way}}))
        start = time.perf_counter()
        extract.run(project, "many")
        spent = time.perf_counter() - start
        print(f"{name:<26}{spent:7.1f} s {len(lengths) * frames / spent:7.2f} frames/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["clips", "memory", "workers"])
    parser.add_argument("video", type=Path, nargs="?", help="for `memory` and `workers`")
    parser.add_argument("--frames", type=int, default=100, help="of a clip (default 100)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "clips":
            clips(Path(folder))
        elif given.video is None:
            parser.error(f"{given.what} needs a video")
        else:
            {"memory": memory, "workers": workers}[given.what](Path(folder), given.video, given.frames)


if __name__ == "__main__":
    main()
