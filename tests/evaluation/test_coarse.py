"""The coarse-grained protocol's rules: who is normal, and from windows' scores to one AUC over clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from stages.core.action_splits import ActionSplit
from stages.core.errors import DatasetError
from stages.evaluation.coarse import Case, cases, clip_auc, clip_scores

WHERE = Path("data/raw/gym/clips.csv")
SIT_STAND = ActionSplit(name="calm", classes=("sit", "stand"), meaningful=True)


def clips(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["clip", "split", "kind"]).astype("object")


EVERY = clips(
    *((f"{kind}_{split}", split, kind) for kind in ("sit", "stand", "run", "jump") for split in ("train", "test")),
    ("unknown_train", "train", None), ("unknown_test", "test", None),
)  # fmt: skip


def test_few_vs_many_learns_the_splits_classes_and_many_vs_few_all_others() -> None:
    few, many = cases([SIT_STAND], EVERY, WHERE)
    assert (few.direction, many.direction) == ("few_vs_many", "many_vs_few")
    assert few.train == {"sit_train": "sit", "stand_train": "stand"}
    assert many.train == {"run_train": "run", "jump_train": "jump"}
    assert few.test == {"sit_test": False, "stand_test": False, "run_test": True, "jump_test": True}
    assert many.test == {clip: not abnormal for clip, abnormal in few.test.items()}
    assert few.meaningful


def test_what_cannot_be_judged_is_told_by_split_and_direction() -> None:
    untrained = EVERY[~EVERY["clip"].isin(["run_train", "jump_train"])]
    all_of_them = ActionSplit(name="all", classes=("sit", "stand", "run", "jump"))
    with pytest.raises(DatasetError) as error:
        cases([SIT_STAND, all_of_them], untrained, WHERE)
    assert "split calm, many_vs_few: no clip in train is normal" in error.value.what
    assert "split all, few_vs_many: no clip in test is abnormal" in error.value.what
    assert "split all, many_vs_few: no clip in test is normal" in error.value.what
    assert "split calm, few_vs_many" not in error.value.what
    assert error.value.where == str(WHERE)


def floats(values: list[Any]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def index(*rows: tuple[str, int | None]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["clip", "track"]).astype({"track": "Int32"})


PEOPLE = index(("a", 0), ("a", 0), ("a", 1), ("a", 1), ("b", None))
SCORES = {"score": floats([1, 4, 2, 2.5, -3]), "other": floats([0, 0, 7, 1, 1])}


def test_windows_become_people_and_the_worst_person_the_clip() -> None:
    assert clip_scores(PEOPLE, SCORES, "mean") == {"score": {"a": 2.5, "b": -3}, "other": {"a": 4, "b": 1}}
    assert clip_scores(PEOPLE, SCORES, "max") == {"score": {"a": 4, "b": -3}, "other": {"a": 7, "b": 1}}
    assert clip_scores(PEOPLE.head(0), {"score": floats([])}, "mean") == {"score": {}}
    assert clip_scores(PEOPLE.head(0), {"score": np.empty((0, 4), np.float32)}, "max") == {"score": {}}


def test_scores_of_samples_are_taken_together_first() -> None:
    scores = {"score": floats([[1, 3], [5, 7]])}
    assert clip_scores(PEOPLE.head(2), scores, "mean")["score"] == {"a": 4}
    assert clip_scores(PEOPLE.head(2), scores, "max")["score"] == {"a": 7}


def test_auc_is_that_of_scikit_learn_with_ties_and_huge_scores() -> None:
    random = np.random.default_rng(0)
    truth = random.random(60) < 0.3
    scores = np.round(random.normal(size=60) + truth, 1) * 1e30
    names = [f"c{number}" for number in range(60)]
    found = clip_auc(dict(zip(names, scores, strict=True)), dict(zip(names, truth, strict=True)))
    assert found == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


def test_clips_without_windows_count_as_most_normal() -> None:
    abnormal = {"a": True, "b": True, "c": False, "d": False}
    assert clip_auc({"a": 1.0, "c": -5.0, "d": 2.0}, abnormal) == 0.25  # a beats c; b loses to both
    assert clip_auc({"a": 1.0, "b": 2.0}, abnormal) == 1.0
    assert clip_auc({}, abnormal) == 0.5


def test_a_case_names_itself() -> None:
    case = Case("calm", meaningful=True, direction="few_vs_many", classes=(), train={}, test={})
    assert case.name == "split calm, few_vs_many"
