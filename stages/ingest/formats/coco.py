"""COCO keypoints JSON, both its forms: an annotation file, and a list of results.

Published at https://cocodataset.org/#format-data and #format-results (page source:
https://raw.githubusercontent.com/cocodataset/cocodataset.github.io/master/dataset/format-data.htm).

An annotation file has images (id, file_name, width, height) and annotations (image_id, bbox x, y, w, h, keypoints x, y,
v); v is 0 not labelled, 1 labelled but hidden, 2 labelled and visible, and becomes a confidence of 0, 0.5 and 1. The
folder of file_name is the clip, or the JSON's own name without one; the frame is the last run of digits in it. A
track_id (PoseTrack 2018's addition) is taken over; a score too, 1 without one. Crowds and other categories are left out
and counted.

A list of results has image_id, keypoints x, y, confidence, and score; image_id is the frame's number and the file is
the clip, called after it. bbox and track_id are taken where everybody has them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from stages.core.errors import DatasetError
from stages.core.foreign import frame_number, load_json, numbers, whole
from stages.core.schemas import Rows
from stages.core.skeleton import layout as joint_layout
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.formats.plain import boxes, demand_layout, flat
from stages.ingest.people import NOBODY, People, counted, declared, people

NAME = "coco"
LAYOUT = "coco17"
PERSON = 1
"""COCO's category of people."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source.

    Raises:
        DatasetError: there is no such file, one is broken, or frames of one clip differ in size.
    """
    for path in files.demand("COCO JSON", "*.json"):
        data, where = files.read(path), files.where(path)
        layout = declared(given.layout, LAYOUT, NAME).name
        table, stem = load_json(data, where), path.rpartition("/")[2].removesuffix(".json")
        meta = told(data, layout, NAME)
        if isinstance(table, list):
            yield Recording(stem, path, _results(table, where, layout), meta)
        elif isinstance(table, dict) and {"images", "annotations"} <= set(table):
            yield from _annotated(table, path, stem, where, meta)
        else:
            raise DatasetError("neither COCO annotations nor results", where=where, fix="give another format")


def write(rows: Rows, where: str) -> bytes:
    """One clip as a list of results: with box, and with track_id where everybody has an id.

    Raises:
        DatasetError: the joints are not COCO's 17 in px.
    """
    demand_layout(rows, LAYOUT, NAME, where)
    table, named = rows.frame, bool(rows.frame["track"].notna().all())
    keypoints = flat(rows)
    places = boxes(rows)
    scores = table["score"].to_numpy(dtype=np.float32)
    entries = []
    for row, (frame, track) in enumerate(zip(table["frame"].tolist(), table["track"].tolist(), strict=True)):
        entry = {"image_id": frame, "category_id": PERSON, "keypoints": keypoints[row], "score": scores[row]}
        entries.append({**entry, "bbox": places[row], **({"track_id": int(track)} if named else {})})
    return orjson.dumps(entries, option=orjson.OPT_SERIALIZE_NUMPY)


def file_name(clip: str) -> str:
    """What a clip's file is called."""
    return f"{clip}.json"


def _results(entries: list[Any], where: str, layout: str) -> People:
    kept, left = _persons(entries, where)
    frame = whole([entry.get("image_id") for entry in kept], where=where, what="image_id")
    return _people(kept, frame, where, layout, left)


def _annotated(table: dict[str, Any], path: str, stem: str, where: str, meta: dict[str, str]) -> Iterator[Recording]:
    kept, left = _persons(table["annotations"], where)
    images = {image["id"]: image for image in _entries(table["images"], where) if "id" in image}
    clips = {key: str(image.get("file_name", "")).rpartition("/")[0].replace("/", "_") for key, image in images.items()}
    if unknown := [entry.get("image_id") for entry in kept if entry.get("image_id") not in images]:
        raise DatasetError(f"annotations of images that are not listed, first {unknown[0]!r}", where=where)
    members: defaultdict[str, dict[Any, dict[str, Any]]] = defaultdict(dict)
    entries: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, clip in clips.items():
        members[clip][key] = images[key]
    for entry in kept:
        entries[clips[entry["image_id"]]].append(entry)
    for clip, own in sorted(members.items()):
        numbered = {key: frame_number(str(image.get("file_name", key)), where) for key, image in own.items()}
        frame = np.array([numbered[entry["image_id"]] for entry in entries[clip]], dtype=np.int64)
        found = _people(entries[clip], frame, where, meta["layout"], left, annotated=True)
        size, last = _size(own, clip or stem, where), max(numbered.values(), default=-1)
        yield Recording(clip or stem, path, found, meta, frames=last + 1, size=size)
        left = 0  # they are told once


def _size(images: dict[Any, dict[str, Any]], clip: str, where: str) -> tuple[int, int] | None:
    sizes = Counter((image.get("width"), image.get("height")) for image in images.values())
    if len(sizes) > 1:
        listed = ", ".join(f"{width}×{height} ({count} images)" for (width, height), count in sizes.most_common(3))
        raise DatasetError(f"clip {clip!r} mixes frame sizes: {listed}", where=where, fix="a clip has one frame size")
    (width, height), _ = sizes.popitem()
    return (int(width), int(height)) if width and height else None


def _people(
    entries: list[dict[str, Any]], frame: Any, where: str, layout: str, left: int, *, annotated: bool = False
) -> People:
    joints = len(joint_layout(layout))

    def name(row: int) -> str:
        return f"entry {row} of image {entries[row].get('image_id')!r}"

    def all_have(key: str) -> bool:
        return bool(entries) and all(entry.get(key) is not None for entry in entries)

    rows = [entry.get("keypoints") for entry in entries]
    keypoints = numbers(rows, 3 * joints, where=where, what="keypoints", name=name).reshape(-1, joints, 3)
    if annotated:
        keypoints[..., 2] = _confidence(keypoints[..., 2], where)
    score = [[entry.get("score", 1.0 if annotated else None)] for entry in entries]
    box, track = None, np.full(len(entries), NOBODY, dtype=np.int64)
    if all_have("bbox"):
        box = numbers([entry["bbox"] for entry in entries], 4, where=where, what="bbox", name=name)
    if all_have("track_id"):
        track = whole([entry["track_id"] for entry in entries], where=where, what="track_id")
    scores = numbers(score, 1, where=where, what="score", name=name)[:, 0]
    found = people(frame, keypoints, where=where, track=track, score=scores, box=box)
    return counted(found, "entries of crowds or no people, left out", left)


def _confidence(flags: Any, where: str) -> Any:
    if not np.isin(flags, (0, 1, 2)).all():
        raise DatasetError("v of an annotated joint must be 0, 1 or 2", where=where, fix="results are a mere list")
    return flags / 2


def _entries(found: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DatasetError("COCO's images and annotations must be lists of objects", where=where)
    return found


def _persons(found: Any, where: str) -> tuple[list[dict[str, Any]], int]:
    """Entries that are one person each, and how many are not."""
    entries = _entries(found, where)
    kept = [entry for entry in entries if entry.get("category_id", PERSON) == PERSON and not entry.get("iscrowd")]
    return kept, len(entries) - len(kept)
