"""What image points (ORB) cost and what they give, on a video whose poses are there.

    normotion extract street && python -m benchmarks.image_points VIDEO data/poses/street/CLIP.parquet

First the frames/s of tracking with image points from decoding on, for each way of matching, on the first frames, with
one thread and with a thread per core. Then, for each rule, tracks, how many of them are shorter than a second, and two
figures against a check that knows no ids: boxes of consecutive frames that overlap by more than half, each the other's
best, hold one person. Switches: such pairs with two ids. Leaps: an id goes on, from one frame to the next, in a box
that does not overlap the one before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.schemas import POSES, Rows
from stages.core.tables import read
from stages.pose.correspondences import Correspondences, MatchParams
from stages.pose.overlap import Floats, region_overlap
from stages.pose.parallel import cores
from stages.pose.poseflow import NOBODY, Tracker, TrackParams, regions
from stages.pose.tracks import Crowds, track
from stages.pose.video import frames, probe

PUBLISHED = TrackParams.published().model_copy(update={"copy_empty": False})
SCALED = {"mag": None, "mag_scale": 0.2}
RULES = {
    "default (mag_scale 0.2)": TrackParams(),
    "default, mag 30 px": TrackParams(mag=30),
    "published, mag 30 px": PUBLISHED,
    "published, mag_scale 0.2": PUBLISHED.model_copy(update=SCALED),
}
WAYS = {
    "around people, each with each": MatchParams(),
    "around people, FLANN": MatchParams(search="flann"),
    "whole frame, each with each": MatchParams(area="frame"),
    "whole frame, FLANN (published)": MatchParams.published(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("video", type=Path)
    parser.add_argument("poses", type=Path, help="POSES of that video")
    parser.add_argument("--frames", type=int, default=60, help="how many frames the ways of matching are timed on")
    given = parser.parse_args()
    info, poses = probe(given.video), read(given.poses, POSES)
    size, crowds = (info.width, info.height), Crowds.of(poses, info.frames)
    print(f"{'':32} one thread  {cores()} threads  (frames/s)")
    for name, way in WAYS.items():
        figures = [given.frames / _seconds(given.video, crowds, size, way, given.frames, n) for n in (1, cores())]
        print(f"{name:32} {figures[0]:10.1f} {figures[1]:10.1f}", flush=True)
    matches = _matches(given.video, crowds, size, list(RULES.values()))
    links = _links(crowds)
    print(f"\n{'':40} tracks  < 1 s  switches  leaps  (of {len(links)} sure pairs)")
    for name, rule in RULES.items():
        for points in (False, True):
            ids = _ids(rule, poses, crowds, info.fps, size, matches if points else None)
            print(f"{name + (', image points' if points else ''):40} {_figures(ids, crowds, links, info.fps)}")


def _people(crowds: Crowds, size: tuple[int, int], rules: Sequence[TrackParams], frame: int) -> Floats:
    """Regions that any of the rules looks at, `(people × rules, R, 4)`."""
    rows = crowds.rows(frame)
    return np.concatenate([regions(rule, size, crowds.boxes[rows], crowds.keypoints[rows]) for rule in rules])


def _seconds(video: Path, crowds: Crowds, size: tuple[int, int], way: MatchParams, count: int, threads: int) -> float:
    """Time to track the first frames, reading, matching and associating."""
    rule = TrackParams()
    started = time.perf_counter()
    with (
        closing(frames(video)) as images,
        Correspondences(
            islice(images, count), lambda frame: _people(crowds, size, [rule], frame), way, threads=threads
        ) as matcher,
    ):
        tracker = Tracker(rule, fps=10, size=size, matcher=matcher)
        for frame in range(count):
            rows = crowds.rows(frame)
            tracker.step(frame, crowds.boxes[rows], crowds.keypoints[rows], crowds.scores[rows])
    return time.perf_counter() - started


def _matches(video: Path, crowds: Crowds, size: tuple[int, int], rules: Sequence[TrackParams]) -> dict[int, Floats]:
    """Matches of each frame with the one before, around whatever any rule looks at."""
    with (
        closing(frames(video)) as images,
        Correspondences(
            images, lambda frame: _people(crowds, size, rules, frame), MatchParams(), threads=cores()
        ) as matcher,
    ):
        wanted = [frame for frame in range(1, len(crowds.bounds) - 1) if len(crowds.rows(frame))]
        return {frame: matcher(frame - 1, frame) for frame in wanted}


def _ids(
    rule: TrackParams, poses: Rows, crowds: Crowds, fps: float, size: tuple[int, int], matches: dict[int, Floats] | None
) -> NDArray[np.int64]:
    matcher = None if matches is None else lambda _, later: matches[later]
    tracker = Tracker(rule, fps=fps, size=size, strong=float(poses.meta.get("strong", 0)), matcher=matcher)
    tracked = track(tracker, crowds)
    ids = np.full(len(poses), NOBODY, dtype=np.int64)
    ids[tracked.rows] = tracked.ids
    return ids


def _links(crowds: Crowds) -> list[tuple[int, int]]:
    """Rows of consecutive frames that hold one person by their boxes alone."""
    links = []
    for frame in range(1, len(crowds.bounds) - 1):
        before, now = crowds.rows(frame - 1), crowds.rows(frame)
        if not len(before) or not len(now):
            continue
        overlap = region_overlap(crowds.boxes[before], crowds.boxes[now])
        for row, column in enumerate(overlap.argmax(axis=1)):
            if overlap[row, column] > 0.5 and overlap[:, column].argmax() == row:
                links.append((int(before[row]), int(now[column])))
    return links


def _figures(ids: NDArray[np.int64], crowds: Crowds, links: list[tuple[int, int]], fps: float) -> str:
    first, second = np.array(links).T
    named = (ids[first] > 0) & (ids[second] > 0)
    switches = int((named & (ids[first] != ids[second])).sum())
    lengths = np.bincount(ids[ids > 0])[1:]
    leaps = 0
    for frame in range(1, len(crowds.bounds) - 1):
        before, now = crowds.rows(frame - 1), crowds.rows(frame)
        apart = region_overlap(crowds.boxes[before], crowds.boxes[now]) == 0
        leaps += int((apart & (ids[before][:, None] == ids[now]) & (ids[now] > 0)).sum())
    return f"{len(lengths):6} {int((lengths < fps).sum()):6} {switches:9} {leaps:6}"


if __name__ == "__main__":
    main()
