"""Poses and tracks in short: the table, the skeleton, and which joints are named."""

from __future__ import annotations

from stages.core.skeleton import layout
from stages.show.page import render
from stages.show.poses import COLUMNS, drawing, least_sure
from stages.show.views import PoseView
from tests.show.made_up import bare, entry, pose_figures, view

COCO = layout("coco17")


def poses(**joints: float) -> PoseView:
    shares = dict.fromkeys(COCO.joints, 0.0) | joints
    return PoseView((("all", pose_figures()),), shares, COCO, (("Odd <one>.", "So beware."),))


def test_the_table_has_a_row_per_group() -> None:
    row = {
        column.heading: column.of(pose_figures(track_median_seconds=None, height_median_px=None)) for column in COLUMNS
    }
    assert row["clips"] == "12"
    assert row["length"] == "5 min"
    assert row["frames with people tracked"] == "95 %"
    assert row["tracks"] == "1,234"
    assert (row["median track"], row["median height"]) == ("–", "–")


def test_the_least_sure_joints_are_named_first() -> None:
    found = poses(left_wrist=0.57, nose=0.1, right_wrist=0.3, left_ear=0.2, right_ear=0.2, left_eye=0.05)
    told = "left wrist in 57 %, right wrist in 30 %, right ear in 20 %, left ear in 20 %, nose in 10 %"
    assert least_sure(found) == told
    assert least_sure(poses()) == ""


def test_the_skeleton_is_drawn_where_the_layout_is_known() -> None:
    assert "10 right wrist: unsure in 30 % of people" in drawing(poses(right_wrist=0.3))
    assert "xmlns" not in drawing(poses())
    assert drawing(PoseView((("all", pose_figures()),), {}, None, ())) == ""


def test_the_page_shows_them_where_somebody_looked() -> None:
    run = entry("knn", bare(0.7))
    page = render("Title", [view(run, poses=poses(nose=0.5))])
    assert "Odd &lt;one&gt;." in page
    assert "Least sure: nose in 50 %." in page
    assert 'href="#toy/poses"' in page
    assert "toy/poses" not in render("Title", [view(run)])
