"""Why an alarm rang: the right window, joint and frame, compared with the right normal person, fast enough."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.core.errors import DatasetError, ModelError
from stages.core.skeleton import OPENPOSE18
from stages.core.windows import Windows
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.neighbours import Normals
from stages.detectors.stg_nf import StgNf
from stages.live.model import SHIPPED
from stages.live.why import Why, why
from tests.detectors.gait import joined, walkers, windows
from tests.live.people import Restless

TRAIN = windows(walkers(200, seed=1))
NORMALS = Normals.choose(TRAIN)
KNEE = OPENPOSE18.joints.index("right_knee")


@pytest.fixture(scope="module")
def knn() -> Any:
    model = Knn(KnnParams(window="second"))
    model.fit(TRAIN)
    return model


@pytest.fixture(scope="module")
def stg_nf() -> Any:
    return StgNf.load(SHIPPED / "detector", device="cpu")


def kicking() -> Windows:
    """Windows of a person: in the second of three the right knee is a long way up, in one stretch of time."""
    usual, odd = windows(walkers(2, seed=9)), walkers(1, seed=10)
    odd[:, 4:6, KNEE, 1] -= 110
    found = joined(usual.take(np.array([0])), windows(odd), usual.take(np.array([1])))
    index = found.index.assign(track=7, start_frame=[100.0, 110.0, 120.0], step=3.0)
    return replace(found, index=index)


def test_the_highest_window_is_told_of(knn: Any) -> None:
    found = why(knn, NORMALS, kicking(), fps=30.0, key="event-1")
    assert (found.track, found.how) == (7, "ablation")
    assert [frame for frame, _ in found.frames] == [110, 113, 116, 119, 122, 125, 128, 131]
    assert found.score == pytest.approx(float(knn.score(kicking())["score"].max()), rel=1e-4)


def test_the_joint_and_the_frames_come_first(knn: Any, stg_nf: Any) -> None:
    for model, how in ((knn, "ablation"), (stg_nf, "exact")):
        found = why(model, NORMALS, kicking(), fps=30.0, key="event-1")
        assert found.how == how
        assert found.joints[0][0] == "right knee"
        assert {frame for frame, _ in sorted(found.frames, key=lambda one: -one[1])[:2]} == {122, 125}
        assert found.sentences[0].startswith("right knee, ")
        assert found.sentences[1].startswith("frames 122 and 125, 0:04.1 to 0:04.2, make ")


def test_shares_are_parts_of_a_whole(knn: Any) -> None:
    found = why(knn, NORMALS, kicking(), fps=30.0, key="event-1")
    for shares in (found.joints, found.frames):
        values = [share for _, share in shares]
        assert min(values) >= 0
        assert sum(values) == pytest.approx(1)
    assert [share for _, share in found.joints] == sorted((share for _, share in found.joints), reverse=True)
    assert {name for name, _ in found.joints} == {name.replace("_", " ") for name in OPENPOSE18.joints}


def test_the_most_similar_normal_person_is_named(knn: Any) -> None:
    found = why(knn, NORMALS, kicking(), fps=30.0, key="event-1")
    rows, distances = NORMALS.nearest(kicking().poses[1])
    assert found.nearest is not None
    assert found.nearest.track == NORMALS.index["track"].iloc[rows[0]]
    assert found.nearest.distance == pytest.approx(float(distances[0]))
    assert found.sentences[2:] == NORMALS.difference(kicking().poses[1], int(rows[0])).sentences
    assert f"joints {found.nearest.distance:.2f} body heights away" in found.svg


def test_without_normal_windows_nothing_is_compared(stg_nf: Any) -> None:
    found = why(stg_nf, None, kicking(), fps=30.0, key="event-1")
    assert found.nearest is None
    assert len(found.sentences) == 2
    assert "similar" not in found.svg
    assert found.json()["nearest"] is None


def test_json_is_plain_and_whole(knn: Any) -> None:
    found = why(knn, NORMALS, kicking(), fps=30.0, key="event-1")
    again: dict[str, Any] = json.loads(json.dumps(found.json(), allow_nan=False))
    assert list(again) == ["track", "score", "how", "frames", "joints", "nearest", "sentences"]
    assert again["joints"][0] == {"joint": "right knee", "share": round(found.joints[0][1], 4)}
    assert again["frames"][0]["frame"] == 110
    assert again["nearest"]["clip"] == "c1"


def test_the_drawing_is_sound_and_tells_all_sentences(knn: Any) -> None:
    found = why(knn, NORMALS, kicking(), fps=30.0, key="event-1")
    root = ET.fromstring(found.svg)
    described = root.find("{http://www.w3.org/2000/svg}desc")
    assert described is not None
    assert described.text is not None
    for sentence in found.sentences:
        assert sentence[1:] in described.text


def test_a_score_that_nothing_raises_has_no_culprit() -> None:
    class Constant(Restless):
        def score(self, windows: Windows) -> dict[str, Any]:
            return {"score": np.zeros(len(windows), dtype=np.float32)}

    found = why(Constant(), NORMALS, kicking(), fps=30.0, key="event-1")  # type: ignore[arg-type]
    assert {share for _, share in (*found.joints, *found.frames)} == {0.0}
    assert "make" not in " ".join(found.sentences)
    ET.fromstring(found.svg)


def test_of_scores_per_sample_the_highest_decides() -> None:
    class PerSample(Restless):
        def score(self, windows: Windows) -> dict[str, Any]:
            return {"score": -windows.poses[:, 1, :, KNEE]}  # high where the knee is: y points down

    found = why(PerSample(), NORMALS, kicking(), fps=30.0, key="event-1")  # type: ignore[arg-type]
    assert found.frames[0][0] == 110
    assert found.joints[0] == ("right knee", 1.0)


def test_no_window_and_other_windows_are_refused(knn: Any) -> None:
    with pytest.raises(DatasetError, match="no window"):
        why(knn, NORMALS, kicking().take(np.zeros(3, dtype=bool)), fps=30.0, key="event-1")
    with pytest.raises(ModelError):
        why(knn, NORMALS, replace(kicking(), layout="coco17"), fps=30.0, key="event-1")


def test_an_event_takes_less_than_half_a_second(stg_nf: Any) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        assert isinstance(why(stg_nf, NORMALS, kicking(), fps=30.0, key="event-1"), Why)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.5
