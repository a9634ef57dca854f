"""Frames become people: who is kept, in what order, with which threads, and on real footage."""

from __future__ import annotations

import ast
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.params import parse
from stages.core.skeleton import COCO17
from stages.pose import estimators
from stages.pose.estimators import SOURCES, ExtractParams, People, TopDown, estimator, fingerprint, people
from stages.pose.video import frames

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
BLANK = np.zeros((48, 64, 3), dtype=np.uint8)


def test_defaults_are_valid_and_mistakes_named() -> None:
    assert parse({}, "extract", ExtractParams)[1] == ExtractParams()
    problems, section = parse({"weak": 1.5, "threads": 0, "backend": "movenett", "tiles": 3}, "extract", ExtractParams)
    assert section is None
    assert len(problems) == 4
    assert any("extract.backend" in problem and "'movenet'" in problem for problem in problems)
    assert any("extract.tiles: unknown parameter" in problem for problem in problems)


def test_weak_may_not_exceed_strong() -> None:
    problems, _ = parse({"weak": 0.5, "strong": 0.4}, "extract", ExtractParams)
    assert len(problems) == 1
    assert "weak = 0.5 must not exceed strong = 0.4" in problems[0]


@dataclass
class Found:
    """A detector and pose network in one that sees what it was told to see."""

    scores: list[float]
    bodies: list[float]
    places: list[float]

    def detect(self, _: Image) -> tuple[Floats, Floats]:
        boxes = [[place, 0, 40, 100] for place in self.places]
        return np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(self.scores, dtype=np.float32)

    def pose(self, _: Image, boxes: Floats) -> Floats:
        poses = np.zeros((len(boxes), 17, 3), dtype=np.float32)
        poses[:, :, 0] = boxes[:, None, 0] + 20
        poses[:, :, 1] = np.linspace(0, 100, 17)
        poses[:, :5, 2] = 1.0  # a face alone makes no body
        poses[:, 5:, 2] = np.array(self.bodies)[:, None]
        return poses

    def people(self) -> People:
        params = ExtractParams(weak=0.2, strong=0.35, least_body=0.2, same=0.6)
        return TopDown(self.detect, self.pose, params, "made up")(BLANK)


def test_boxes_without_a_body_are_weak_or_dropped() -> None:
    found = Found(scores=[0.9, 0.5, 0.3, 0.25], bodies=[0.6, 0.1, 0.1, 0.4], places=[0, 100, 200, 300]).people()
    # 0.9 is a person; 0.5 has no body and becomes as weak as can be; 0.3 has none and was weak: gone; 0.25 is a body.
    assert found.boxes[:, 0].tolist() == [0, 300, 100]
    np.testing.assert_allclose(found.scores, [0.9, 0.25, 0.2])
    np.testing.assert_allclose(found.keypoints[:, 5, 2], [0.6, 0.4, 0.1])
    assert (found.junk, found.doubted, found.duplicates) == (1, 1, 0)


def test_a_body_at_the_threshold_is_one() -> None:
    assert len(Found(scores=[0.2], bodies=[0.2001], places=[0]).people()) == 1
    assert len(Found(scores=[0.2], bodies=[0.1999], places=[0]).people()) == 0


def test_one_person_in_two_boxes_counts_once() -> None:
    found = Found(scores=[0.9, 0.8, 0.7], bodies=[0.6, 0.6, 0.6], places=[0, 2, 200]).people()
    assert found.boxes[:, 0].tolist() == [0, 200]
    assert found.duplicates == 1


def test_nobody_gives_empty_arrays_of_the_right_shape() -> None:
    found = Found(scores=[], bodies=[], places=[]).people()
    assert (found.boxes.shape, found.scores.shape, found.keypoints.shape) == ((0, 4), (0,), (0, 17, 3))


def numbered(count: int) -> list[tuple[int, Image]]:
    """Frames that hold their own number."""
    return [(index, np.full((1, 1, 3), index, dtype=np.uint8)) for index in range(count)]


@dataclass
class Slow:
    """An estimator that takes longest for the first frames, and can fail at one."""

    fails_at: int = -1
    version: str = "slow"

    def __call__(self, image: Image) -> People:
        number = int(image[0, 0, 0])
        if number == self.fails_at:
            raise RuntimeError(f"frame {number}")
        time.sleep(0.002 * max(10 - number, 0))
        boxes, keypoints = np.zeros((1, 4), np.float32), np.zeros((1, 17, 3), np.float32)
        return People(boxes, np.array([number], np.float32), keypoints)


def pose_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pose")]


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_results_come_in_the_frames_order_whoever_is_done_first(threads: int | None) -> None:
    found = list(people(Slow(), numbered(20), threads))
    assert [index for index, _ in found] == list(range(20))
    assert [crowd.scores[0] for _, crowd in found] == list(range(20))


def test_as_many_frames_are_in_work_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=10)  # passes only when three frames are worked on at once

    class Meeting(Slow):
        def __call__(self, image: Image) -> People:
            together.wait()
            return super().__call__(image)

    assert len(list(people(Meeting(), numbered(6), 3))) == 6


def test_frames_are_taken_only_as_they_are_needed() -> None:
    taken = []

    def counting() -> Any:
        for index, image in numbered(50):
            taken.append(index)
            yield index, image

    with closing(people(Slow(), counting(), 2)) as found:
        next(found)
        assert len(taken) == 3  # one given, two in work
    assert pose_threads() == []


def test_a_failure_comes_through_and_leaves_no_thread_behind() -> None:
    done: list[int] = []
    with pytest.raises(RuntimeError, match="frame 4"):
        done.extend(index for index, _ in people(Slow(fails_at=4), numbered(20), 2))
    assert done == [0, 1, 2, 3]
    assert pose_threads() == []


def test_the_fingerprint_knows_what_matters() -> None:
    plain = fingerprint(ExtractParams())
    assert fingerprint(ExtractParams(threads=7)) == plain
    others = [
        ExtractParams(weak=0.1),
        ExtractParams(strong=0.5),
        ExtractParams(overlap=0.4),
        ExtractParams(tile_above=None),
        ExtractParams(margin=1.5),
        ExtractParams(least_body=0.1),
        ExtractParams(same=0.9),
    ]
    assert len({plain, *map(fingerprint, others)}) == 1 + len(others)


def test_the_fingerprint_knows_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "net.onnx"
    monkeypatch.setattr(estimators, "WEIGHTS", {"movenet": (weights,)})
    seen = set()
    for text in ("one", "two"):
        weights.write_text(text)
        seen.add(fingerprint(ExtractParams()))
    assert len(seen) == 2


def test_the_fingerprint_covers_every_module_that_finds_people(root: Path) -> None:
    folder = root / "stages" / "pose"
    seen, todo = set(), ["estimators", "video"]
    while todo:
        module = todo.pop()
        seen.add(module)
        tree = ast.parse((folder / f"{module}.py").read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = {name.removeprefix("stages.pose.") for name in imported if name.startswith("stages.pose.")}
        todo += sorted(names - seen)
    assert seen == set(SOURCES)


@pytest.fixture(scope="module")
def street(root: Path) -> list[tuple[int, Image]]:
    with closing(frames(root / "data" / "raw" / "demo" / "videos" / "street_train.mp4")) as images:
        return [(index, image) for index, image in islice(images, 101) if index in (20, 60, 100)]


def test_the_people_on_a_real_street_are_found(street: list[tuple[int, Image]]) -> None:
    seen = dict(people(estimator(ExtractParams()), street))
    strong = {index: int((crowd.scores >= 0.35).sum()) for index, crowd in seen.items()}
    assert all(3 <= number <= 9 for number in strong.values()), strong  # 3–8 by eye, one may be found twice
    for crowd in seen.values():
        assert (np.diff(crowd.scores) <= 0).all()
        assert crowd.keypoints.shape == (len(crowd), len(COCO17), 3)
        sure = crowd.scores >= 0.7
        heights = crowd.keypoints[sure][:, [5, 6, 11, 12, 15, 16], 1].reshape(-1, 3, 2).mean(axis=2)
        assert (np.diff(heights, axis=1) > 0).all()  # shoulders above hips above ankles: they walk upright
        middle = crowd.boxes[sure, :2] + crowd.boxes[sure, 2:] / 2
        distance = np.abs(crowd.keypoints[sure][:, 11:13, :2].mean(axis=1) - middle) / crowd.boxes[sure, 2:]
        assert distance.max() < 0.5  # hips near the middle of the box


def test_threads_change_nothing_in_the_results(street: list[tuple[int, Image]]) -> None:
    find = estimator(ExtractParams())
    alone, together = ([crowd for _, crowd in people(find, street[:2], threads)] for threads in (1, 2))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)


def test_nobody_is_found_in_the_dark() -> None:
    assert len(estimator(ExtractParams())(np.zeros((576, 768, 3), dtype=np.uint8))) == 0


def test_the_version_names_engine_and_weights() -> None:
    version = estimator(ExtractParams()).version
    assert version.startswith("onnxruntime ")
    assert "nanodet ad2a85942cd4" in version
    assert "movenet_lightning 06cc1098a4de" in version
