"""What a timeline says: intervals, kinds, the axis, and lines that break where nobody was scored."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from stages.core.dataset import load_dataset
from stages.show.palette import ABNORMAL, style
from stages.show.timeline import Curve, Interval, Truth, axis, curve, draw_timeline, name_kinds, plot, shade, truth
from tests.show.synthetic import build

FALL = Truth("fall", 10, 40, (Interval(10, 19, "fall"), Interval(20, 21, "lies for a long time")), known=True)


def line(**changes: Any) -> Curve:
    scores = np.linspace(0, 1, 40)[None]
    given = {"name": "knn", "raw": scores, "smoothed": scores, "scored": np.ones(40, bool)}
    return Curve(**{**given, "style": style(0), "ends": (0, 1), **changes})


def axes() -> Any:
    return Figure().subplots()


def test_the_truth_of_a_clip(tmp_path: Path) -> None:
    data = load_dataset(build(tmp_path), "toy")
    assert truth(data, "fall") == Truth("fall", 20, 60, (Interval(30, 44, "fall"),), known=True)
    assert truth(data, "walk") == Truth("walk", 10, 40, (), known=True)


def test_a_clip_that_is_abnormal_nobody_said_when(tmp_path: Path) -> None:
    project = build(tmp_path)
    (project.raw("toy") / "labels.csv").write_text("clip,start_frame,end_frame\n", encoding="utf-8")
    assert truth(load_dataset(project, "toy"), "fall") == Truth("fall", 20, 60, (), known=False)


def test_frames_of_which_nobody_knows_leave_the_rest_of_the_clip_known(tmp_path: Path) -> None:
    project = build(tmp_path)
    labels = "clip,start_frame,end_frame,label\nfall,5,6,\nfall,8,9,unknown\n"
    (project.raw("toy") / "labels.csv").write_text(labels, encoding="utf-8")
    assert truth(load_dataset(project, "toy"), "fall") == Truth("fall", 20, 60, (Interval(5, 6, ""),), known=True)


def test_a_label_without_a_kind_is_nameless(tmp_path: Path) -> None:
    project = build(tmp_path)
    (project.raw("toy") / "labels.csv").write_text("clip,start_frame,end_frame\nfall,5,6\nfall,1,2\n", encoding="utf-8")
    found = truth(load_dataset(project, "toy"), "fall")
    assert found.intervals == (Interval(1, 2, ""), Interval(5, 6, ""))


@pytest.mark.parametrize(
    ("frame", "kind"), [(9, None), (10, "fall"), (19, "fall"), (21, "lies for a long time"), (22, None)]
)
def test_the_kind_at_a_frame(frame: int, kind: str | None) -> None:
    assert FALL.kind(frame) == kind


def test_the_axis_holds_all_smoothed_and_nearly_all_raw_scores() -> None:
    raw = np.zeros(1000)
    raw[0] = 1000  # one of a thousand: may run off the picture
    frames = pd.DataFrame({"raw": raw, "smoothed": np.linspace(-1, 9, 1000)})
    # From −1 to 9, and 6 % of that as air on both sides.
    assert axis(frames) == pytest.approx((-1.6, 9.6))


def test_equal_scores_still_have_an_axis() -> None:
    assert axis(pd.DataFrame({"raw": [3.0, 3], "smoothed": [3.0, 3]})) == (2, 4)
    assert axis(pd.DataFrame({"raw": [], "smoothed": []})) == (0, 1)


def test_a_curve_has_one_row_per_seed() -> None:
    frames = pd.DataFrame({"seed": [0, 0, 4, 4], "raw": [1.0, 2, 3, 4], "smoothed": 0.0, "scored": [True, False] * 2})
    found = curve(frames, "knn", style(1), (0, 5), "AUC 0.9")
    assert found.raw.tolist() == [[1, 2], [3, 4]]
    assert found.scored.tolist() == [True, False]
    assert (found.style, found.note) == (style(1), "AUC 0.9")


def test_intervals_are_shaded_up_to_the_end_of_their_last_frame() -> None:
    area = axes()
    shade(area, FALL)
    # Frames 10 to 19 at 10 frames/s: from 1 s to 2 s.
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in area.patches]
    assert spans == [(1, 2), (2, pytest.approx(2.2))]
    assert area.patches[0].get_facecolor()[:3] == to_rgb(ABNORMAL)
    assert area.get_xlim() == (0, 4)


def test_an_unknown_clip_is_hatched_as_a_whole() -> None:
    area = axes()
    shade(area, Truth("fall", 10, 40, (), known=False))
    assert [patch.get_hatch() for patch in area.patches] == ["//"]
    assert area.get_legend_handles_labels()[1] == ["abnormal, nobody said when"]


def test_kinds_are_named_lying_where_they_fit_and_upright_elsewhere() -> None:
    area = axes()
    name_kinds(area, FALL)
    assert [(text.get_text(), text.get_rotation()) for text in area.texts] == [
        ("fall", 0),
        ("lies for a long time", 90),
    ]


def test_raw_scores_break_where_nobody_was_scored() -> None:
    area = axes()
    scored = np.arange(40) < 30
    plot(area, FALL, line(scored=scored))
    lines = {drawn.get_label(): drawn.get_ydata() for drawn in area.lines}
    assert np.isnan(lines["raw"]).tolist() == (~scored).tolist()
    assert not np.isnan(lines["smoothed"]).any()
    assert np.isnan(lines["nobody scored"]).tolist() == scored.tolist()
    # A frame's score stands in the middle of its time.
    assert area.lines[0].get_xdata()[0] == pytest.approx(0.05)


def test_several_seeds_are_a_mean_and_a_band() -> None:
    area = axes()
    scores = np.stack([np.zeros(40), np.full(40, 2.0)])
    plot(area, FALL, line(raw=scores, smoothed=scores))
    assert {drawn.get_label(): float(drawn.get_ydata()[0]) for drawn in area.lines} == {"raw": 1, "smoothed": 1}
    assert len(area.collections) == 1


def test_a_timeline_is_written_the_same_each_time_whatever_the_users_settings(tmp_path: Path) -> None:
    import matplotlib as mpl

    draw_timeline(tmp_path / "one.png", FALL, line(), "nats")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        draw_timeline(tmp_path / "two.png", FALL, line(), "nats")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert b"Software" not in (tmp_path / "one.png").read_bytes()
    image = cv2.imread(str(tmp_path / "one.png"))
    assert image is not None
    assert image.shape == (360, 1080, 3)


def test_every_sign_of_a_name_can_be_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = Truth("über_$x", 10, 40, (Interval(3, 30, "Sturz – à côté $5_{$"),), known=True)
    with caplog.at_level(logging.WARNING):
        draw_timeline(tmp_path / "one.png", clip, line(name="stg_nf"), "")
    assert not caplog.records
