"""Which actions are normal."""

from __future__ import annotations

import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.actions import ActionOptions
from stages.ingest.recipes.base import chosen
from stages.ingest.source import Interval


def test_few_against_many_and_many_against_few() -> None:
    few = chosen(ActionOptions, {"normal": "[28, 29]"})
    assert [few.is_normal(action) for action in (28, 29, 50)] == [True, True, False]
    many = chosen(ActionOptions, {"abnormal": [50]})
    assert [many.is_normal(action) for action in (28, 29, 50)] == [True, True, False]


def test_both_at_once_make_no_sense() -> None:
    with pytest.raises(DatasetError, match="name either the normal or the abnormal classes"):
        chosen(ActionOptions, {"normal": [1], "abnormal": [2]})


def test_without_a_choice_every_class_is_learnt_from_and_nothing_is_abnormal() -> None:
    everything = chosen(ActionOptions, {})
    assert everything.task == "actions"
    assert everything.is_normal(7)
    assert everything.labels(7, "wave", 20) == {"kind": "wave"}


def test_a_clip_is_its_action_from_end_to_end() -> None:
    few = ActionOptions(normal=(28,))
    assert few.labels(28, "phone", 20) == {"kind": "phone", "abnormal": 0}
    assert few.labels(50, "punch", 20) == {
        "kind": "punch",
        "abnormal": 1,
        "labels": (Interval(0, 19, kind="punch"),),
    }
