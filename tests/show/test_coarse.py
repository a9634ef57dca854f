"""The coarse-grained protocol on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import SchemaError
from stages.show.coarse import PUBLISHED, tables
from stages.show.coarse_result import Coarse, Figure, Found, Spread, read
from stages.show.page import render
from tests.show.made_up import entry, view, whole

DIRECTIONS = ("few_vs_many", "many_vs_few")
SPLITS = {"drawn": False, "mixed": False, "calm": True}


def found(split: str, direction: str, auc: float, parts: tuple[str, ...] = ("score",), without: int = 0) -> Found:
    return Found(
        split=split, meaningful=SPLITS[split], direction=direction, classes=("sit <b>", "stand"),
        auc={part: Figure(seeds={"0": auc}, mean=auc) for part in parts}, train_clips=6, train_windows=24,
        test_clips=12, abnormal_clips=5, test_windows=48, clips_without_windows=without, seconds=1.5,
    )  # fmt: skip


def coarse(detector: str, auc: float, dataset: str = "gym", **changes: Any) -> Coarse:
    """Of three splits in both directions: meaningful ones 0.1 above, many vs. few 0.05 below."""
    parts = changes.get("parts", ("score",))
    kinds = {"random": (auc, 0.02, 2), "meaningful": (auc + 0.1, None, 1)}
    summary = {
        direction: {
            kind: Spread(
                auc_mean=round(mean - 0.05 * down, 3), auc_sd=sd, splits=count,
                parts={part: round(mean - 0.05 * down, 3) for part in parts},
            )
            for kind, (mean, sd, count) in kinds.items()
        }
        for down, direction in enumerate(DIRECTIONS)
    }  # fmt: skip
    splits = tuple(found(split, direction, auc, parts, without=2) for split in SPLITS for direction in DIRECTIONS)
    about = {"supervised": False, "parts": parts, "seeds": (0,), "over_windows": "mean"}
    return Coarse(
        **{"dataset": dataset, "detector": detector, "summary": summary, "splits": splits, **about, **changes}
    )


def none(detector: str) -> Coarse:
    return coarse(detector, 0.5, summary={}, splits=(), reason="the windows are in three dimensions")


def page(*results: Coarse) -> str:
    return render("Toy", [view(entry("knn", whole(0.7)))], actions=results)


def test_detectors_by_direction_and_kind_the_best_first() -> None:
    table, other = tables([coarse("knn", 0.7), coarse("gepc", 0.8), none("mped_rnn"), coarse("knn", 0.6, "hall")], {})
    assert (table.dataset, other.dataset) == ("gym", "hall")
    assert [(column.direction, column.kind, column.splits) for column in table.columns] == [
        ("few vs. many", "random", "2 splits"), ("few vs. many", "meaningful", "1 split"),
        ("many vs. few", "random", "2 splits"), ("many vs. few", "meaningful", "1 split"),
    ]  # fmt: skip
    assert [row.detector for row in table.rows] == ["gepc", "knn", "mped_rnn"]
    assert [figure.spread for figure in table.rows[0].figures] == ["0.800 ± 0.020", "0.900", "0.750 ± 0.020", "0.850"]
    assert [figure.text for figure in table.rows[2].figures] == ["–"] * 4
    assert "mped_rnn is not applicable: the windows are in three dimensions." in table.notes
    assert any(note.startswith("Up to 2 test clips") for note in table.notes)


def test_the_best_is_one_that_is_told_no_classes() -> None:
    table = tables([coarse("knn", 0.7), coarse("st_gcn", 0.8, supervised=True)], {})[0]
    assert [(row.detector, row.note, any(row.best)) for row in table.rows] == [
        ("st_gcn", "is told the classes", False), ("knn", "", True),
    ]  # fmt: skip


def test_the_axis_holds_every_split() -> None:
    low = coarse("knn", 0.7, splits=(found("calm", "few_vs_many", 0.23),))
    assert tables([low], {})[0].scale.low == 0.2


def test_parts_have_rows_of_their_own_where_there_are_several() -> None:
    table = tables([coarse("knn", 0.7), coarse("itae", 0.6, parts=("recon", "static"))], {})[0]
    assert [(row.detector, row.note) for row in table.parts] == [("itae", "recon"), ("itae", "static")]


def test_the_page_has_a_section_only_where_there_is_something() -> None:
    assert 'id="coarse"' not in page()
    text = page(coarse("knn", 0.7), none("mped_rnn"))
    for expected in (
        '<section id="coarse">',
        'href="#coarse"',
        "few vs. many",
        "± 0.020",
        "sit &lt;b&gt;",
        "Each split",
    ):
        assert expected in text
    assert "12 judged (5 abnormal, 2 without windows)" in text
    assert "published, other data, not comparable" in text
    assert "Each part" not in text


def test_a_dataset_for_which_nothing_is_applicable_says_why() -> None:
    text = page(none("mped_rnn"))
    assert "mped_rnn is not applicable: the windows are in three dimensions." in text
    assert "Each split" not in text


def test_published_figures_are_those_of_the_paper() -> None:
    """Table 2: means over datasets as a check sum of every column."""
    assert all(len(row) == 9 for row in PUBLISHED)
    assert PUBLISHED[-1][0] == "GEPC"
    assert PUBLISHED[-1][1:] == ("0.73", "0.82", "0.72", "0.85", "0.65", "0.73", "0.62", "0.74")
    assert round(sum(float(row[1]) for row in PUBLISHED if row[1] != "–"), 2) == 3.26


def test_results_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "knn.json"
    with pytest.raises(SchemaError, match="missing"):
        read(path)
    path.write_text(coarse("knn", 0.7).model_dump_json())
    assert read(path) == coarse("knn", 0.7)
    path.write_text('{"dataset": "gym"}')
    with pytest.raises(SchemaError, match="not a readable result"):
        read(path)
