"""Tracks of one clip → windows a detector reads: what the segment and normalize stages make, without their files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stages.core.cutting import cut, track_entries, window_places
from stages.core.errors import DatasetError
from stages.core.normalization import NormalizeParams, normalize_people
from stages.core.schemas import Rows
from stages.core.skeleton import layout
from stages.core.windows import Windows, WindowSpec


def clip_windows(
    clip: str, tracks: Rows, fps: float, spec: WindowSpec, params: NormalizeParams, dataset: str = ""
) -> Windows:
    """Cut and normalize the windows of one clip as the test split's are: one every `spec.stride_score` samples.

    Args:
        clip: name of the clip.
        tracks: rows of TRACKS; of the scalar columns, track and frame are read. The metadata say what keypoints are.
        fps: frames per second of the clip.
        spec: the window spec of the detector that will read them.
        params: what is no person.
        dataset: for the windows' index.

    Returns:
        Windows whose truth is unknown.

    Raises:
        DatasetError: the tracks' layout or coordinates do not fit the spec, or it wants what only footage shows.
        SchemaError: their unit is not known.
    """
    if spec.looks:
        raise DatasetError(
            f"the window spec holds {'frames' if spec.frames else 'pictures'}, and tracks alone have none",
            fix="score the footage through the stages: `normotion repro`",
        )
    entries = track_entries(tracks, spec, fps)
    start, missing = cut(entries, spec, spec.stride_score)
    keypoints = entries.keypoints[start[:, None] + np.arange(spec.samples)]  # (N, T, V, coordinates and confidence)
    joints = layout(spec.layout or tracks.meta["layout"])
    keep, poses = normalize_people(keypoints, spec.normalization, params.least(tracks.meta["units"]), joints)
    index = window_places(clip, entries, start, missing, spec.samples, spec.step(fps))[keep].reset_index(drop=True)
    index.insert(0, "dataset", dataset)
    index.insert(1, "split", "test")
    unknown = pd.array([pd.NA] * len(index), dtype="Int8")
    channels = spec.normalization.channels(tracks.meta["coordinates"])
    return Windows(index.assign(label=unknown, person_label=unknown), poses, channels, joints.name)
