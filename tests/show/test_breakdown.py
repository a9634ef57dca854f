"""Groups of frames: which tables there are, their order, and where points stand."""

from __future__ import annotations

from typing import Any

import pytest

from stages.show.breakdown import Breakdown, Group, breakdowns, height, scale
from tests.show.made_up import bare, entry, groups, whole


def tables(*metrics: dict[str, Any]) -> dict[str, Breakdown]:
    entries = [entry(f"d{place}", found, place) for place, found in enumerate(metrics)]
    return {table.title: table for table in breakdowns(entries)}


def kinds(*metrics: dict[str, Any]) -> tuple[Group, ...]:
    return tables(*metrics)["kind"].groups


def test_what_cannot_be_told_apart_says_so() -> None:
    found = tables(bare(0.8))
    assert [table.groups for table in found.values()] == [(), (), (), ()]
    assert found["kind"].note == "labels.csv names no kinds of abnormal behaviour."
    assert found["subset"].note == "dataset.yaml names no subsets."


def test_one_camera_or_scene_is_no_table_but_one_kind_or_subset_is() -> None:
    one = groups({"only": 0.7})
    found = tables(bare(0.8, kinds=one, scenes=one, cameras=one, subsets=one))
    assert [title for title, table in found.items() if table.groups] == ["kind", "subset"]
    assert found["camera"].note == "All test clips are of one camera."


def test_null_groups_are_none() -> None:
    assert kinds(bare(0.8, kinds=None)) == ()


def test_kinds_that_are_found_best_stand_first_and_scenes_by_name() -> None:
    # The better of both detectors counts: loiter 0.9, run 0.8, fall 0.7.
    first, second = groups({"fall": 0.7, "loiter": 0.2, "run": 0.8}), groups({"fall": 0.6, "loiter": 0.9, "run": 0.1})
    found = tables(bare(0.8, kinds=first, scenes=first), bare(0.8, kinds=second, scenes=second))
    assert [group.name for group in found["kind"].groups] == ["loiter", "run", "fall"]
    assert [group.name for group in found["scene"].groups] == ["fall", "loiter", "run"]


def test_a_cell_holds_both_figures_and_the_interval() -> None:
    (group,) = kinds(bare(0.8, kinds=groups({"run": 0.8})))
    assert group.size == "120 frames, 4 clips"
    assert (group.cells[0].figure.text, group.cells[0].figure.interval) == ("0.800", "0.760–0.840")
    assert group.cells[0].raw == pytest.approx(0.75)


def test_a_run_without_the_group_has_a_dash() -> None:
    (group,) = kinds(bare(0.8), bare(0.8, kinds=groups({"run": 0.8})))
    assert [cell.figure.text for cell in group.cells] == ["–", "0.800"]
    assert group.size == "120 frames, 4 clips"


def test_a_scene_of_one_class_says_so() -> None:
    found = groups({"hall": 0.5, "yard": 0.6})
    found["hall"] |= {"abnormal": 0, "clips": 1, "raw": None, "smoothed": None, "reason": "all 500 are normal"}
    hall, yard = tables(bare(0.8, scenes=found))["scene"].groups
    assert hall.size == "500 frames, 0 abnormal, 1 clip; all 500 are normal"
    assert yard.size == "500 frames, 120 abnormal, 20 clips"


def test_undefined_kinds_stand_last() -> None:
    found = groups({"a": 0.5, "b": 0.6})
    found["a"] |= {"raw": None, "smoothed": None, "interval": None}
    assert [group.name for group in kinds(bare(0.8, kinds=found))] == ["b", "a"]


def test_the_axis_shows_chance_and_all_ends() -> None:
    # Raw 0.85 and all else above chance: from 0.4 in tenths.
    near = scale(kinds(bare(0.8, kinds=groups({"run": 0.9}))))
    assert (near.low, near.ticks) == (0.4, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    # The interval of 0.3 begins at 0.26: from 0.2 in fifths.
    far = scale(kinds(whole(0.8, kinds=groups({"run": 0.3}))))
    assert (far.low, far.ticks) == (0.2, (0.2, 0.4, 0.6, 0.8, 1.0))


def test_an_axis_with_an_odd_start_has_even_ticks() -> None:
    # The interval of 0.2 begins at 0.16, raw at 0.15: from 0.1, the first tick at 0.2.
    found = scale(kinds(bare(0.8, kinds=groups({"run": 0.2}))))
    assert (found.low, found.ticks[0]) == (0.1, 0.2)


def test_places_go_from_the_axis_start_to_one() -> None:
    found = scale(kinds(bare(0.8, kinds=groups({"run": 0.9}))))
    assert [found.place(auc) for auc in (0.4, 0.7, 1.0)] == pytest.approx([0, 500, 1000])
    # Two detectors in a row 100 high: a quarter and three quarters down.
    assert [height(place, 2) for place in (0, 1)] == [25, 75]
