"""Data sets of actions, one a clip: which of them are normal is the user's to say, or that of splits.yaml.

Coarse-grained anomaly detection, Markovitz et al., GEPC, CVPR 2020, section 4.2: a few action classes are chosen as a
split; few-vs-many learns from them and calls all others abnormal (`normal=[…]`), many-vs-few is the reverse
(`abnormal=[…]`). Training clips of abnormal classes are left out. A test clip is cut to its action, so all its frames
share its label: it is given both for the clip and, where abnormal, as an interval from its first frame to its last.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from stages.ingest.recipes.base import Options
from stages.ingest.source import Interval


class ActionOptions(Options):
    """What a recipe of actions may be told: one of the two, or neither, for the coarse-grained protocol.

    Args:
        normal: numbers of the normal classes, all others are abnormal (few-vs-many).
        abnormal: numbers of the abnormal classes, all others are normal (many-vs-few).
    """

    normal: tuple[int, ...] = Field(default=(), description="classes that are normal, e.g. [28,29,30,33]")
    abnormal: tuple[int, ...] = Field(default=(), description="classes that are abnormal, all others being normal")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.normal and self.abnormal:
            raise ValueError("name either the normal or the abnormal classes, or neither")
        return self

    @property
    def task(self) -> Literal["frames", "actions"]:
        """Without a choice every class is kept, and splits.yaml says which are normal, split by split."""
        return "frames" if self.normal or self.abnormal else "actions"

    def is_normal(self, action: int) -> bool:
        """Whether clips of a class are learnt from."""
        return action in self.normal if self.normal else action not in self.abnormal

    def labels(self, action: int, kind: str, frames: int) -> dict[str, Any]:
        """Fields of a clip that say what it shows."""
        if self.task == "actions":
            return {"kind": kind}
        if self.is_normal(action):
            return {"kind": kind, "abnormal": 0}
        return {"kind": kind, "abnormal": 1, "labels": (Interval(0, frames - 1, kind=kind),)}
