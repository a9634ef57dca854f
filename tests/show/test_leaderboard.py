"""The columns of the ranking, what is said below it, and its Markdown."""

from __future__ import annotations

from typing import Any

from stages.show.leaderboard import CLIP_COLUMNS, columns, markdown, reading
from stages.show.views import DatasetView, Difference
from tests.show.made_up import REASON, bare, entry, view, whole


def difference(detector: str, p: float) -> Difference:
    return Difference(detector, 0.1, (0.05, 0.15), p, p < 0.05)


def headings(found: DatasetView) -> list[str]:
    return [column.heading for column in columns(found)]


def test_columns_that_nobody_has_are_left_out() -> None:
    expected = ["AUC raw", "AUC smoothed", "AP", "EER", "abnormal frames scored", "all frames scored"]
    assert headings(view(entry("knn", bare(0.7)))) == expected


def test_a_column_that_one_run_has_is_shown() -> None:
    found = headings(view(entry("knn", bare(0.7)), entry("stg_nf", whole(0.8))))
    assert {"decidability", "macro AUC", "RBDC", "TBDC", "abnormal regions scored"} < set(found)
    assert found[:2] == ["AUC raw", "AUC smoothed"]


def test_the_reader_is_told_of_clips_seeds_and_draws() -> None:
    metrics = whole(0.8, clips=("a", "b", "c"), seeds=3)
    metrics["counts"]["two_class"] = 2
    text = " ".join(reading(view(entry("knn", metrics))))
    assert "9 test frames of 3 clips, 3 labelled abnormal." in text
    assert "over the clips that hold both classes: 2." in text
    assert "over 3 seeds" in text
    assert "its 95% interval, from 1000 draws of 3 clips with replacement" in text
    assert "where 5 clips or more show something abnormal, though from fewer than 10" in text
    metrics["bootstrap"]["least_clips"] = 10
    assert "where 10 clips or more show something abnormal." in " ".join(reading(view(entry("knn", metrics))))


def test_frames_without_a_label_are_told() -> None:
    counts = {"clips": 1, "frames": 9, "abnormal": 3, "unknown": 2, "windows": 5}
    assert "3 labelled abnormal, 2 without a label." in reading(view(entry("knn", bare(0.7, counts=counts))))[0]


def test_reasons_are_told_once() -> None:
    absent: dict[str, Any] = {
        "bootstrap": {"reason": REASON},
        "regions": {"rbdc": None, "reason": "the dataset has no regions"},
    }
    text = " ".join(reading(view(entry("knn", bare(0.7, **absent)), entry("stg_nf", bare(0.8, **absent)))))
    assert text.count(f"No intervals: {REASON}.") == 1
    assert text.count("No RBDC and TBDC: the dataset has no regions.") == 1
    assert "draws" not in text


def test_a_reason_of_some_says_of_whom() -> None:
    frames: dict[str, Any] = {"regions": {"rbdc": None, "reason": "no score belongs to a person"}}
    text = " ".join(reading(view(entry("knn", bare(0.8)), entry("itae", bare(0.7, **frames)))))
    assert "No RBDC and TBDC of itae: no score belongs to a person." in text


def test_the_reader_is_told_what_is_undefined() -> None:
    said = reading(view(entry("knn", bare(None, undefined=["all: one class"]))))
    assert said[-1] == "Undefined: all: one class."


def test_many_clips_of_one_class_are_counted() -> None:
    few = [f"c{place}: one class" for place in range(3)]
    assert reading(view(entry("knn", bare(0.7, undefined=few))))[-3:] == [f"Undefined: {why}." for why in few]
    said = reading(view(entry("knn", bare(None, undefined=[*few, "c3: one class", "all: one class"]))))
    counted = "4 clips, being of one class or without labels, have no AUC of their own."
    assert said[-2:] == [counted, "Undefined: all: one class."]
    assert "c0" not in " ".join(said)


def test_the_table_marks_the_best_of_each_dataset() -> None:
    lines = markdown([view(entry("knn", bare(0.7)), entry("stg_nf", bare(0.8)))]).splitlines()
    assert lines[0] == (
        "| dataset | detector | AUC raw | AUC smoothed | AP | EER | abnormal frames scored | AUC of each clip |"
    )
    assert lines[2] == "| toy | stg_nf | 0.800 | **0.800** | 0.500 | 0.250 | 88% | fall 0.800 · walk 0.800 |"
    assert lines[3] == "| toy | knn | 0.700 | 0.700 | 0.500 | 0.250 | 88% | fall 0.700 · walk 0.700 |"


def test_the_table_marks_what_cannot_be_told_from_the_best() -> None:
    runs = [entry("knn", whole(0.7)), entry("stg_nf", whole(0.8)), entry("gepc", whole(0.79))]
    table = markdown([view(*runs, differences=(difference("gepc", 0.3), difference("knn", 0.01)))])
    heading, _, best, tied, far = table.splitlines()
    assert "| AUC smoothed (≈ cannot be told from the best) |" in heading
    assert "| 0.750 | **0.800** [0.760–0.840] | 0.800 |" in best
    assert "| 0.790 [0.750–0.830] ≈ |" in tied
    assert "| 0.700 [0.660–0.740] |" in far
    assert "| 0.410 | 0.720 |" in best


def test_nothing_is_best_where_nothing_is_defined() -> None:
    assert "**" not in markdown([view(entry("knn", bare(None)))])


def many(clips: int) -> DatasetView:
    return view(entry("knn", bare(0.7, [f"c{place}" for place in range(clips)])))


def test_many_clips_do_not_widen_the_table() -> None:
    assert "AUC of each clip" not in markdown([many(CLIP_COLUMNS + 1)])
    both = markdown([many(CLIP_COLUMNS), many(CLIP_COLUMNS + 1)])
    assert "c7 0.700 |" in both
    assert "9 clips, see the report" in both
