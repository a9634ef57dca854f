"""data/README.md: the data dictionary, written from the schemas so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stages.core.dataset import CLIPS, LABELS, SPLITS, UNKNOWN
from stages.core.schemas import SCHEMAS, Column, Schema
from stages.core.skeleton import LAYOUTS, Layout
from stages.core.storage import write_text

HEAD = """# Data dictionary

Written from `stages/core/schemas.py` by `normotion readme`: edit that file, not this.

Every table is one Parquet file, or one per clip or split. Its metadata names the schema and version, the joint layout,
units, channels, the backend that made it and the sha256 of its source. Tables of another version are refused.

- Frames count from 0 in the clip's own rate, in every table and label; only `segment` resamples.
- A label is 1 abnormal, 0 normal, null unknown. A higher score is more abnormal.
- Pixels count from the top left corner of the frame as decoded.
- Where people were looked for in every n-th frame alone, the metadata's `every` is n.

## What people write, or `normotion import`: `data/raw/<dataset>/`

dataset.yaml says in four keys what the footage is: `name` (one line), `source`, `licence`, and `modality`, `video` or
`poses`. Of a dataset of poses, clips.csv names a table of **poses** (below) for each clip instead of a video.
"""

TAIL = """
A clip with rows in labels.csv is abnormal in those intervals, normal elsewhere. A clip without rows is normal, unless
clips.csv calls it `abnormal` 1 as a whole: then which of its frames are is unknown. Frames of an interval whose `label`
is `unknown` count neither way.
"""

_MEASURE = "as decoded: after the turn that a phone writes into the header"
CLIP_MEANINGS = {
    "clip": ("name", "Name of the clip: letters, digits, `.`, `_`, `-`"),
    "split": ("name", f"What it is for: {', '.join(SPLITS)}"),
    "path": ("path", "Its file, below the dataset's folder"),
    "camera": ("name", "Which camera filmed it"),
    "scene": ("name", "Which place it shows"),
    "fps": ("frames/s", "Frame rate, constant"),
    "width": ("px", f"Width of a frame {_MEASURE}"),
    "height": ("px", f"Height of a frame {_MEASURE}"),
    "frames": ("frames", "How many frames can be decoded"),
    "kind": ("name", "What happens in it"),
    "abnormal": ("1 abnormal, 0 normal", "Of the clip as a whole, where nobody said when"),
    "video": ("path", "Its footage, below the dataset's folder, where `path` names its poses"),
}
"""Unit and meaning of every column of clips.csv."""
LABEL_MEANINGS = {
    "clip": ("name", "Clip, as in clips.csv"),
    "start_frame": ("frames", "First frame of the interval, from 0"),
    "end_frame": ("frames", "Last frame of the interval, inclusive"),
    "label": (f"1 abnormal, {UNKNOWN}", "Empty means abnormal"),
    "track": ("id", "Person it is about, as in a table of tracks or poses"),
    "kind": ("name", "What happens"),
    "x": ("px", "Left edge of where it happens"),
    "y": ("px", "Top edge of where it happens"),
    "w": ("px", "Width of where it happens"),
    "h": ("px", "Height of where it happens"),
}
"""Unit and meaning of every column of labels.csv."""
FRAMES = """### frames

`data/frames/<dataset>/<window>/`, for window specs that hold whole frames: per clip one NumPy array `(S, C, H, W)`
uint8, a row per sample time, C 1 grey or 3 RGB, and one JSON with `shape`, `version` and `key`, the hash of what it was
made from.
"""
SIDES = """
Joints are numbered in the order of storage. Left and right are the person's own: who faces the camera has the
right side on the picture's left. Faces are drawn too large, so that their numbers can be told apart.
"""
CHARTS = "../docs/images/skeleton-{}.svg"
"""Picture of a joint layout, seen from data/README.md."""


def dictionary() -> str:
    """The whole page as Markdown."""
    tables = "\n".join(_table(schema) for schema in SCHEMAS.values())
    layouts = "\n".join(_layout(layout) for layout in LAYOUTS.values())
    written = f"{_written('clips.csv', CLIPS, CLIP_MEANINGS)}\n{_written('labels.csv', LABELS, LABEL_MEANINGS)}"
    return f"{HEAD}\n{written}{TAIL}\n## What stages write\n\n{tables}\n{FRAMES}\n## Joint layouts\n{SIDES}\n{layouts}"


def write_dictionary(path: Path) -> None:
    """Write the page."""
    write_text(path, dictionary())


def _written(file: str, columns: Mapping[str, bool], meanings: Mapping[str, tuple[str, str]]) -> str:
    """The columns of a CSV that people write."""
    rows = "\n".join(
        f"| {name} | {'yes' if required else 'no'} | {meanings[name][0]} | {meanings[name][1]} |"
        for name, required in columns.items()
    )
    return f"### {file}\n\n| column | required | unit | meaning |\n|---|---|---|---|\n{rows}\n"


def _table(schema: Schema) -> str:
    columns = [*schema.columns, *([schema.array] if schema.array else [])]
    rows = "\n".join(_row(column, column is schema.array, schema.packed) for column in columns)
    head = "| column | type | unit | meaning |\n|---|---|---|---|"
    return f"### {schema.name}\n\nOne row: {schema.row}. Version {schema.version}.\n\n{head}\n{rows}\n"


def _row(column: Column, array: bool, packed: bool) -> str:
    kind = f"{column.type}, {'packed little-endian' if packed else 'list'}" if array else str(column.type)
    null = ", or null" if column.nullable else ""
    return f"| {column.name} | {kind}{null} | {column.unit} | {column.meaning} |"


def _layout(layout: Layout) -> str:
    joints = ", ".join(f"{number} {name.replace('_', ' ')}" for number, name in enumerate(layout.joints))
    picture = f"![The joints of {layout.name}, numbered, on a standing person]({CHARTS.format(layout.name)})"
    return f"### {layout.name}\n\n{picture}\n\n{len(layout)} joints: {joints}.\n"
