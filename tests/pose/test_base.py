"""Who is kept and who is dropped, by hand; and files and packages that are not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError
from stages.core.params import parse
from stages.pose.base import NOBODY, People, PeopleParams, TopDown, demand, keep, need
from stages.pose.pose_nms import PoseNmsParams

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
BLANK = np.zeros((48, 64, 3), dtype=np.uint8)


def test_weak_may_not_exceed_strong() -> None:
    problems, _ = parse({"weak": 0.5, "strong": 0.4}, "extract", PeopleParams)
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

    def people(self, **others: Any) -> People:
        params = PeopleParams(weak=0.2, strong=0.35, least_body=0.2, same=0.6, **others)
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


def test_parametric_nms_merges_what_one_person_was_found_as() -> None:
    # 20 and 24 px to the right, confidence 0.6 and 0.2: joints meet a quarter of the way.
    found = Found(scores=[0.9, 0.8, 0.7], bodies=[0.6, 0.2, 0.6], places=[0, 4, 200]).people(duplicates="pose_nms")
    assert found.boxes[:, 0].tolist() == [0, 200]
    np.testing.assert_allclose(found.keypoints[0, 5:, 0], 21, rtol=1e-6)
    np.testing.assert_allclose(found.keypoints[1, :, 0], 220)
    assert (found.junk, found.duplicates) == (0, 1)
    strict = PoseNmsParams(least=1.5)
    nobody = Found(scores=[0.9], bodies=[0.6], places=[0]).people(duplicates="pose_nms", pose_nms=strict)
    assert (len(nobody), nobody.junk, nobody.duplicates) == (0, 1, 0)


def test_nobody_gives_empty_arrays_of_the_right_shape() -> None:
    found = Found(scores=[], bodies=[], places=[]).people()
    assert (found.boxes.shape, found.scores.shape, found.keypoints.shape) == ((0, 4), (0,), (0, 17, 3))


def test_the_rows_that_are_kept_are_told_in_the_order_of_the_people() -> None:
    found = Found(scores=[0.3, 0.9, 0.5], bodies=[0.1, 0.6, 0.7], places=[0, 100, 200])
    boxes, scores = found.detect(BLANK)
    crowd, rows = keep(boxes, scores, found.pose(BLANK, boxes), PeopleParams(weak=0.2, strong=0.35))
    assert rows.tolist() == [1, 2]  # row 0 is weak and has no body; 0.9 comes before 0.5
    assert crowd.boxes.tolist() == boxes[rows].tolist()


def test_an_empty_frame_holds_nobody() -> None:
    assert len(NOBODY) == 0
    assert NOBODY.keypoints.shape == (0, 17, 3)


def test_a_file_that_is_not_named_or_not_there_says_where_it_is_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendError, match="extract.x.weights is not set") as error:
        need(None, "extract.x.weights", "net.pth from its authors")
    assert "get net.pth from its authors" in error.value.fix
    with pytest.raises(BackendError, match="names a file that is not there") as error:
        need(tmp_path / "net.pth", "extract.x.weights", "net.pth from its authors")
    assert error.value.where == str(tmp_path / "net.pth")
    (tmp_path / "params.yaml").write_text("extract: {}")
    (tmp_path / "net.pth").write_text("weights")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")  # relative to the project, not to where somebody stands
    assert need(Path("net.pth"), "extract.x.weights", "it") == tmp_path / "net.pth"


def test_a_package_that_is_not_there_says_what_to_install() -> None:
    assert demand("json", "JSON", "nothing").__name__ == "json"
    with pytest.raises(BackendError, match="RTM is not installed") as error:
        demand("no_such_package_anywhere", "RTM", "pip install rtm")
    assert error.value.fix == "pip install rtm"
