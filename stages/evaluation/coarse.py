"""The coarse-grained protocol: which classes of actions are normal, and how well clips of the others stand out.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.2. A split
is a few classes of actions. Few vs. many learns from them, and clips of all other classes are abnormal; many vs. few
is the reverse. No label is used to learn; a clip is as abnormal as its most abnormal person; one AUC over clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from stages.core.action_splits import ActionSplit
from stages.core.errors import DatasetError
from stages.core.params import Run, Section
from stages.evaluation.ranking import Ranking

FEW, MANY = "few_vs_many", "many_vs_few"
DIRECTIONS = (FEW, MANY)
"""Learn from the classes of a split, or from all but them."""

Scores = NDArray[np.float32]


class CoarseParams(Section):
    """The `coarse` section.

    Args:
        runs: which detector on which dataset of task `actions`. Students learn without their base.
        window: the window spec that detectors read here in place of their own; null leaves them theirs. Actions before
            a Kinect have other joints than people in video: a spec with `layout: null` takes them as they are.
        seeds: one model is trained per split, direction and seed. Figures are means over splits, which lie farther
            apart than seeds do: one is what the paper has.
        over_windows: what a person's windows come to: their `mean`, or their `max`imum.
    """

    runs: tuple[Run, ...] = ()
    window: str | None = None
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    over_windows: Literal["mean", "max"] = "mean"


@dataclass(frozen=True)
class Case:
    """A split in one direction.

    Args:
        split: its name.
        meaningful: whether its classes have something in common; otherwise they were drawn.
        direction: one of `DIRECTIONS`.
        classes: of the split.
        train: training clips, all of normal classes, and the class of each.
        test: test clips, and whether each is abnormal.
    """

    split: str
    meaningful: bool
    direction: str
    classes: tuple[str, ...]
    train: Mapping[str, str]
    test: Mapping[str, bool]

    @property
    def name(self) -> str:
        """As messages have it."""
        return f"split {self.split}, {self.direction}"


def cases(splits: Sequence[ActionSplit], clips: pd.DataFrame, where: Path) -> list[Case]:
    """Every split in both directions.

    Args:
        splits: of a dataset, each class of which has clips in train and in test.
        clips: its clips.csv.
        where: that file, for messages.

    Raises:
        DatasetError: there are no splits, or a case lacks clips to learn from or to tell apart; lists all of them.
    """
    found, problems = [], []
    for split in splits:
        for direction in DIRECTIONS:
            case = _case(split, direction, clips)
            lacking = _lacking(case)
            problems += [f"{case.name}: {text}" for text in lacking]
            found += [] if lacking else [case]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise DatasetError(
            f"splits of its classes cannot be judged:\n{listed}",
            where=str(where),
            fix="give classes of both sides of each split clips in train and in test, or change splits.yaml",
        )
    return found


def clip_scores(index: pd.DataFrame, scores: Mapping[str, Scores], over: str) -> dict[str, dict[str, float]]:
    """Scores of windows as scores of clips: over each person's windows, then the highest person.

    Args:
        index: clip and track of N windows.
        scores: theirs, per part, `(N,)` or, of each sample, `(N, T)`.
        over: `mean` or `max`, over a person's windows, and over the samples of a window that are scored one by one.

    Returns:
        By part, by clip; clips without windows are not there.
    """
    windows = index[["clip", "track"]].assign(**{part: _whole(values, over) for part, values in scores.items()})
    people = windows.groupby(["clip", "track"], dropna=False).agg(over)
    worst = people.groupby("clip").max()
    return {part: {str(clip): float(score) for clip, score in worst[part].items()} for part in scores}


def clip_auc(scores: Mapping[str, float], abnormal: Mapping[str, bool]) -> float:
    """Area under the ROC curve over clips, equal scores half.

    A clip in which nobody was seen long enough for a window has no score: it counts as the most normal of all.

    Args:
        scores: by clip, higher = more abnormal.
        abnormal: by clip, of all that are judged; both classes are there.
    """
    values = np.array([scores.get(clip, -np.inf) for clip in abnormal])
    ranks = np.unique(values, return_inverse=True)[1].astype(np.float64)
    truth = np.array(list(abnormal.values()), dtype=bool)
    return float(Ranking(truth, ranks, np.zeros(len(truth), dtype=np.int64), 1).auc(np.ones((1, 1)))[0])


def _whole(values: Scores, over: str) -> NDArray[np.float64]:
    """One score per window, `(N,)`."""
    if values.ndim == 1:
        return values.astype(np.float64)
    return np.asarray(values.mean(axis=1, dtype=np.float64) if over == "mean" else values.max(axis=1), np.float64)


def _case(split: ActionSplit, direction: str, clips: pd.DataFrame) -> Case:
    known = clips[clips["kind"].notna()]
    normal = known["kind"].isin(split.classes) == (direction == FEW)
    learned, judged = (known["split"] == "train") & normal, known["split"] == "test"
    train = dict(zip(known["clip"][learned], known["kind"][learned], strict=True))
    test = dict(zip(known["clip"][judged], (~normal[judged]).tolist(), strict=True))
    return Case(split.name, split.meaningful, direction, tuple(split.classes), train, test)


def _lacking(case: Case) -> list[str]:
    """What a case has no clips of, as sentences."""
    found = {
        "no clip in train is normal": bool(case.train),
        "no clip in test is normal": not all(case.test.values()),
        "no clip in test is abnormal": any(case.test.values()),
    }
    return [problem for problem, there in found.items() if not there]
