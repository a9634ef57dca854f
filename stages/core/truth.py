"""Ground truth finer than a label per frame: what happens in each frame, and where in the picture."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.dataset import Dataset
from stages.core.errors import DatasetError
from stages.core.schemas import REGIONS
from stages.core.tables import read

REGIONS_FILE = "regions.parquet"
"""Beside labels.csv: a box per abnormal person and frame, where somebody knows."""
BOX = ("x", "y", "w", "h")


def frame_kinds(data: Dataset, clip: str, kind: str) -> NDArray[np.bool_]:
    """Frames of a clip in which a kind of abnormal behaviour happens, `(frames,)`; kinds may overlap."""
    found = np.zeros(int(data.clip(clip)["frames"]), dtype=bool)
    rows = data.labels[(data.labels["clip"] == clip) & (data.labels["kind"] == kind)]
    for start, end in zip(rows["start_frame"], rows["end_frame"], strict=True):
        found[start : end + 1] = True
    return found


def kinds(data: Dataset) -> list[str]:
    """Kinds of abnormal behaviour that labels.csv names, sorted."""
    return sorted(str(kind) for kind in data.labels["kind"].dropna().unique())


def regions(data: Dataset) -> pd.DataFrame | None:
    """Abnormal regions frame by frame, rows of REGIONS; None where the dataset has none.

    They stand in regions.parquet, or else follow from the boxes of labels.csv, which hold for a whole interval; an
    interval without `track` is a track of its own.

    Raises:
        SchemaError: regions.parquet is not that table.
        DatasetError: regions name a clip or a frame that does not exist, a box is empty, or only some intervals of
            labels.csv have boxes.
    """
    path = data.folder / REGIONS_FILE
    if path.is_file():
        found = read(path, REGIONS).frame
        _check(data, found, str(path))
        return found
    boxed = data.labels[list(BOX)].notna().all(axis=1)
    if not boxed.any():
        return None
    where = str(data.folder / "labels.csv")
    if not boxed.all():
        raise DatasetError(
            f"{int((~boxed).sum())} of {len(boxed)} intervals have no box (x, y, w, h)",
            where=where,
            fix="give each abnormal interval its box, or none of them",
        )
    found = _from_labels(data.labels)
    _check(data, found, where)
    return found


def _from_labels(labels: pd.DataFrame) -> pd.DataFrame:
    start, end = (labels[name].to_numpy(dtype=np.int64) for name in ("start_frame", "end_frame"))
    count = end - start + 1
    x, y, w, h = (labels[name].to_numpy(dtype=np.float32) for name in BOX)
    free = 1 + int(labels["track"].astype("Float64").max()) if labels["track"].notna().any() else 0
    own = pd.Series(np.arange(len(labels)) + free, index=labels.index)
    track = labels["track"].astype("Float64").fillna(own.astype("Float64")).astype(np.int64)
    boxes = {"x1": x, "y1": y, "x2": x + w, "y2": y + h}
    rows = pd.DataFrame({"clip": labels["clip"].to_numpy(), "track": track.to_numpy(), "frame": start, **boxes})
    rows["kind"] = labels["kind"].to_numpy()
    spread = rows.loc[rows.index.repeat(count)]
    return spread.assign(frame=spread["frame"] + spread.groupby(level=0).cumcount()).reset_index(drop=True)


def _check(data: Dataset, found: pd.DataFrame, where: str) -> None:
    lengths = found["clip"].map(dict(zip(data.clips["clip"], data.clips["frames"], strict=True)))
    flat = (found["x2"] <= found["x1"]) | (found["y2"] <= found["y1"])
    troubles = {
        "name a clip that clips.csv does not": lengths.isna(),
        "lie outside their clip": lengths.notna() & (found["frame"] >= lengths),
        "are empty boxes": flat,
        "are twice the same track in one frame": found.duplicated(["clip", "track", "frame"]),
    }
    for what, bad in troubles.items():
        if bad.any():
            row = found[bad].iloc[0]
            raise DatasetError(
                f"{int(bad.sum())} regions {what}",
                where=f"{where}, clip {row['clip']!r}, track {row['track']}, frame {row['frame']}",
                fix="mend that row",
            )
