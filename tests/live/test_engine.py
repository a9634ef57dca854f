"""The engine against the stages: frame by frame comes out what a whole recording gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.core.clip_windows import clip_windows
from stages.core.errors import ModelError
from stages.core.schemas import Rows, pose_meta
from stages.core.scoring import table
from stages.core.windows import WindowSpec
from stages.evaluation.aggregate import aggregate
from stages.evaluation.protocol import Rules
from stages.evaluation.smoothing import SmoothingParams
from stages.live.engine import Engine
from stages.live.judged import Judged
from stages.live.model import Model
from stages.pose.base import People
from stages.pose.poseflow import NOBODY, Tracker
from tests.live.people import SIZE, WINDOW, model, walk


def whole(chosen: Model, crowds: list[tuple[int, People]], fps: float) -> pd.DataFrame:
    """FRAME_SCORES of the recording by the functions that the stages call."""
    tracker = Tracker(chosen.card.track, fps=fps, size=SIZE, strong=chosen.card.people.strong)
    frames, ids, keypoints = [], [], []
    for frame, people in crowds:
        x, y, w, h = people.boxes.astype(np.float64).T
        places = people.keypoints[..., :2].astype(np.float64)
        found = tracker.step(frame, np.stack([x, x + w, y, y + h], axis=1), places, people.scores.astype(np.float64))
        for row in np.flatnonzero(found != NOBODY):
            frames.append(frame)
            ids.append(int(found[row]))
            keypoints.append(people.keypoints[row])
    rows = pd.DataFrame({"frame": frames, "track": ids})
    tracks = Rows(rows, np.array(keypoints, dtype=np.float32).reshape(-1, 17, 3), pose_meta("coco17"))
    windows = clip_windows("a", tracks, fps, chosen.card.window, chosen.card.normalize)
    scores = table(windows, chosen.detector.score(windows), 0)
    return aggregate(scores, pd.DataFrame({"clip": ["a"], "frames": [len(crowds)], "fps": [fps]}), chosen.card.rules)


def live(chosen: Model, crowds: list[tuple[int, People]], fps: float) -> list[Judged]:
    engine = Engine(chosen, fps=fps, size=SIZE)
    found = [judged for frame, people in crowds for judged in engine.see(frame, people)]
    return found + engine.finish()


SPECS = {
    "the default": WINDOW,
    "every second sample": WindowSpec(rate=10.0, seconds=0.8, stride_score=2),
    "a track's last window dropped": WindowSpec(rate=10.0, seconds=0.8, keep_last=False),
    "entries as they come": WindowSpec(rate=None, length=8, fill=0, max_missing=0),
    "no gaps": WindowSpec(rate=10.0, seconds=0.8, fill=0, max_missing=0),
}
RULES = {
    "own": Rules(),
    "stg_nf": Rules(protocol="stg_nf"),
    "highest": Rules(landing="all_max", smoothing=SmoothingParams(kind="median", seconds=0.5)),
    "shifted": Rules(landing="start", shift=5, smoothing=SmoothingParams(kind="none")),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_windows_of_every_spec_are_those_of_the_recording(spec: WindowSpec, fps: float) -> None:
    _same(model(spec=spec), list(walk(150, fps, miss=0.1)), fps)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_rules_are_those_of_the_referee(rules: Rules) -> None:
    _same(model(rules=rules), list(walk(200, 15.0, miss=0.05, people=3)), 15.0)


def _same(chosen: Model, crowds: list[tuple[int, People]], fps: float) -> None:
    wanted, found = whole(chosen, crowds, fps), live(chosen, crowds, fps)
    assert [judged.number for judged in found] == list(range(len(crowds)))
    scored = wanted["scored"].to_numpy(dtype=bool)
    assert scored.mean() > 0.5
    np.testing.assert_array_equal([judged.scored for judged in found], scored)
    raw = np.array([judged.raw for judged in found])
    np.testing.assert_allclose(raw[scored], wanted["raw"][scored], rtol=1e-5)
    assert [judged.track for judged in found if judged.scored] == wanted["track"][scored].astype(int).tolist()
    if scored.all():
        np.testing.assert_allclose([judged.smoothed for judged in found], wanted["smoothed"], rtol=1e-5)


def test_smoothed_scores_are_those_of_the_recording() -> None:
    """With everybody seen all the time no frame is filled, which is where the two differ by design."""
    for fps in (10.0, 30.0):
        crowds, chosen = list(walk(160, fps)), model()
        wanted, found = whole(chosen, crowds, fps), live(chosen, crowds, fps)
        assert wanted["scored"].all()
        np.testing.assert_allclose([judged.smoothed for judged in found], wanted["smoothed"], rtol=1e-5)


def test_a_frame_is_judged_after_the_stated_delay() -> None:
    engine, fps = Engine(model(), fps=10.0, size=SIZE), 10.0
    for frame, people in walk(80, fps):
        for judged in engine.see(frame, people):
            assert frame - judged.number == round(engine.delay * fps)
    assert engine.late == 0


def test_lost_frames_leave_holes_that_are_judged_too() -> None:
    crowds = [pair for pair in walk(100, 10.0) if pair[0] % 7 != 3]
    found = live(model(), crowds, 10.0)
    assert [judged.number for judged in found] == list(range(100))
    assert all(judged.scored for judged in found[10:90])


def test_after_a_long_gap_the_source_begins_anew() -> None:
    before, after = list(walk(60, 10.0)), [(frame + 5000, people) for frame, people in walk(60, 10.0)]
    engine = Engine(model(), fps=10.0, size=SIZE)
    found = [judged for frame, people in before + after for judged in engine.see(frame, people)] + engine.finish()
    assert [judged.number for judged in found] == [*range(60), *range(5000, 5060)]
    alone = live(model(), before, 10.0)
    assert [judged.smoothed for judged in found[:60]] == [judged.smoothed for judged in alone]


def test_nobody_is_as_normal_as_the_floor() -> None:
    chosen = model()
    nobody = People(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 17, 3), np.float32))
    found = live(chosen, [(frame, nobody) for frame in range(50)], 10.0)
    assert {judged.raw for judged in found} == {chosen.reference.floor}
    assert not any(judged.scored for judged in found)


def test_windows_of_a_person_are_at_hand_when_a_frame_is_judged() -> None:
    engine = Engine(model(), fps=10.0, size=SIZE)
    for frame, people in walk(90, 10.0):
        for judged in engine.see(frame, people):
            if judged.track is not None:
                highest = engine.windows_of(judged.track, judged.number)[0]
                assert highest.score >= judged.raw - 1e-6
                assert highest.windows.index["track"].tolist() == [judged.track]


@pytest.mark.parametrize(
    ("fps", "every", "enough"),
    [
        (10, 1, True),
        (10, 2, False),
        (30, 3, True),
        (30, 4, True),
        (25, 3, True),
        (25, 10, False),
        (5, 1, True),
        (8, 1, True),
    ],
)
def test_a_source_too_slow_for_the_models_windows_is_refused(fps: float, every: int, enough: bool) -> None:
    """Looking seldom enough, no window ever has its samples: nobody would be scored, and nothing would tell."""
    crowds = [pair for pair in walk(200, fps) if pair[0] % every == 0]
    if not enough:
        with pytest.raises(ModelError, match="reads 10 samples a second"):
            Engine(model(), fps=fps, size=SIZE, every=every)
        return
    engine = Engine(model(), fps=fps, size=SIZE, every=every)
    found = [judged for frame, people in crowds for judged in engine.see(frame, people)]
    assert any(judged.scored for judged in found)
