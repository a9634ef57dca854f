"""Figures as `evaluate` writes them, made up: a run on a dataset with kinds, scenes, regions and calibrated alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.dataset import LABELS, Dataset, Description
from stages.show.palette import style
from stages.show.views import DatasetView, Entry, Lines, ranked

FIGURES = ("auc", "ap", "eer", "decidability", "macro", "macro_sentinel")
REASON = "2 clips are too few for an interval, which takes 10"


def bare(auc: float | None, clips: Sequence[str] = ("fall", "walk"), **changes: Any) -> dict[str, Any]:
    """Only what every run has: a dataset without kinds, regions, intervals and calibration."""
    figures = {"auc": auc, "ap": 0.5, "eer": 0.25}
    return {
        "raw": figures,
        "smoothed": figures,
        "coverage": {"frames": 1.0, "abnormal": 0.876},
        "counts": {
            "clips": len(clips),
            "two_class": len(clips),
            "frames": 9,
            "abnormal": 3,
            "unknown": 0,
            "windows": 5,
        },
        "clips": {clip: {"raw": auc, "smoothed": auc} for clip in clips},
        "seeds": {"0": {}},
        "rules": ["A rule."],
        "undefined": [],
        **changes,
    }


def whole(auc: float, clips: Sequence[str] = ("fall", "walk"), seeds: int = 1, **changes: Any) -> dict[str, Any]:
    """Everything a run may have; raw figures lie 0.05 below smoothed ones, intervals reach 0.04 to both sides."""
    blocks = {"raw": round(auc - 0.05, 3), "smoothed": auc}
    spread = {f"{kind}_sd": dict.fromkeys(FIGURES, 0.012) for kind in blocks} if seeds > 1 else {}
    return {
        **bare(auc, clips),
        **{kind: dict.fromkeys(FIGURES, value) for kind, value in blocks.items()},
        **{f"{kind}_interval": dict.fromkeys(FIGURES, around(value)) for kind, value in blocks.items()},
        **spread,
        "seeds": {str(seed): {} for seed in range(seeds)},
        "regions": {
            "rbdc": 0.41, "tbdc": 0.72, "interval": {"rbdc": around(0.41), "tbdc": None},
            "tracks": 9, "regions": 900, "detections": 5000, "reason": "",
        },
        "kinds": groups({"fall": auc + 0.05, "loiter": 0.45, "run": auc}),
        "scenes": groups({"hall": auc, "track": auc - 0.1}),
        "cameras": groups({"a": auc}),
        "subsets": {},
        "coverage": {"frames": 0.97, "abnormal": 0.876, "regions": 0.81},
        "protocols": {
            "stg_nf": {"raw": 0.7, "smoothed": 0.8, "rules": ["Its middle frame."]},
            "gepc": {"raw": 0.6, "smoothed": 0.65, "rules": ["Its last frame."]},
        },
        "bootstrap": {
            "replicates": 1000, "confidence": 0.95, "clips": len(clips), "defined": 1.0, "reason": "", "least_clips": 5,
        },
        "calibration": calibration(),
        **changes,
    }  # fmt: skip


def around(value: float) -> list[float]:
    """The ends of an interval."""
    return [round(value - 0.04, 3), round(value + 0.04, 3)]


def groups(aucs: Mapping[str, float]) -> dict[str, Any]:
    """AUC by kind, scene, camera or subset."""
    return {
        name: {
            "frames": 500, "abnormal": 120, "clips": 20, "abnormal_clips": 4, "reason": "", "raw": auc - 0.05,
            "smoothed": auc, "interval": around(auc),
        }
        for name, auc in aucs.items()
    }  # fmt: skip


def calibration() -> dict[str, Any]:
    """One false alarm in ten hours, on two cameras, of which the second has no normal footage."""
    pooled = {"threshold": 2.5, "hours": 0.01, "alarms": 0, "at_most": 300.0, "interval": None, "pooled": True}
    return {
        "target": 0.1,
        "reason": "",
        "cameras": {
            "a": {
                "threshold": 3.25, "hours": 0.5, "alarms": 2, "at_most": 12.6, "interval": [3.0, 3.75],
                "pooled": False, "reason": "",
            },
            "b": {**pooled, "reason": "0.01 hours of normal footage are too few"},
        },
        "events": {
            "precision": 0.75, "recall": 0.6, "delay_seconds": 0.84, "events": 8, "true": 6, "false": 2,
            "labelled": 10, "found": 6, "false_per_hour": 8.0, "normal_hours": 0.25,
        },
    }  # fmt: skip


def dataset() -> Dataset:
    """A dataset of one test clip that stands nowhere on disk."""
    clips = pd.DataFrame([{"clip": "fall", "split": "test", "scene": "a", "frames": 60}])
    labels = pd.DataFrame(columns=list(LABELS))
    return Dataset("toy", Path("toy"), Description(name="Toy", source="here", licence="CC0"), clips, labels, labels)


def view(*entries: Entry, **changes: Any) -> DatasetView:
    """A dataset's part of the page, without clips unless they are given."""
    return replace(DatasetView(dataset(), ranked(entries), (), {"fall": "cd" * 32}, ""), **changes)


def entry(detector: str, metrics: Mapping[str, Any], position: int = 0, **changes: Any) -> Entry:
    """A run in the leaderboard."""
    line = Lines("M0,0", "M0,0")
    return replace(Entry(detector, style(position), metrics, "ab" * 32, line, line), **changes)


def draws(auc: float, spread: float, count: int = 1000) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Replicates of a smoothed AUC, evenly spread around it."""
    return auc + np.linspace(-spread, spread, count)


def pose_figures(**changes: Any) -> dict[str, Any]:
    """Figures of poses and tracks, as `stages.pose.quality.figures` gives them."""
    return {
        "clips": 12, "frames": 3000, "seconds": 300.0, "frames_with_people": 0.99, "frames_with_tracks": 0.95,
        "abnormal_frames": 400, "abnormal_frames_with_tracks": 0.9, "longest_without_tracks_seconds": 2.0,
        "poses": 9000, "poses_per_frame": 3.0, "poses_in_tracks": 0.8, "tracks": 1234, "track_median_seconds": 2.5,
        "tracks_short": 0.25, "fragments": 13, "tracks_fragments": 0.1, "gaps": 20, "lost_frames": 40,
        "lost_frames_of_tracks": 0.01, "height_p10_px": 40, "height_median_px": 90, "height_p90_px": 200,
        "people_small": 0.28, "people_outside": 0.0,
        **changes,
    }  # fmt: skip
