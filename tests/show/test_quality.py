"""The page about poses: what is drawn is what was counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stages.core.skeleton import LAYOUTS, Layout
from stages.show.quality import (
    CAMERAS,
    POINTS,
    ROWS,
    Bar,
    Histogram,
    Page,
    duration,
    figure,
    histogram,
    lengths,
    percent,
    render,
    strip,
    tint,
)
from stages.show.timeline import Interval, Truth

FIGURES: dict[str, Any] = {
    "clips": 1, "frames": 100, "seconds": 10.0, "frames_with_people": 0.5, "frames_with_tracks": 0.4,
    "abnormal_frames": 10, "abnormal_frames_with_tracks": 0.3, "longest_without_tracks_seconds": 2.0, "poses": 200,
    "poses_per_frame": 2.0, "poses_in_tracks": 0.9, "tracks": 7, "track_median_seconds": 1.5, "tracks_short": 0.2,
    "fragments": 3, "tracks_fragments": 0.43, "gaps": 4, "lost_frames": 9, "lost_frames_of_tracks": 0.05,
    "height_median_px": 71, "people_small": 0.25,
}  # fmt: skip


class Advice:
    """As the page needs it."""

    def __init__(self, text: str, *places: str, grave: bool = False) -> None:
        self.text, self.means, self.places, self.grave = text, "It means that.", places, grave


def clip(name: str = "a", frames: int = 100) -> Truth:
    return Truth(name, 10.0, frames, (Interval(20, 39, "fall"),), known=True)


def page(clips: int = 1, cameras: int = 1, **changes: Any) -> Page:
    skeleton: Layout | None = LAYOUTS["coco17"]
    joints = {name: {"confidence": 0.5, "unsure": 0.1} for name in LAYOUTS["coco17"].joints}
    names = [f"clip{number}" for number in range(clips)]
    content: dict[str, Any] = {
        "dataset": "toy", "about": "A <toy>", "whole": FIGURES,
        "cameras": {f"cam{number}": FIGURES for number in range(cameras)}, "clips": dict.fromkeys(names, FIGURES),
        "advice": [], "strips": [strip(clip(name), np.ones(100, np.int64)) for name in names[:3]], "crowd": 2,
        "histograms": [Histogram("People", "Note.", (Bar("0", 5, 50.0), Bar("1", 10, 100.0)))], "skeleton": skeleton,
        "joints": joints, "camera_joints": {f"cam{number}": joints for number in range(cameras)}, "every": [],
    }  # fmt: skip
    return Page(**{**content, **changes})


def test_a_strip_shows_the_most_people_of_a_moment_and_where_nobody_is() -> None:
    people = np.array([0, 0, 1, 2, 1, 0, 3, 3, 0, 0])
    found = strip(clip(frames=10), people)
    np.testing.assert_array_equal(found.most, people)
    assert found.nobody == ((0.0, 200.0), (500.0, 100.0), (800.0, 200.0))
    # steps of a tenth: at 0, 0, 1, 2, 1, 0 and, cut at the top, 2 of 2 people; y counts downwards
    assert found.path(2) == "M0,100V100H100V100H200V50H300V0H400V50H500V100H600V0H700V0H800V100H900V100H1000V100Z"


def test_a_long_clip_is_drawn_with_few_points_that_miss_nobody() -> None:
    people = np.zeros(30_000, dtype=np.int64)
    people[12_345] = 7  # in one frame
    found = strip(clip(frames=30_000), people)
    assert len(found.most) == len(found.ends) == POINTS
    assert found.most.max() == 7
    assert found.ends[-1] == 1000
    assert len(found.nobody) == 2  # before and after


def test_gaps_too_short_to_be_seen_are_not_drawn() -> None:
    people = np.ones(30_000, dtype=np.int64)
    people[[100, 5_000]] = 0
    assert strip(clip(frames=30_000), people).nobody == ()


def test_bars_of_whole_numbers() -> None:
    # 0 four times, 1 once, 2 never, 3 twice, 4 and 5 once each
    found = histogram("t", "n", np.array([4, 1, 0, 2, 1, 1]), (0, 1, 2, 4, 10), " px")
    assert found.bars == (
        Bar("0 px", 4, 100.0), Bar("1 px", 1, 25.0), Bar("2 to 3 px", 2, 50.0), Bar("4 to 9 px", 2, 50.0),
    )  # fmt: skip
    open_ended = histogram("t", "n", np.array([0, 0, 3]), (0, 2), "")
    assert [bar.label for bar in open_ended.bars] == ["0 to 1", "2 or more"]


def test_bars_of_seconds_begin_where_the_last_one_ends() -> None:
    found = lengths("t", "n", np.array([0.1, 0.5, 0.99, 1.0, 70.0]), (0.0, 0.5, 1.0, 60.0), " s")
    assert [(bar.label, bar.count) for bar in found.bars] == [
        ("0 to 0.5 s", 1), ("0.5 to 1 s", 2), ("1 to 60 s", 1), ("60 s or more", 1),
    ]  # fmt: skip


def test_nothing_counted_is_one_empty_bar() -> None:
    assert histogram("t", "n", np.zeros(9, np.int64), (0, 1, 2), "").bars == (Bar("0", 0, 0.0),)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.067, "0.067 s"), (74.5, "74.5 s"), (150, "2.5 min"), (9000, "2.5 h")]
)
def test_durations_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_figures_for_a_table() -> None:
    assert [figure(None), figure(0.12345), figure(71, " px"), figure(45892)] == ["–", "0.123", "71 px", "45892"]
    assert [percent(value) for value in (None, 0.0, 0.004, 0.41)] == ["–", "0 %", "<1 %", "41 %"]
    assert [percent(value) for value in (0.994, 0.996, 1.0)] == ["99 %", ">99 %", "100 %"]


def test_cells_go_from_blue_to_red_with_ink_that_can_be_read() -> None:
    assert tint(0.0) == "background:#56b4e9;color:#000"
    assert tint(1.0) == "background:#ff4d14;color:#000"


def test_the_page_needs_nothing_else() -> None:
    text = render(page())
    assert "<script" not in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http-equiv", "")
    assert "<title>Poses and tracks of toy</title>" in text
    assert "A &lt;toy&gt;." in text
    assert text == render(page())


def test_advice_stands_on_the_page() -> None:
    assert "Nothing stands out." in render(page())
    text = render(page(advice=[Advice("Bad & so.", "a", "b", grave=True), Advice("Less so.", "c")]))
    assert '<li class="grave">' in text
    assert "Bad &amp; so." in text
    assert "all 2 of them</summary>a, b" in text
    assert text.count("<details") == 1
    assert "Nothing stands out." not in text


def test_labelled_intervals_lie_where_they_are() -> None:
    assert '<rect class="abnormal" x="200" width="200" height="100"/>' in render(page())  # frames 20 to 39 of 100


def test_names_of_clips_have_the_room_they_need() -> None:
    names = ("gate", "yard_north_2")
    shown = Page(**{**vars(page()), "clips": dict.fromkeys(names, FIGURES),
                    "strips": [strip(clip(name), np.ones(100, np.int64)) for name in names]})  # fmt: skip
    assert 'style="--name:13ch"' in render(shown)  # that of the longest, and a space


def test_cameras_have_a_table_and_a_column_where_there_are_several() -> None:
    one, two = render(page()), render(page(cameras=2))
    assert "<h2>Cameras</h2>" not in one
    assert "<h2>Cameras</h2>" in two
    assert '<th scope="col">cam1</th>' in two
    many = render(page(cameras=CAMERAS + 5))
    assert f"The first {CAMERAS} of {CAMERAS + 5} cameras" in many
    assert f'<th scope="col">cam{CAMERAS}</th>' not in many


def test_of_many_clips_some_are_shown_and_it_says_so() -> None:
    text = render(page(clips=ROWS + 1))
    assert f"The first {ROWS} of {ROWS + 1} clips are shown." in text
    assert f"The 3 clips with the smallest share of {ROWS + 1}." in text


def test_without_one_layout_there_is_no_skeleton() -> None:
    assert "<h2>Joints</h2>" in render(page())
    assert "<h2>Joints</h2>" not in render(page(skeleton=None, joints={}))


def test_poses_of_every_nth_frame_are_told() -> None:
    assert "one frame in 3;" in render(page(every=[3]))
    assert "one frame in" not in render(page())
