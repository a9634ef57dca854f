"""How well and how fast people are tracked on the demo's training clip, as it is, hurried, and with people hidden.

    python -m stages extract demo && python -m benchmarks.tracking

street_people.csv says who is who: boxes of that clip given to 13 people by eye; where nobody could tell (behind the
sign), there is none. Hurried: every second or third frame alone. Hidden: each person is taken out at random for a
stretch of 0.3 to 1 s, 15 % of the time; three draws.

Prints one row per rule, summed over the six scenes: swaps (a track goes on as somebody else within a second), breaks (a
person goes on under another id within a second), then for the clip as it is: IDF1 (Ristani et al. 2016), rows of
tracks that follow nobody known, and frames/s of the association alone. Image points, where a rule asks for them, are
matched between the frames of the scene; a hidden person's are there, and nobody's. Last, the association against the
plain form of it, both as published without images, on the same 100 frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.plain import poseflow
from stages.core.paths import clip_file, find_project
from stages.core.schemas import POSES, Rows
from stages.core.seeding import stream
from stages.core.tables import read
from stages.pose.correspondences import Correspondences, MatchParams
from stages.pose.overlap import Floats, region_overlap
from stages.pose.parallel import cores
from stages.pose.poseflow import NOBODY, Tracker, TrackParams, regions
from stages.pose.tracks import Crowds, track
from stages.pose.video import frames

CLIP, FPS, SIZE = "street_train", 10.0, (768, 576)
PUBLISHED = TrackParams.published().model_copy(update={"copy_empty": False, "matches": "none", "orb": MatchParams()})
ORB = {"matches": "orb"}
RULES = {
    "default": TrackParams(),
    "image points": TrackParams(matches="orb"),
    "mag 30 px, image points": TrackParams(matches="orb", mag=30),
    "published": PUBLISHED,
    "published, image points": PUBLISHED.model_copy(update=ORB),
    "published, mag_scale 0.2": PUBLISHED.model_copy(update={"mag": None}),
    "published, mag_scale 0.2, image points": PUBLISHED.model_copy(update={"mag": None, **ORB}),
    "published, weak people in a second turn": PUBLISHED.model_copy(update={"strong": None}),
    "motion is not followed": TrackParams(bridge=0, link=20),
    "boxes around joints": TrackParams(boxes="joints"),
    "weak people start tracks": TrackParams(strong=0),
    "lost people remembered for 100 frames": TrackParams(link=100),
    "mag 30 px": TrackParams(mag=30),
    **{f"mag_scale {value}": TrackParams(mag_scale=value) for value in (0.12, 0.16, 0.3)},
    **{f"match {value}": TrackParams(match=value) for value in (0.2, 0.6, 0.8)},
    **{f"bridge {value}": TrackParams(bridge=value) for value in (0.5, 1.0, 3.0)},
    **{f"memory {value}": TrackParams(memory=value) for value in (0.2, 0.4)},
    **{f"num {value}": TrackParams(num=value) for value in (5, 12)},
    **{f"image points, match {value}": TrackParams(matches="orb", match=value) for value in (0.2, 0.6, 0.8, 1.2)},
    **{
        f"image points, contrast {value}": TrackParams(matches="orb", orb=MatchParams(contrast=value))
        for value in (5, 10)
    },
}


@dataclass(frozen=True)
class Scene:
    """Poses to track.

    Args:
        poses: one clip's.
        person: who each is, 0 where nobody knows.
        frames: length of the clip.
        within: the most frames between two appearances that count as going on.
        weight: 1 for each kind of scene, divided among its draws.
        start: frame of the clip that its frame 0 is.
        step: frames of the clip from one of its frames to the next.
    """

    poses: Rows
    person: NDArray[np.int64]
    frames: int
    within: int
    weight: float
    start: int = 0
    step: int = 1


def main() -> None:
    """Measure every rule, or those whose name contains a word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="measure rules whose name contains it")
    chosen = parser.parse_args().only
    poses = read(clip_file(find_project().poses("demo"), CLIP), POSES)
    scenes = list(_scenes(poses, _people(poses)))
    print(f"{'':40}  swaps  breaks   IDF1  nobody  frames/s")
    for name, params in RULES.items():
        if chosen in name:
            ids = [_ids(scene, params) for scene in scenes]
            swaps = sum(s.weight * _changes(s, s.person, i) for s, i in zip(scenes, ids, strict=True))
            breaks = sum(s.weight * _changes(s, i, s.person) for s, i in zip(scenes, ids, strict=True))
            figures = (
                f"{_idf1(scenes[0], ids[0]):5.2f}  {_nobody(scenes[0], ids[0]):6}  {_speed(scenes[0], params):8.0f}"
            )
            print(f"{name:40}  {swaps:5.0f}  {breaks:6.0f}  {figures}", flush=True)
    _against_plain(scenes[0])


def _people(poses: Rows) -> NDArray[np.int64]:
    """Who each pose is, `(N,)`: the labelled box of its frame that overlaps it by 0.8; 0 where there is none."""
    labels = pd.read_csv(Path(__file__).with_name("street_people.csv"))
    found = np.zeros(len(poses), dtype=np.int64)
    for frame, known in labels.groupby("frame"):
        rows = np.flatnonzero(poses.frame["frame"] == frame)
        overlap = region_overlap(_regions(known), _regions(poses.frame.iloc[rows]))
        best = overlap.argmax(axis=1)
        sure = overlap.max(axis=1) > 0.8
        found[rows[best[sure]]] = known["person"].to_numpy()[sure]
    return found


def _regions(boxes: pd.DataFrame) -> NDArray[np.float64]:
    x, y, w, h = boxes[["x", "y", "w", "h"]].to_numpy(dtype=np.float64).T
    return np.stack([x, x + w, y, y + h], axis=1)


def _scenes(poses: Rows, person: NDArray[np.int64]) -> Iterator[Scene]:
    frame = poses.frame["frame"].to_numpy()
    frames = int(frame.max()) + 1
    yield Scene(poses, person, frames, 10, 1.0)
    for step in (2, 3):
        for start in range(step):
            kept = np.flatnonzero(frame % step == start)
            yield Scene(_take(poses, kept, frame // step), person[kept], frames // step + 1, 10, 1 / step, start, step)
    for hidden in (3, 6, 10):
        for draw in range(3):
            kept = np.flatnonzero(~_hidden(frame, person, frames, hidden, draw))
            yield Scene(_take(poses, kept, frame), person[kept], frames, 10 + hidden, 1 / 3)


def _take(poses: Rows, kept: NDArray[np.int64], frame: NDArray[np.int64]) -> Rows:
    table = poses.frame.assign(frame=frame).iloc[kept].reset_index(drop=True)
    return Rows(table, poses.arrays[kept], poses.meta)


def _hidden(
    frame: NDArray[np.int64], person: NDArray[np.int64], frames: int, length: int, draw: int
) -> NDArray[np.bool_]:
    """Poses of people who are out of sight, for `length` frames at a time and 15 % of the time."""
    out = np.zeros((int(person.max()) + 1, frames), dtype=bool)
    chance = stream(draw, "hidden", str(length)).random(out.shape) < 0.15 / length
    for row, start in zip(*np.nonzero(chance), strict=True):
        out[row, start : start + length] = row > 0
    hidden: NDArray[np.bool_] = out[person, frame]
    return hidden


def _ids(scene: Scene, params: TrackParams) -> NDArray[np.int64]:
    matcher = None
    if params.matches == "orb":
        found = _matches(scene.start, scene.step, params.orb, params.mag, params.mag_scale, params.boxes)

        def matcher(_: int, later: int) -> Floats:
            return found[later]

    tracker = Tracker(params, fps=FPS, size=SIZE, strong=float(scene.poses.meta["strong"]), matcher=matcher)
    tracked = track(tracker, Crowds.of(scene.poses, scene.frames))
    ids = np.full(len(scene.poses), NOBODY, dtype=np.int64)
    ids[tracked.rows] = tracked.ids
    return ids


@cache
def _matches(
    start: int, step: int, orb: MatchParams, mag: float | None, scale: float, boxes: Literal["detector", "joints"]
) -> dict[int, Floats]:
    """Image points of each frame of a scene matched with the one before, once for all rules that look at the same."""
    project = find_project()
    poses = read(clip_file(project.poses("demo"), CLIP), POSES)
    number = poses.frame["frame"].to_numpy()
    kept = np.flatnonzero(number % step == start)
    last = int(number.max()) // step
    crowds = Crowds.of(_take(poses, kept, number // step), last + 1)
    params = TrackParams(mag=mag, mag_scale=scale, boxes=boxes)

    def people(frame: int) -> Floats:
        rows = crowds.rows(frame)
        return regions(params, SIZE, crowds.boxes[rows], crowds.keypoints[rows])

    video = project.raw("demo") / "videos" / f"{CLIP}.mp4"
    with closing(frames(video)) as images:
        looks = enumerate(image for _, image in islice(images, start, (last + 1) * step, step))
        with Correspondences(looks, people, orb, threads=cores()) as matcher:
            wanted = [frame for frame in range(1, last + 1) if len(crowds.rows(frame))]
            return {frame: matcher(frame - 1, frame) for frame in wanted}


def _changes(scene: Scene, what: NDArray[np.int64], along: NDArray[np.int64]) -> int:
    """How many times `what` changes from one known appearance to the next, following each value of `along`."""
    frame, count = scene.poses.frame["frame"].to_numpy(), 0
    for one in np.unique(along[along > 0]):
        rows = np.flatnonzero((along == one) & (what > 0))
        rows = rows[np.argsort(frame[rows], kind="stable")]
        count += int(((np.diff(what[rows]) != 0) & (np.diff(frame[rows]) <= scene.within)).sum())
    return count


def _idf1(scene: Scene, ids: NDArray[np.int64]) -> float:
    known = scene.person > 0
    table = np.zeros((int(scene.person.max()) + 1, int(ids.max()) + 1))
    both = known & (ids > 0)
    np.add.at(table, (scene.person[both], ids[both]), 1)
    agreed = table[linear_sum_assignment(table, maximize=True)].sum()
    return float(2 * agreed / (known.sum() + both.sum()))


def _nobody(scene: Scene, ids: NDArray[np.int64]) -> int:
    """Rows of tracks fewer than a fifth of whose rows are of somebody known."""
    rows = [ids == one for one in np.unique(ids[ids > 0])]
    return int(sum(row.sum() for row in rows if (scene.person[row] > 0).mean() < 0.2))


def _speed(scene: Scene, params: TrackParams) -> float:
    """Frames per second of CPU time, the best of five."""
    seconds = []
    for _ in range(5):
        started = time.process_time()
        _ids(scene, params)
        seconds.append(time.process_time() - started)
    return scene.frames / min(seconds)


def _against_plain(scene: Scene, count: int = 100) -> None:
    """The published rule without images on the first frames, and its plain form on the same poses."""
    kept = np.flatnonzero(scene.poses.frame["frame"] < count)
    frame = scene.poses.frame["frame"].to_numpy()[kept]
    part = Scene(_take(scene.poses, kept, scene.poses.frame["frame"].to_numpy()), scene.person[kept], count, 10, 1.0)
    poses = part.poses.arrays[..., :2].astype(float)
    people = [[[tuple(joint) for joint in pose] for pose in poses[frame == number].tolist()] for number in range(count)]
    started = time.process_time()
    plain = poseflow.track(people, *SIZE)
    seconds = time.process_time() - started
    fast = _ids(part, PUBLISHED)
    same = all(fast[frame == number].tolist() == ids for number, ids in enumerate(plain))
    speed = _speed(part, PUBLISHED)
    print(
        f"\nassociation at {len(kept) / count:.1f} people a frame, as published: {speed:.0f} frames/s; plain form "
        f"{count / seconds:.0f} frames/s, {speed * seconds / count:.0f} times slower, "
        f"{'the same ids' if same else 'OTHER IDS'}; default {_speed(part, TrackParams()):.0f} frames/s"
    )


if __name__ == "__main__":
    main()
