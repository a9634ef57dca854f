"""How much there is of a dataset: per clip, per split, in frames, hours and labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stages.core.dataset import SPLITS, Dataset

NAMED = 5
"""Names that are listed one by one; of more than that the first ones, and how many more."""


def clip_facts(data: Dataset) -> pd.DataFrame:
    """One row per clip: clip, split, camera, scene, fps, width, height, frames, seconds, abnormal, unknown.

    `abnormal` and `unknown` count frames.
    """
    facts = data.clips[["clip", "split", "camera", "scene", "fps", "width", "height", "frames"]].copy()
    facts["seconds"] = facts["frames"] / facts["fps"]
    truths = [data.frame_labels(str(clip)) for clip in facts["clip"]]
    facts["abnormal"] = [int((truth == 1).sum()) for truth in truths]
    facts["unknown"] = [int(np.isnan(truth).sum()) for truth in truths]
    return facts


def by_split(facts: pd.DataFrame) -> pd.DataFrame:
    """One row per split, in their order: clips, frames, seconds, abnormal, unknown; zeros where it has no clip."""
    found = facts.groupby("split").agg(
        clips=("clip", "count"),
        frames=("frames", "sum"),
        seconds=("seconds", "sum"),
        abnormal=("abnormal", "sum"),
        unknown=("unknown", "sum"),
    )
    return found.reindex(list(SPLITS), fill_value=0)


def kinds_by_clip(data: Dataset) -> dict[str, list[str]]:
    """The test clips in which each kind of abnormal behaviour happens, sorted."""
    test = set(data.split("test")["clip"])
    rows = data.labels[data.labels["clip"].isin(test) & data.labels["kind"].notna()]
    return {str(kind): sorted(set(group["clip"])) for kind, group in rows.groupby("kind")}


def duration(seconds: float) -> str:
    """Seconds as people say them: `48 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"
    return f"{seconds / 86400:.1f} days"


def some(names: Iterable[object]) -> str:
    """A few names, and how many more there are."""
    listed = [str(name) for name in names]
    rest = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def few(count: int, one: str, many: str = "") -> str:
    """A number and its noun: `1 clip`, `3 clips`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
