"""Kinetics-skeleton JSON of ST-GCN: one file per clip, OpenPose's 18 joints, nobody tracked.

`{"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, …], "score": [c, …]}, …]}, …], "label": …, "label_index": n}`
Frames count from 1; x and y are shares of the frame's width and height, 0, 0 and score 0 where a joint was not found.
Published with Yan et al., ST-GCN, AAAI 2018: https://github.com/open-mmlab/mmskeleton/blob/master/doc/SKELETON_DATA.md
(videos were brought to 340×256 px and 30 fps before), a file is shown in that repository's issue #186. Neither size nor
rate stands in the file: `--size 340x256 --fps 30` says it.

A person's score is the mean confidence of the joints found, the box their extent. The label is the clip's kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.foreign import load_json, numbers, whole
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.people import People, declared, people

NAME = "kinetics"
LAYOUT = "openpose18"
FIRST = 1
"""Number of a clip's first frame."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source, in the order of their names.

    Raises:
        DatasetError: the frame size is not given, there is no such file, or one is broken.
    """
    layout = declared(given.layout, LAYOUT, NAME).name
    if given.size is None:
        raise DatasetError(
            "kinetics files hold shares of a frame whose size they do not tell", fix="give --size 340x256"
        )
    for path in files.demand("Kinetics-skeleton JSON", "*.json"):
        data = files.read(path)
        found, frames, kind = parse(data, files.where(path), given.size, layout)
        name = path.rpartition("/")[2].removesuffix(".json")
        meta = told(data, layout, NAME)
        yield Recording(name, path, found, meta, frames=frames, size=given.size, kind=kind, numbered=True)


def parse(data: bytes, where: str, size: tuple[int, int], layout: str = LAYOUT) -> tuple[People, int, str | None]:
    """People of one file in px, the clip's length and its label.

    Raises:
        DatasetError: it is no such file, is cut short, or holds values that are null, NaN or of other joints.
    """
    joints = len(declared(layout, None, NAME))
    table = load_json(data, where)
    index, crowds = _frames(table, where)
    frame = np.repeat(index, [len(crowd) for crowd in crowds])
    bodies = [body if isinstance(body, dict) else {} for crowd in crowds for body in crowd]

    def name(row: int) -> str:
        return f"person {row}, frame_index {frame[row] + FIRST}"

    places = numbers([body.get("pose") for body in bodies], 2 * joints, where=where, what="pose", name=name)
    scores = numbers([body.get("score") for body in bodies], joints, where=where, what="score", name=name)
    pixels = places.reshape(-1, joints, 2) * size
    found = people(frame, np.concatenate([pixels, scores[..., None]], axis=-1), where=where)
    return found, int(index.max(initial=-1)) + 1, _label(table)


def _frames(table: Any, where: str) -> tuple[NDArray[np.int64], list[list[Any]]]:
    """Number, from 0, of each frame that is listed, and who is in it."""
    listed = table.get("data") if isinstance(table, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise DatasetError(
            "a Kinetics-skeleton file must have a list `data` of frames", where=where, fix="give another format"
        )
    index = whole([entry.get("frame_index") for entry in listed], where=where, what="frame_index", least=FIRST)
    if twice := [number for number, count in Counter(index.tolist()).items() if count > 1]:
        raise DatasetError(f"frame_index {twice[0]} is there twice", where=where, fix="a frame has one entry")
    crowds = [entry.get("skeleton") or [] for entry in listed]
    if wrong := [number for number, crowd in zip(index.tolist(), crowds, strict=True) if not isinstance(crowd, list)]:
        raise DatasetError("skeleton must be a list of people", where=f"{where}: frame_index {wrong[0]}")
    return index - FIRST, crowds


def _label(table: dict[str, Any]) -> str | None:
    label = table.get("label")
    return label if isinstance(label, str) and label not in ("", "unknown") else None
