"""The tables a view is written down in: noisy POSES, true TRACKS, abnormal REGIONS and intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.schemas import Rows, pose_meta
from stages.core.skeleton import COCO17
from stages.simulation.cameras import Doubles
from stages.simulation.detection import Detections
from stages.simulation.observation import View

LABELS = ("clip", "start_frame", "end_frame", "track", "kind")
"""Columns of labels.csv, as written."""


def poses(view: View, found: Detections, identities: NDArray[np.int32] | None) -> Rows:
    """Detections as POSES.

    Args:
        view: of the clip.
        found: what was detected in it.
        identities: `(R,)` of each detection; None leaves telling people apart to a tracker.
    """
    unknown = [pd.NA] * len(found.frames)
    track = pd.array(unknown if identities is None else identities, dtype="Int32")
    frame = _people(view, found.frames, found.boxes, found.scores, track)
    return Rows(frame, found.keypoints, {**pose_meta(COCO17.name), "backend": "simulation"})


def tracks(view: View) -> Rows:
    """The truth as TRACKS: everybody in view, with exact keypoints; confidence is 1 where they are visible, else 0."""
    frames, people = np.nonzero(view.seen)
    keypoints = np.concatenate([view.keypoints, view.visible[..., None]], axis=-1)[view.seen]
    frame = _people(view, frames, view.boxes[view.seen], np.ones(len(frames)), view.tracks[people])
    return Rows(frame, keypoints.astype(np.float32), {**pose_meta(COCO17.name), "backend": "simulation"})


def regions(view: View) -> pd.DataFrame:
    """Rows of REGIONS: everybody who is abnormal and in view, with the part of the box that lies in the frame."""
    odd = view.seen & view.abnormal
    frames, people = np.nonzero(odd)
    table = pd.DataFrame(view.boxes[odd].astype(np.float32), columns=["x1", "y1", "x2", "y2"])
    table.insert(0, "clip", view.plan.clip)
    table.insert(1, "track", view.tracks[people])
    table.insert(2, "frame", frames.astype(np.int32))
    return table.assign(kind=view.kinds[odd])


def intervals(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of labels.csv: the stretches of consecutive frames in which somebody does something abnormal in view.

    Args:
        found: rows of REGIONS.
    """
    table = found.sort_values(["clip", "track", "frame"])
    whose = ["clip", "track", "kind"]
    changed = (table[whose] != table[whose].shift()).any(axis=1) | (table["frame"].diff() != 1)
    grouped = table.groupby(changed.cumsum())
    stretches = grouped[[*whose]].first().assign(start_frame=grouped["frame"].min(), end_frame=grouped["frame"].max())
    return stretches.sort_values(list(LABELS[:4]))[list(LABELS)].reset_index(drop=True)


def _people(
    view: View, frames: NDArray[np.int64], boxes: Doubles | NDArray[np.float32], scores: Doubles | NDArray[np.float32],
    track: object,
) -> pd.DataFrame:  # fmt: skip
    sides = {"x": boxes[:, 0], "y": boxes[:, 1], "w": boxes[:, 2] - boxes[:, 0], "h": boxes[:, 3] - boxes[:, 1]}
    rows = {"clip": view.plan.clip, "frame": frames.astype(np.int32), **sides, "score": scores, "track": track}
    return pd.DataFrame(rows, index=range(len(frames)))
