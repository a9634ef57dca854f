"""data/README.md: the data dictionary, written from the schemas so that the two cannot differ."""

from __future__ import annotations

from pathlib import Path

from stages.core.schemas import SCHEMAS, VERSION, Column, Schema
from stages.core.skeleton import LAYOUTS, Layout
from stages.core.storage import write_text

HEAD = f"""# Data dictionary

Written from `stages/core/schemas.py` (schema version {VERSION}) by `normotion readme`: edit that file, not this.

Every table is one Parquet file, or one per clip or split. Its metadata names the schema and version, the joint layout,
units, channels, the backend that made it and the sha256 of its source. Tables of another version are refused.

- Frames count from 0 in the clip's own rate, in every table and label; only `segment` resamples.
- A label is 1 abnormal, 0 normal, null unknown. A higher score is more abnormal.
- Pixels count from the top left corner of the frame as decoded.

## What people write: `data/raw/<dataset>/`

| file | columns |
|---|---|
| dataset.yaml | name, source, licence, modality (`video` or `poses`) |
| clips.csv | clip, split (train, validation, test), path, camera, scene, fps, width, height, frames, kind?, abnormal? |
| labels.csv | clip, start_frame, end_frame (inclusive), track?, kind?, x?, y?, w?, h? |

A clip with rows in labels.csv is abnormal in those intervals, normal elsewhere. A clip without rows is normal, unless
clips.csv calls it `abnormal` 1 as a whole: then which of its frames are is unknown.
"""


def dictionary() -> str:
    """The whole page as Markdown."""
    tables = "\n".join(_table(schema) for schema in SCHEMAS.values())
    layouts = "\n".join(_layout(layout) for layout in LAYOUTS.values())
    return f"{HEAD}\n## What stages write\n\n{tables}\n## Joint layouts\n\n{layouts}"


def write_dictionary(path: Path) -> None:
    """Write the page."""
    write_text(path, dictionary())


def _table(schema: Schema) -> str:
    columns = [*schema.columns, *([schema.array] if schema.array else [])]
    rows = "\n".join(_row(column, column is schema.array, schema.packed) for column in columns)
    head = "| column | type | unit | meaning |\n|---|---|---|---|"
    return f"### {schema.name}\n\nOne row: {schema.row}.\n\n{head}\n{rows}\n"


def _row(column: Column, array: bool, packed: bool) -> str:
    kind = f"{column.type}, {'packed little-endian' if packed else 'list'}" if array else str(column.type)
    null = ", or null" if column.nullable else ""
    return f"| {column.name} | {kind}{null} | {column.unit} | {column.meaning} |"


def _layout(layout: Layout) -> str:
    joints = ", ".join(f"{number} {name.replace('_', ' ')}" for number, name in enumerate(layout.joints))
    return f"- **{layout.name}**: {joints}.\n"
