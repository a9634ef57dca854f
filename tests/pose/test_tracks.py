"""Tracking a whole clip: POSES rows in any order, frames with nobody in them, and what is counted."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.schemas import Rows, pose_meta
from stages.core.seeding import stream
from stages.pose import tracks
from stages.pose.poseflow import Tracker, TrackParams
from stages.pose.tracks import SOURCES, Tracked, fingerprint, track

BODY = stream(0, "body").uniform([0, 0], [30, 80], size=(17, 2))
"""A person 30 px wide and 80 px tall, the corner of their box at the origin."""


def poses(*people: tuple[int, float, float]) -> Rows:
    """POSES of people given as frame, left edge of the box and score."""
    frame, x, score = (np.array(values) for values in zip(*people, strict=True)) if people else np.empty((3, 0))
    boxes = {"x": x, "y": 100.0, "w": 30.0, "h": 80.0}
    keypoints = np.ones((len(x), 17, 3))
    keypoints[..., :2] = BODY + np.stack([x, np.full(len(x), 100.0)], axis=1)[:, None]
    table = pd.DataFrame({"clip": "walk", "frame": frame.astype(np.int32), **boxes, "score": score})
    return Rows(table, keypoints.astype(np.float32), pose_meta("coco17"))


def follow(people: Rows, frames: int, params: TrackParams | None = None) -> Tracked:
    chosen = TrackParams(strong=0.35) if params is None else params
    return track(Tracker(chosen, fps=10, size=(640, 480)), people, frames)


def test_rows_come_in_the_order_of_frames() -> None:
    found = follow(poses((2, 104, 0.9), (0, 100, 0.9), (1, 302, 0.9), (1, 102, 0.9)), 3)
    assert found.frames.tolist() == [0, 1, 1, 2]
    assert found.rows.tolist() == [1, 2, 3, 0]
    assert found.ids.tolist() == [1, 2, 1, 1]


def test_the_order_of_rows_does_not_matter() -> None:
    people = [(frame, 60.0 * person + 3 * frame, 0.9) for frame in range(20) for person in range(5)]
    order = stream(2, "order").permutation(len(people))

    def company(found: Tracked) -> set[frozenset[int]]:
        """Rows of the unshuffled table that share an id."""
        return {frozenset(found.rows[found.ids == number].tolist()) for number in found.ids}

    shuffled = follow(poses(*(people[row] for row in order)), 20)
    unshuffled = Tracked(order[shuffled.rows], shuffled.frames, shuffled.ids, 0, 0, 0)
    assert company(unshuffled) == company(follow(poses(*people), 20))
    assert len(company(unshuffled)) == 5


def test_weak_people_are_counted_and_those_left_out_have_no_row() -> None:
    found = follow(poses((0, 100, 0.9), (0, 400, 0.2), (1, 101, 0.2), (1, 400, 0.2), (2, 102, 0.9)), 3)
    assert (found.continued, found.dropped, found.copied) == (1, 2, 0)
    assert found.rows.tolist() == [0, 2, 4]
    assert found.ids.tolist() == [1, 1, 1]


def test_a_clip_with_nobody() -> None:
    found = follow(poses(), 10)
    assert len(found.rows) == len(found.frames) == len(found.ids) == 0
    assert (found.continued, found.dropped, found.copied) == (0, 0, 0)
    assert len(follow(poses(), 10, TrackParams.published()).rows) == 0


def test_nobody_is_invented_unless_asked_for() -> None:
    people = poses((1, 100, 0.9), (1, 300, 0.9), (3, 102, 0.9))
    found = follow(people, 5)
    assert found.frames.tolist() == [1, 1, 3]
    assert found.rows.tolist() == [0, 1, 2]


def test_published_copies_people_into_empty_frames() -> None:
    # Frame 0 has nobody before it; frame 2 takes both people of frame 1, frame 4 the one of frame 3.
    people = poses((1, 100, 0.9), (1, 300, 0.9), (3, 102, 0.9))
    found = follow(people, 5, TrackParams.published())
    assert found.frames.tolist() == [1, 1, 2, 2, 3, 4]
    assert found.rows.tolist() == [0, 1, 0, 1, 2, 2]
    assert found.ids.tolist() == [1, 2, 1, 2, 1, 1]
    assert found.copied == 3


def test_a_copy_counts_as_the_previous_frame() -> None:
    # 18 of 30 px further on: enough for somebody of the previous frame, whose overlaps count twice, not for others.
    params = TrackParams.published().model_copy(update={"match": 0.9})
    people = poses((0, 100, 0.9), (2, 118, 0.9))
    assert follow(people, 3, params).ids.tolist() == [1, 1, 1]
    assert follow(people, 3, params.model_copy(update={"copy_empty": False})).ids.tolist() == [1, 2]


def test_fingerprint_follows_parameters_and_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fingerprint(TrackParams()) == fingerprint(TrackParams())
    assert fingerprint(TrackParams()) != fingerprint(TrackParams(match=0.5))
    for name in SOURCES:
        (tmp_path / f"{name}.py").write_text((Path(tracks.__file__).parent / f"{name}.py").read_text())
    monkeypatch.setattr(tracks, "__file__", str(tmp_path / "tracks.py"))
    before = fingerprint(TrackParams())
    (tmp_path / "overlap.py").write_text("edited")
    assert fingerprint(TrackParams()) != before


def test_sources_name_every_module_that_is_imported() -> None:
    folder, seen, todo = Path(tracks.__file__).parent, set[str](), {"tracks"}
    while todo:
        seen.add(name := todo.pop())
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages.pose."):
                todo |= {str(node.module).rpartition(".")[2]} - seen
    assert seen == set(SOURCES)
