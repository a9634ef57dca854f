"""What stands beside a detector's main figures: intervals, parts, regions, protocols, alarms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import evaluate
from stages.core.paths import Project
from stages.core.schemas import FRAME_SCORES, REGIONS, REPLICATES, SCORES, Rows
from stages.core.tables import read, write
from stages.core.truth import REGIONS_FILE
from tests.show.synthetic import build, tracks, windows, write_scores

QUICK = {"replicates": 50, "least_clips": 2}


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "draw_timeline", lambda path, *_: path.write_bytes(b""))


def figures(project: Project, **section: Any) -> dict[str, Any]:
    params = yaml.safe_load(project.params.read_text(encoding="utf-8"))
    project.params.write_text(yaml.safe_dump({**params, "evaluate": section}), encoding="utf-8")
    evaluate.run(project, "toy", "knn")
    found: dict[str, Any] = json.loads(project.metrics("toy", "knn").read_text(encoding="utf-8"))
    return found


def label_regions(project: Project) -> None:
    """The one who falls, in the frames in which that one does, exactly where the tracks have that person."""
    seen = tracks("fall").frame.query("track == 1 and 30 <= frame <= 44")
    corners = {"x1": seen["x"], "y1": seen["y"], "x2": seen["x"] + seen["w"], "y2": seen["y"] + seen["h"]}
    found = pd.DataFrame({"clip": "fall", "track": 7, "frame": seen["frame"], **corners, "kind": "fall"})
    other = found.assign(clip="street", frame=np.arange(len(found)))  # a training clip: counts for nothing
    write(project.raw("toy") / REGIONS_FILE, REGIONS, Rows(pd.concat([found, other], ignore_index=True)))


def test_an_interval_takes_more_than_a_handful_of_clips(tmp_path: Path) -> None:
    found = figures(build(tmp_path))
    assert found["smoothed_interval"]["auc"] is None
    assert found["bootstrap"]["reason"] == "2 clips are too few for an interval, which takes 10"


def test_intervals_and_replicates(tmp_path: Path) -> None:
    project = build(tmp_path)
    clips = project.raw("toy") / "clips.csv"  # of each clip several copies, so that most draws hold both
    names = {name: [f"{name}{number}" for number in range(6)] for name in ("fall", "walk")}
    rows = pd.read_csv(clips)
    copies = [rows[rows["clip"] == old].assign(clip=new) for old, all_ in names.items() for new in all_]
    pd.concat([rows[rows["split"] == "train"], *copies]).to_csv(clips, index=False)
    labels = "".join(f"{name},30,44,fall\n" for name in names["fall"])
    (project.raw("toy") / "labels.csv").write_text(f"clip,start_frame,end_frame,kind\n{labels}")
    scored = [windows(old, seed, 1.0).assign(clip=new) for old, all_ in names.items() for seed, new in enumerate(all_)]
    write_scores(project, "knn", pd.concat(scored, ignore_index=True).assign(seed=0))
    found = figures(project, bootstrap={"replicates": 200})
    low, high = found["smoothed_interval"]["auc"]
    assert low < found["smoothed"]["auc"] < high
    assert found["bootstrap"]["reason"] == ""
    drawn = read(project.replicates("toy", "knn"), REPLICATES).frame
    assert set(drawn["figure"]) >= {"raw/auc", "smoothed/auc", "smoothed/eer", "smoothed/macro"}
    values = drawn.loc[drawn["figure"] == "smoothed/auc", "value"]
    assert len(values) == 200
    assert low <= values.median() <= high


def test_figures_of_kinds_scenes_cameras_and_subsets(tmp_path: Path) -> None:
    project = build(tmp_path)
    about = project.raw("toy") / "dataset.yaml"
    about.write_text(about.read_text() + "subsets: {HR: [walk]}\n")
    found = figures(project, bootstrap=QUICK)
    fall = found["kinds"]["fall"]
    # All abnormal frames are falls, against the normal frames of both clips: the whole figure again.
    assert fall["smoothed"] == found["smoothed"]["auc"]
    assert (fall["abnormal"], fall["abnormal_clips"], fall["frames"]) == (15, 1, 100)
    assert fall["interval"] is None  # one clip with falls tells nothing of others
    assert list(found["scenes"]) == list(found["cameras"]) == ["a"]
    assert found["subsets"]["HR"]["smoothed"] == found["clips"]["fall"]["smoothed"]


def test_regions(tmp_path: Path) -> None:
    project = build(tmp_path)
    label_regions(project)
    found = figures(project, bootstrap=QUICK)["regions"]
    assert (found["regions"], found["tracks"], found["reason"]) == (15, 1, "")
    assert 0 < found["rbdc"] <= 1
    assert found["tbdc"] > 0.9
    # The first person's windows cover all of `fall` and `walk`, the second's those from frames 16 and 10 on.
    assert found["detections"] == 60 + 44 + 40 + 30


def test_the_best_scores_find_every_region(tmp_path: Path) -> None:
    project = build(tmp_path)
    label_regions(project)
    rows = windows("fall").assign(length=1, step=1.0)
    every = pd.concat([rows.iloc[[0]].assign(start_frame=float(frame), track=1, score=9.0) for frame in range(30, 45)])
    write_scores(project, "knn", every.astype({"track": "Int32"}))
    found = figures(project)
    assert found["regions"]["rbdc"] == found["regions"]["tbdc"] == 1
    assert found["coverage"]["regions"] == 1


def test_without_regions_the_reason_is_told(tmp_path: Path) -> None:
    found = figures(build(tmp_path))
    assert found["regions"]["rbdc"] is None
    assert found["regions"]["reason"] == "the dataset has no labelled regions"


def test_scores_of_whole_frames_find_no_regions(tmp_path: Path) -> None:
    project = build(tmp_path)
    label_regions(project)
    write_scores(project, "knn", windows("fall").query("track == 0").assign(track=pd.array([pd.NA], dtype="Int32")[0]))
    found = figures(project)
    assert found["regions"]["reason"] == "no score belongs to a person in the picture"
    assert found["raw"]["auc"] is not None


def test_the_same_scores_under_every_protocol(tmp_path: Path) -> None:
    found = figures(build(tmp_path))
    assert list(found["protocols"]) == ["gepc", "itae", "mgenet", "mped_rnn", "normotion", "stg_nf"]
    own = found["protocols"]["normotion"]
    assert {kind: own[kind] for kind in ("raw", "smoothed")} == {
        kind: found[kind]["auc"] for kind in ("raw", "smoothed")
    }
    assert found["protocols"]["mped_rnn"]["raw"] == found["protocols"]["mped_rnn"]["smoothed"]  # smooths nothing
    assert len({found["protocols"][name]["smoothed"] for name in found["protocols"]}) > 3


def test_protocols_judge_the_part_that_is_asked_for(tmp_path: Path) -> None:
    project = build(tmp_path)
    table = pd.concat([windows(clip) for clip in ("fall", "walk")])
    write_scores(project, "knn", pd.concat([table.assign(part="a"), table.assign(part="b", score=0.0)]))
    assert figures(project, part="b")["protocols"]["stg_nf"]["raw"] == 0.5
    assert figures(project, part="a")["protocols"]["stg_nf"]["raw"] > 0.9


def test_thresholds_come_from_normal_footage_of_the_validation_split(tmp_path: Path) -> None:
    project = build(tmp_path)
    rows = "quiet,validation,videos/street.avi,a,a,10,160,120,40,,0\n"
    with (project.raw("toy") / "clips.csv").open("a") as clips:
        clips.write(rows)
    scores = read(project.scores("toy", "knn"), SCORES).frame
    write_scores(project, "knn", scores.assign(score=scores["score"] * 2), windows("walk").assign(clip="quiet"))
    found = figures(project)["calibration"]
    assert found["reason"] == ""
    camera = found["cameras"]["a"]
    assert camera["hours"] == pytest.approx(4 / 3600, abs=1e-6)
    assert "too short for a target of 1 per hour" in camera["reason"]  # four seconds cannot promise one alarm per hour
    assert found["events"]["recall"] == 1.0  # scores of the fall are ten, of the quiet clip about one
    events = pd.read_csv(project.events("toy", "knn"))
    assert (events["peak_score"] > events["threshold"]).all()
    assert events.loc[events["labelled"] == 1, "track"].tolist() == [1]
    frames = read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame
    fall = frames.loc[frames["label"] == 1, "p"]
    assert fall.min() == pytest.approx(1 / 41)  # beyond all forty frames


@pytest.mark.parametrize("scope", ["clip", "split"])
def test_scores_relative_to_their_own_recording_have_no_thresholds(tmp_path: Path, scope: str) -> None:
    project = build(tmp_path)
    with (project.raw("toy") / "clips.csv").open("a") as clips:
        clips.write("quiet,validation,videos/street.avi,a,a,10,160,120,40,,0\n")
    scores = read(project.scores("toy", "knn"), SCORES).frame
    write_scores(project, "knn", scores, windows("walk").assign(clip="quiet"))
    found = figures(project, normalization=scope)["calibration"]
    assert f"by the extremes of their own {scope}" in found["reason"]
    assert (found["cameras"], found["events"]["events"], found["events"]["false_per_hour"]) == ({}, 0, None)
    assert pd.read_csv(project.events("toy", "knn")).empty
    assert read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame["p"].isna().all()


def test_without_normal_footage_there_are_no_alarms(tmp_path: Path) -> None:
    project = build(tmp_path)
    found = figures(project)["calibration"]
    assert found["reason"] == "there is no normal footage to calibrate on"
    assert found["events"]["events"] == 0
    assert found["events"]["recall"] is None
    assert read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame["p"].isna().all()
