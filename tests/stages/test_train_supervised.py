"""Learning from labelled regions, from tracks to scores: who is abnormal, and not in whose company."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

from stages import normalize, score, segment, train
from stages.core.errors import TrainingError
from stages.core.paths import Project, clip_file, split_file
from stages.core.schemas import NORMALIZED, REGIONS, SCORES, TRACKS, Rows, pose_meta
from stages.core.tables import read, write
from stages.core.truth import REGIONS_FILE
from tests.detectors.conformance import separation
from tests.detectors.gait import walkers

FRAMES = 24
CALM, SLOW, FAST = 1.0, 0.3, 3.0
"""Paces: of people in normal clips, of normal people beside abnormal ones, and of abnormal ones."""
PACES = {
    **{f"calm_{number}": (CALM, CALM) for number in range(8)},
    **{f"odd_{number}": (SLOW, FAST) for number in range(8)},
    **{f"test_{number}": (SLOW, FAST) for number in range(6)},
}
"""Two people in each clip: track 0 is never abnormal, track 1 is where it is fast."""
DETECTOR = "stg_nf_supervised"


def make(folder: Path, paces: dict[str, tuple[float, float]] = PACES, *, drawn: bool = True) -> Project:
    """A dataset of TRACKS, in which whole clips are labelled abnormal; with regions that say who is, or without."""
    here = Project(folder)
    raw = here.raw("gate")
    raw.mkdir(parents=True)
    odd = [clip for clip, (_, pace) in paces.items() if pace == FAST]
    clips = pd.DataFrame({"clip": list(paces), "path": "a.mp4", "camera": 1, "scene": "gate", "fps": 10})
    clips["split"] = ["test" if clip.startswith("test") else "train" for clip in paces]
    clips.assign(width=1920, height=1080, frames=FRAMES).to_csv(raw / "clips.csv", index=False)
    labels = pd.DataFrame({"clip": odd, "start_frame": 0, "end_frame": FRAMES - 1})
    labels.to_csv(raw / "labels.csv", index=False)
    (raw / "dataset.yaml").write_text("name: gate\nsource: here\nlicence: CC0\n")
    people = {clip: pair(number, *both) for number, (clip, both) in enumerate(paces.items())}
    for clip, rows in people.items():
        write(clip_file(here.tracks("gate"), clip), TRACKS, Rows(rows.frame.assign(clip=clip), rows.values, rows.meta))
    if drawn:
        write(raw / REGIONS_FILE, REGIONS, Rows(pd.concat([region(clip, people[clip]) for clip in odd])))
    learning = {"steps": 4, "epochs": 8, "batch": 32, "learning_rate": 0.03}
    params = {
        "windows": {"second": {"rate": 10.0, "length": 8}},
        "segment": {"windows": ["second"]},
        "train": {"seeds": [0], "device": "cpu"},
        "score": {"device": "cpu"},
        "detectors": {DETECTOR: {"window": "second", **learning}},
    }
    here.params.write_text(yaml.safe_dump(params))
    return here


def pair(seed: int, *paces: float) -> Rows:
    """Two people, one 300 px below the other."""
    people = [walkers(1, samples=FRAMES, seed=2 * seed + who, speed=pace) for who, pace in enumerate(paces)]
    keypoints = np.concatenate(people)
    keypoints[1, ..., 1] += 300
    low, high = keypoints[..., :2].min(axis=2).reshape(-1, 2), keypoints[..., :2].max(axis=2).reshape(-1, 2)
    box = {"x": low[:, 0], "y": low[:, 1], "w": (high - low)[:, 0], "h": (high - low)[:, 1], "score": 0.9}
    frame = pd.DataFrame({"frame": np.tile(np.arange(FRAMES), 2), "track": np.repeat([0, 1], FRAMES), **box})
    return Rows(frame, keypoints.reshape(-1, 18, 3), pose_meta("openpose18"))


def region(clip: str, people: Rows) -> pd.DataFrame:
    """The box of the second person, frame by frame."""
    found = people.frame[people.frame["track"] == 1]
    sides = {"x1": found["x"], "y1": found["y"], "x2": found["x"] + found["w"], "y2": found["y"] + found["h"]}
    return pd.DataFrame({"frame": found["frame"], "track": 5, **sides, "clip": clip, "kind": "run"})


def windows(here: Project, split: str) -> pd.DataFrame:
    segment.run(here, "gate", "second")
    normalize.run(here, "gate", "second")
    return read(split_file(here.normalized("gate", "second"), split), NORMALIZED).frame


def scores(here: Project) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of the test clips' normal people, and of the abnormal ones beside them."""
    windows(here, "test")
    train.run(here, "gate", DETECTOR)
    score.run(here, "gate", DETECTOR)
    found = read(here.scores("gate", DETECTOR), SCORES).frame
    normal, abnormal = (found.loc[found["track"] == who, "score"].to_numpy(dtype=np.float32) for who in (0, 1))
    return normal, abnormal


def test_windows_are_labelled_by_their_own_person(tmp_path: Path) -> None:
    found = windows(make(tmp_path), "train")
    odd = found["clip"].str.startswith("odd")
    assert (found.loc[odd, "label"] == 1).all()
    assert (found.loc[odd, "person_label"] == found.loc[odd, "track"]).all()
    assert (found.loc[~odd, "person_label"] == 0).all()


def test_regions_teach_more_than_frames_can(tmp_path: Path) -> None:
    # Slow people are only seen beside fast ones: labels of frames alone call them just as abnormal.
    told = separation(*scores(make(tmp_path / "told")))
    untold = separation(*scores(make(tmp_path / "untold", drawn=False)))
    assert told > 0.95
    assert untold < 0.75


def test_clips_without_anybody_abnormal_are_refused_with_a_way_out(tmp_path: Path) -> None:
    here = make(tmp_path, {clip: paces for clip, paces in PACES.items() if not clip.startswith("odd")})
    windows(here, "train")
    with pytest.raises(TrainingError, match="272 training windows follows a person labelled abnormal") as caught:
        train.run(here, "gate", DETECTOR)
    assert "take stg_nf" in caught.value.fix
