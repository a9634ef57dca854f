"""From SCORES on disk to figures, frame scores and plots on disk."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import average_precision_score, roc_auc_score

from stages import evaluate
from stages.core.errors import DatasetError, NormotionError, ParamsError, ScoreError
from stages.core.paths import Project
from stages.core.schemas import FRAME_SCORES
from stages.core.tables import read
from stages.evaluation.ranking import FIGURES
from tests.show.synthetic import LABELS, build, windows, write_scores


def figures(project: Project, detector: str = "knn") -> dict[str, Any]:
    evaluate.run(project, "toy", detector)
    found: dict[str, Any] = json.loads(project.metrics("toy", detector).read_text(encoding="utf-8"))
    return found


def set_params(project: Project, **section: Any) -> None:
    params = yaml.safe_load(project.params.read_text(encoding="utf-8"))
    project.params.write_text(yaml.safe_dump({**params, "evaluate": section}), encoding="utf-8")


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing in tests that do not look at pictures."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(evaluate, "draw_timeline", lambda path, *_: path.write_bytes(b""))


@pytest.fixture
def pictures() -> None:
    """Asks for real pictures."""


def relabel(project: Project, labels: str) -> None:
    (project.raw("toy") / "labels.csv").write_text(labels, encoding="utf-8")


@pytest.mark.parametrize("kind", ["raw", "smoothed"])
def test_figures_are_those_of_the_written_frame_scores(tmp_path: Path, kind: str) -> None:
    project = build(tmp_path)
    found = figures(project)
    frames = read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame
    assert found[kind]["auc"] == pytest.approx(roc_auc_score(frames["label"], frames[kind]), abs=1e-6)
    assert found[kind]["ap"] == pytest.approx(average_precision_score(frames["label"], frames[kind]), abs=1e-6)
    fall = frames[frames["clip"] == "fall"]
    assert found["clips"]["fall"][kind] == pytest.approx(roc_auc_score(fall["label"], fall[kind]), abs=1e-6)


def test_frames_of_unknown_truth_count_for_nothing(tmp_path: Path) -> None:
    project = build(tmp_path)
    relabel(project, "clip,start_frame,end_frame,label\nfall,30,44,\nfall,40,49,unknown\n")
    found = figures(project)
    # Of the 15 abnormal frames the last five are unknown, and so are the five after them.
    assert (found["counts"]["abnormal"], found["counts"]["unknown"]) == (10, 10)
    frames = read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame
    known = frames[frames["label"].notna()]
    assert len(frames) - len(known) == 10
    assert found["raw"]["auc"] == pytest.approx(roc_auc_score(known["label"].astype(int), known["raw"]), abs=1e-6)


def test_every_frame_of_every_test_clip_is_scored_and_labelled(tmp_path: Path) -> None:
    project = build(tmp_path)
    evaluate.run(project, "toy", "stg_nf")
    rows = read(project.frame_scores("toy", "stg_nf"), FRAME_SCORES)
    fall = rows.frame[rows.frame["clip"] == "fall"]
    assert fall["frame"].tolist() == list(range(60))
    # labels.csv says 30 to 44, the last one included.
    assert fall.loc[fall["label"] == 1, "frame"].tolist() == list(range(30, 45))
    assert (rows.frame["clip"] == "walk").sum() == 40
    assert set(rows.frame["clip"]) == {"fall", "walk"}  # not the training clip
    assert rows.meta["unit"] == "nats"


def test_a_detector_that_sees_the_fall_is_good_raw_and_smoothed(tmp_path: Path) -> None:
    found = figures(build(tmp_path), "stg_nf")
    assert found["raw"]["auc"] > 0.95
    assert found["smoothed"]["auc"] > 0.95
    assert found["raw"] != found["smoothed"]


def test_coverage_tells_which_frames_carry_a_score(tmp_path: Path) -> None:
    project = build(tmp_path)
    # One window of 4 samples of 2 frames: frames 26 to 33 of the 100; 4 of the 15 abnormal ones.
    write_scores(project, "knn", windows("fall").query("track == 0 and start_frame == 26"))
    found = figures(project)
    assert found["coverage"] == {"frames": 0.08, "abnormal": round(4 / 15, 6)}
    expected = {"abnormal": 15, "clips": 2, "frames": 100, "two_class": 1, "unknown": 0, "windows": 1}
    assert found["counts"] == expected


def test_no_windows_at_all_are_chance_without_coverage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pictures: None
) -> None:
    project = build(tmp_path)
    write_scores(project, "knn", windows("fall").head(0))
    with caplog.at_level(logging.WARNING, "normotion"):
        found = figures(project)
    assert found["coverage"] == {"frames": 0.0, "abnormal": 0.0}
    assert found["raw"]["auc"] == 0.5
    assert "no frame carries a score" in caplog.text
    assert (project.plots("toy", "knn") / "timeline-fall.png").is_file()


def test_a_clip_in_which_nobody_was_seen_is_judged_all_the_same(tmp_path: Path) -> None:
    project = build(tmp_path)
    write_scores(project, "knn", windows("fall"))
    found = figures(project)
    assert found["coverage"]["frames"] == 0.6
    assert found["clips"]["walk"] == {"raw": None, "smoothed": None}
    assert found["undefined"] == ["walk: all 40 frames with a known label are normal"]


def test_one_class_has_no_figures_and_says_why(tmp_path: Path) -> None:
    project = build(tmp_path)
    relabel(project, LABELS.splitlines()[0] + "\n")
    clips = project.raw("toy") / "clips.csv"
    clips.write_text(clips.read_text(encoding="utf-8").replace("fall,1", "fall,0"), encoding="utf-8")
    found = figures(project)
    assert found["raw"] == found["smoothed"] == dict.fromkeys(FIGURES)
    assert "all: all 100 frames with a known label are normal" in found["undefined"]
    assert found["coverage"]["abnormal"] is None
    roc = pd.read_csv(project.plots("toy", "knn") / "roc.csv")
    assert roc.empty
    assert roc.columns.tolist() == ["fpr", "tpr", "kind"]


def test_a_clip_that_is_abnormal_nobody_said_when_counts_as_unknown(tmp_path: Path) -> None:
    project = build(tmp_path)
    relabel(project, LABELS.splitlines()[0] + "\n")
    found = figures(project)
    assert found["counts"]["unknown"] == 60
    assert found["undefined"][0] == "fall: no frame has a known label"
    frames = read(project.frame_scores("toy", "knn"), FRAME_SCORES).frame
    assert frames.loc[frames["clip"] == "fall", "label"].isna().all()


def test_seeds_are_averaged_with_their_deviation(tmp_path: Path) -> None:
    found = figures(build(tmp_path, seeds=(0, 1, 2)))
    each = [seed["raw"]["auc"] for seed in found["seeds"].values()]
    assert list(found["seeds"]) == ["0", "1", "2"]
    assert found["raw"]["auc"] == pytest.approx(np.mean(each), abs=2e-6)
    assert found["raw_sd"]["auc"] == pytest.approx(np.std(each, ddof=1), abs=2e-6)
    assert found["raw_sd"]["auc"] > 0
    # Three models scored the same windows.
    assert found["counts"]["windows"] == len(windows("fall")) + len(windows("walk"))


def test_one_seed_has_no_deviation(tmp_path: Path) -> None:
    assert "raw_sd" not in figures(build(tmp_path))


def test_the_roc_curve_is_thin_and_keeps_its_area(tmp_path: Path) -> None:
    project = build(tmp_path, seeds=(0, 1))
    found = figures(project)
    roc = pd.read_csv(project.plots("toy", "knn") / "roc.csv")
    for kind, curve in roc.groupby("kind"):
        assert len(curve) <= evaluate.POINTS
        assert curve.iloc[0, :2].tolist() == [0, 0]
        assert curve.iloc[-1, :2].tolist() == [1, 1]
        assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(found[str(kind)]["auc"], abs=2e-3)


def test_the_rules_are_those_of_the_params(tmp_path: Path) -> None:
    project = build(tmp_path)
    before = figures(project)
    set_params(project, landing="centre", smoothing={"kind": "none"})
    after = figures(project)
    assert after["raw"] == after["smoothed"]
    assert after["raw"] != before["raw"]
    assert "middle sample" in after["rules"][0]


def test_figures_are_written_in_a_fixed_order(tmp_path: Path) -> None:
    project = build(tmp_path)
    found = figures(project)
    text = project.metrics("toy", "knn").read_text(encoding="utf-8")
    assert text == json.dumps(found, indent=2, sort_keys=True) + "\n"


def test_one_timeline_per_test_clip_and_none_left_over(tmp_path: Path, pictures: None) -> None:
    project = build(tmp_path)
    folder = project.plots("toy", "knn")
    folder.mkdir(parents=True)
    (folder / "timeline-removed.png").write_bytes(b"old")
    evaluate.run(project, "toy", "knn")
    assert sorted(path.name for path in folder.iterdir()) == [
        "pr.csv",
        "roc.csv",
        "timeline-fall.png",
        "timeline-walk.png",
    ]


def test_equal_inputs_give_equal_bytes(tmp_path: Path, pictures: None) -> None:
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project = build(tmp_path / name, seeds=(0, 1))
        evaluate.run(project, "toy", "knn")
        files = sorted(path for path in (tmp_path / name / "reports").rglob("*") if path.is_file())
        written.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert len(written[0]) == 8
    assert written[0] == written[1]


def misnamed(project: Project) -> None:
    set_params(project, landing="middle", smothing={"kind": "none"})


def without_test_clips(project: Project) -> None:
    clips = project.raw("toy") / "clips.csv"
    clips.write_text(clips.read_text(encoding="utf-8").replace(",test,", ",validation,"), encoding="utf-8")


def of_a_training_clip(project: Project) -> None:
    write_scores(project, "knn", windows("walk").assign(clip="street"))


def of_two_parts(project: Project) -> None:
    table = windows("walk")
    write_scores(project, "knn", pd.concat([table, table.assign(part="motion")]))


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (misnamed, ParamsError, "did you mean 'smoothing'"),
        (without_test_clips, DatasetError, "no clip is in the split `test`"),
        (of_a_training_clip, ScoreError, "street"),
        (of_two_parts, ScoreError, r"\['motion', 'score'\]"),
    ],
)
def test_bad_input_is_refused_and_what_was_good_stays(
    tmp_path: Path, spoil: Any, error: type[NormotionError], says: str
) -> None:
    project = build(tmp_path)
    evaluate.run(project, "toy", "knn")
    good = project.metrics("toy", "knn").read_bytes()
    spoil(project)
    with pytest.raises(error, match=says):
        evaluate.run(project, "toy", "knn")
    assert project.metrics("toy", "knn").read_bytes() == good


def test_judging_imports_no_torch(root: Path, tmp_path: Path) -> None:
    build(tmp_path)
    code = "import sys; from stages import evaluate; from stages.core.paths import find_project as project;"
    code += "evaluate.run(project(), 'toy', 'knn'); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=True)


def test_timelines_are_drawn_unless_nobody_wants_them(tmp_path: Path) -> None:
    project = build(tmp_path)
    drawn = figures(project)
    assert list(project.plots("toy", "knn").glob("timeline-*.png"))
    set_params(project, timelines=False)
    assert figures(project) == drawn
    assert not list(project.plots("toy", "knn").glob("timeline-*.png"))
    assert (project.plots("toy", "knn") / "roc.csv").is_file()
