"""AlphaPose's results JSON, read by `stages/pose/alphapose/results.py`, whose header cites where it is published.

A frame's number is the last run of digits of its image's name: 12 of `12.jpg`, `000012.jpg` and `clip/frame_12.png`.
AlphaPose numbers the frames of a video from 0; images of one's own may count from 1 (`--first-frame 1`). Images in
different folders are different clips, called after their folder; otherwise the clip is called after the file, or after
the file's folder where the file has AlphaPose's own name. Whole numbers in `idx` are track ids; lists, and the same 0
for everybody, mean that AlphaPose did not track. Without `box` the box is the extent of the joints seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import orjson
from numpy.typing import NDArray

from stages.core.schemas import Rows
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.formats.decimals import SHORTEST, decimals, spelled
from stages.ingest.formats.plain import boxes, demand_layout, flat
from stages.ingest.people import People, counted, declared, people
from stages.pose.alphapose.results import PERSON, Results, parse

NAME = "alphapose"
LAYOUT = "coco17"
OWN = "alphapose-results"
"""What AlphaPose calls its file."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source: a file is one, or one for each folder its images lie in.

    Raises:
        DatasetError: there is no such file, or one is broken.
    """
    layout = declared(given.layout, LAYOUT, NAME)
    for path in files.demand("AlphaPose results", "*.json"):
        data = files.read(path)
        results = parse(data, files.where(path), len(layout))
        meta = {**told(data, layout.name, NAME), "decimals": decimals(results.keypoints)[0]}
        meta["score_decimals"] = decimals(results.score)[0]
        others = results.others
        for folder, rows in _folders(results):
            found = counted(_people(results, rows, files.where(path)), "entries of no people, left out", others)
            yield Recording(folder.replace("/", "_") or clip_name(path, files), path, found, meta)
            others = 0  # they are told once


def clip_name(path: str, files: Files) -> str:
    """What the clip of a file is called: after the file, or its folder where the file has AlphaPose's own name."""
    parts = path.removesuffix(".json").split("/")
    if not parts[-1].startswith(OWN):
        return parts[-1]
    return parts[-2] if len(parts) > 1 else (files.root if files.root.is_dir() else files.root.resolve().parent).name


def write(rows: Rows, where: str) -> bytes:
    """One clip as AlphaPose results; `idx` is there where everybody has an id.

    Raises:
        DatasetError: the joints are not COCO's 17 in px.
    """
    demand_layout(rows, LAYOUT, NAME, where)
    table, named = rows.frame, bool(rows.frame["track"].notna().all())
    keypoints = spelled(flat(rows), rows.meta.get("decimals", SHORTEST))
    scores = spelled(table["score"].to_numpy(dtype=np.float32), rows.meta.get("score_decimals", SHORTEST))
    places = boxes(rows)
    entries = []
    for row, (frame, track) in enumerate(zip(table["frame"].tolist(), table["track"].tolist(), strict=True)):
        entry = {"image_id": f"{frame}.jpg", "category_id": PERSON, "keypoints": keypoints[row], "score": scores[row]}
        entries.append({**entry, "box": places[row], **({"idx": int(track)} if named else {})})
    return orjson.dumps(entries, option=orjson.OPT_SERIALIZE_NUMPY)


def file_name(clip: str) -> str:
    """What a clip's file is called."""
    return f"{clip}.json"


def _folders(results: Results) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Folders of images, sorted, and the people in each; one without anybody where there is nobody."""
    names, codes = np.unique(np.array(results.folder or [""]), return_inverse=True)
    order = np.argsort(codes[: len(results)], kind="stable")
    bounds = np.searchsorted(codes[: len(results)][order], np.arange(len(names) + 1))
    for name, (start, end) in zip(names.tolist(), pairwise(bounds.tolist()), strict=True):
        yield name, order[start:end]


def _people(results: Results, rows: NDArray[np.int64], where: str) -> People:
    return people(
        results.frame[rows],
        results.keypoints[rows],
        where=where,
        track=results.track[rows],
        score=results.score[rows],
        box=None if results.box is None else results.box[rows],
    )
