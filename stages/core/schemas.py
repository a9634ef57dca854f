"""The tables stages meet in: every column with its type, unit and meaning. `core/tables.py` holds the doors.

A table is scalar columns plus at most one array column (keypoints of a person, values of a window), whose
trailing shape stands in the file's metadata beside layout, units, backend and the sha256 of its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from stages.core.errors import SchemaError

VERSION = 2
"""Of a table whose schema names no later one. `simulate` keeps clips by it: when POSES, TRACKS or REGIONS change, raise
this one and not their own."""

ROWS_PER_GROUP = 8192
"""Rows a reader holds at a time; a window of 24 frames and 18 joints takes 3.5 kB, a group then 28 MB."""


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: as in the file.
        type: Arrow type; for the array column the type of its elements.
        unit: what one unit of the value is.
        meaning: one sentence for data/README.md.
        nullable: whether null (unknown, not applicable) is allowed.
        least: smallest value allowed, if any.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False
    least: float | None = None


@dataclass(frozen=True)
class Schema:
    """One kind of table.

    Args:
        name: stands in the file's metadata.
        row: what one row is.
        columns: the scalar columns, in order.
        array: the array column, if any.
        packed: the array column holds little-endian float32 bytes instead of a list: fast, for machines alone.
        facts: keys that the file's metadata must have.
        version: raised whenever a column's name, type or meaning changes; files of another one are refused, never
            guessed at. Each table has its own, so that poses and tracks, which take long, outlive changes to others.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    array: Column | None = None
    packed: bool = False
    facts: tuple[str, ...] = ()
    version: int = VERSION

    def names(self) -> list[str]:
        """Names of the scalar columns."""
        return [column.name for column in self.columns]


@dataclass(frozen=True)
class Rows:
    """A validated table in memory.

    Args:
        frame: the scalar columns, one row per row.
        values: `(rows, ...)` float32 of the array column, or None for a table without one.
        meta: the file's metadata: layout, channels, units, backend, source …
    """

    frame: pd.DataFrame
    values: NDArray[np.float32] | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def arrays(self) -> NDArray[np.float32]:
        """`values` of a table that is known to have them."""
        if self.values is None:
            raise SchemaError("this table has no array column")
        return self.values


def pose_meta(layout: str, coordinates: str = "xy", units: str = "px") -> dict[str, str]:
    """Metadata that says what keypoints are.

    Args:
        layout: name of the joint layout.
        coordinates: `xy` or `xyz`.
        units: of the coordinates, `px` or `m`.
    """
    return {
        "layout": layout,
        "coordinates": coordinates,
        "units": units,
        "channels": ",".join([*coordinates, "confidence"]),
    }


_POSE = tuple(pose_meta(""))
_CLIP = Column("clip", pa.string(), "name", "Clip the row belongs to, as in clips.csv")
_FRAME = Column("frame", pa.int32(), "frames", "Frame of the clip, 0-based, in the clip's own frame rate", least=0)
_TRACK = Column("track", pa.int32(), "id", "Person within the clip, ≥ 0", least=0)
_BOX = tuple(
    Column(name, pa.float32(), "px", meaning)
    for name, meaning in (
        ("x", "Left edge of the person's box"),
        ("y", "Top edge of the person's box"),
        ("w", "Width of the person's box"),
        ("h", "Height of the person's box"),
    )
)
_PERSON = Column("score", pa.float32(), "backend's own", "Detector's confidence in the person, finite, ≥ 0", least=0)
_KEYPOINTS = Column(
    "keypoints",
    pa.float32(),
    "px or m, confidence",
    "Joints × (coordinates, confidence ≥ 0), in the layout of the metadata",
)
_GIVEN = Column(
    "track",
    pa.int32(),
    "id",
    "Person as the poses' source has it; null where it tells nobody apart",
    nullable=True,
    least=0,
)
_WINDOW = (
    _CLIP,
    Column("track", pa.int32(), "id", "Person the window follows; null for whole-frame windows", nullable=True),
    Column("start_frame", pa.float64(), "frames", "Frame of the clip the window starts at"),
    Column("step", pa.float64(), "frames", "Frames of the clip from one sample to the next: clip rate ÷ window rate"),
    Column("length", pa.int16(), "samples", "Samples in the window"),
)
_STATE = (
    Column(
        "missing",
        pa.int16(),
        "samples",
        "Samples that were not seen: filled in a short gap, or lying past the window's time because of a longer one",
    ),
    Column(
        "label",
        pa.int8(),
        "1 abnormal, 0 normal",
        "1 if any frame the window covers is labelled abnormal, whoever is; null if unknown",
        nullable=True,
    ),
    Column(
        "person_label",
        pa.int8(),
        "1 abnormal, 0 normal",
        "1 if the person is in what is labelled abnormal at half of the seen samples or more, 0 if at none; null if at "
        "fewer than half, or unknown",
        nullable=True,
    ),
)

POSES = Schema("poses", "a person in a frame", (_CLIP, _FRAME, *_BOX, _PERSON, _GIVEN), _KEYPOINTS, facts=_POSE)
TRACKS = Schema(
    "tracks", "a tracked person in a frame", (_CLIP, _FRAME, *_BOX, _PERSON, _TRACK), _KEYPOINTS, facts=_POSE
)
ENTRIES = Schema(
    "entries",
    "a tracked person at a sample time",
    (
        _CLIP,
        _TRACK,
        Column("sample", pa.int32(), "samples", "Sample time on the clip's grid: frame = sample × step"),
        Column("filled", pa.bool_(), "yes/no", "Interpolated within a gap of the track, not seen"),
    ),
    _KEYPOINTS,
    facts=_POSE,
)
SEGMENTS = Schema(
    "segments",
    "a window",
    (
        *_WINDOW,
        *_STATE,
        Column("first_row", pa.int64(), "row", "First of the `length` consecutive rows of ENTRIES the window holds"),
    ),
    facts=_POSE,
    version=3,
)
NORMALIZED = Schema(
    "normalized",
    "the same window, as a detector reads it",
    (*_WINDOW, *_STATE),
    Column("values", pa.float32(), "standard deviations", "Channels × samples × joints, normalized, not augmented"),
    packed=True,
    facts=("layout", "channels"),
    version=3,
)
REGIONS = Schema(
    "regions",
    "an abnormal region in a frame",
    (
        _CLIP,
        Column("track", pa.int32(), "id", "What is followed from frame to frame, unique within the clip", least=0),
        _FRAME,
        Column("x1", pa.float32(), "px", "Left edge of the region's box"),
        Column("y1", pa.float32(), "px", "Top edge of the region's box"),
        Column("x2", pa.float32(), "px", "Right edge of the region's box, > x1"),
        Column("y2", pa.float32(), "px", "Bottom edge of the region's box, > y1"),
        Column("kind", pa.string(), "name", "What happens there; null where nobody said", nullable=True),
    ),
)
SCORES = Schema(
    "scores",
    "a scored window, or one frame of it",
    (
        *_WINDOW,
        Column(
            "frame", pa.int32(), "frames", "Frame the score is of; null when it is of the whole window", nullable=True
        ),
        Column("part", pa.string(), "name", "Which of the detector's scores this is"),
        Column("seed", pa.int64(), "seed", "Seed of the model that scored"),
        Column("score", pa.float32(), "see metadata `unit`", "Higher = more abnormal, finite"),
    ),
)
MAPS = Schema(
    "maps",
    "the frame of a clip that scored highest",
    (
        _CLIP,
        Column("frame", pa.int32(), "frames", "Which frame of the clip"),
        Column("score", pa.float32(), "as SCORES", "Its score, of the part that the errors make"),
    ),
    Column("values", pa.float32(), "as the detector", "Rows × columns: error of every pixel of the shrunk frame, ≥ 0"),
    facts=("part", "seed"),
)
FRAME_SCORES = Schema(
    "frame_scores",
    "a frame",
    (
        _CLIP,
        _FRAME,
        Column("seed", pa.int64(), "seed", "Seed of the model that scored"),
        Column(
            "scored",
            pa.bool_(),
            "yes/no",
            "Whether any window's score landed on the frame; if not, `raw` is the stated filling",
        ),
        Column("raw", pa.float32(), "as SCORES", "Score of the worst person in the frame, higher = more abnormal"),
        Column("smoothed", pa.float32(), "as SCORES", "The same after smoothing in time within the clip"),
        Column("track", pa.int32(), "id", "Worst person; null where nobody was scored", nullable=True),
        Column("label", pa.int8(), "1 abnormal, 0 normal", "Ground truth; null if unknown", nullable=True),
        Column(
            "p",
            pa.float32(),
            "share",
            "Conformal p-value of `smoothed` among the frames of normal footage; null where there is none",
            nullable=True,
            least=0,
        ),
    ),
)

REPLICATES = Schema(
    "replicates",
    "a figure of one bootstrap replicate",
    (
        Column("figure", pa.string(), "name", "Which figure: kind / name, such as `smoothed/auc`"),
        Column("replicate", pa.int32(), "number", "Equal numbers drew the same clips, whatever the detector", least=0),
        Column(
            "value",
            pa.float64(),
            "as the figure",
            "Mean over seeds; null where the drawn clips leave the figure undefined",
            nullable=True,
        ),
    ),
    facts=("clips", "number"),
)

SCHEMAS = {
    schema.name: schema
    for schema in (POSES, TRACKS, ENTRIES, SEGMENTS, NORMALIZED, REGIONS, SCORES, MAPS, FRAME_SCORES, REPLICATES)
}
