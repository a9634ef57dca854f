"""Counts that can be done by hand, and the words for them."""

from __future__ import annotations

import pytest

from pipelines.explain.facts import by_split, clip_facts, duration, few, kinds_by_clip, some
from tests.pipelines.explain.test_doubts import clip, dataset

CLIPS = [
    clip("a", "train", fps=25.0, frames=100),
    clip("b", "test", fps=10.0, frames=50, abnormal=1),
    clip("c", "test", fps=10.0, frames=30),
]
DATA = dataset(CLIPS, [("c", 5, 9, "fall"), ("c", 8, 14, "run"), ("a", 0, 0, "jump")])


def test_frames_seconds_and_truth_of_each_clip() -> None:
    facts = clip_facts(DATA).set_index("clip")
    assert facts["seconds"].to_dict() == {"a": 4.0, "b": 5.0, "c": 3.0}
    assert facts["abnormal"].to_dict() == {"a": 1, "b": 0, "c": 10}  # 5 to 14, of two intervals that overlap
    assert facts["unknown"].to_dict() == {"a": 0, "b": 50, "c": 0}  # abnormal as a whole: nobody says when


def test_every_split_has_a_row() -> None:
    rows = by_split(clip_facts(DATA))
    assert rows["clips"].to_dict() == {"train": 1, "validation": 0, "test": 2}
    assert rows["frames"].to_dict() == {"train": 100, "validation": 0, "test": 80}
    assert rows.loc["test", "seconds"] == 8.0


def test_kinds_count_in_test_clips_alone() -> None:
    assert kinds_by_clip(DATA) == {"fall": ["c"], "run": ["c"]}


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(0.0, "0 s"), (4.26, "4.3 s"), (119.4, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (172800.0, "2.0 days")],
)
def test_durations_are_said_in_their_own_unit(number: float, wanted: str) -> None:
    assert duration(number) == wanted


def test_lists_are_cut_and_nouns_agree() -> None:
    assert some("abcde") == "a, b, c, d, e"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert few(1, "clip") == "1 clip"
    assert few(1200, "clip has", "clips have") == "1,200 clips have"
