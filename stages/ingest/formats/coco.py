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
    images = _images(table["images"], where)
    clips = {key: _folder(image).replace("/", "_") for key, image in images.items()}
    named = [entry.get("image_id") for entry in kept]
    if unknown := [key for key in named if not isinstance(key, int | str) or key not in images]:
        raise DatasetError(f"annotations of images that are not listed, first {unknown[0]!r}", where=where)
    members: defaultdict[str, dict[Any, dict[str, Any]]] = defaultdict(dict)
    entries: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, clip in clips.items():
        members[clip][key] = images[key]
    for entry in kept:
        entries[clips[entry["image_id"]]].append(entry)
    for clip, own in sorted(members.items()):
        numbered = _numbered(own, clip or stem, where)
        frame = np.array([numbered[entry["image_id"]] for entry in entries[clip]], dtype=np.int64)
        found = _people(entries[clip], frame, where, meta["layout"], left, annotated=True)
        size, last = _size(own, clip or stem, where), max(numbered.values(), default=-1)
        yield Recording(clip or stem, path, found, meta, frames=last + 1, size=size)
        left = 0  # they are told once


def _images(found: Any, where: str) -> dict[Any, dict[str, Any]]:
    """Images by their id."""
    listed = _entries(found, where)
    if wrong := [image.get("id") for image in listed if not isinstance(image.get("id"), int | str)]:
        raise DatasetError(f"an image's id must be a number or a text, found {wrong[0]!r:.40}", where=where)
    images = {image["id"]: image for image in listed}
    if len(images) < len(listed):
        twice = next(key for key, count in Counter(image["id"] for image in listed).items() if count > 1)
        raise DatasetError(f"image {twice!r} is listed twice", where=where, fix="give every image an id of its own")
    return images


def _folder(image: dict[str, Any]) -> str:
    return str(image.get("file_name", "")).replace("\\", "/").rpartition("/")[0]


def _numbered(images: dict[Any, dict[str, Any]], clip: str, where: str) -> dict[Any, int]:
    """Frame of each image of a clip, by its id."""
    found = {key: frame_number(str(image.get("file_name", key)), where) for key, image in images.items()}
    if twice := [number for number, count in Counter(found.values()).items() if count > 1]:
        names = [str(images[key].get("file_name", key)) for key, number in found.items() if number == twice[0]]
        raise DatasetError(
            f"clip {clip!r} has frame {twice[0]} twice, in {names[0]!r} and {names[1]!r}",
            where=where,
            fix="put each clip's images into a folder of their own",
        )
    return found


def _size(images: dict[Any, dict[str, Any]], clip: str, where: str) -> tuple[int, int] | None:
    sizes = Counter((_side(image, "width", where), _side(image, "height", where)) for image in images.values())
    if len(sizes) > 1:
        listed = ", ".join(f"{width}×{height} ({count} images)" for (width, height), count in sizes.most_common(3))
        raise DatasetError(f"clip {clip!r} mixes frame sizes: {listed}", where=where, fix="a clip has one frame size")
    (width, height), _ = sizes.popitem()
    return (width, height) if width and height else None


def _side(image: dict[str, Any], key: str, where: str) -> int | None:
    return None if image.get(key) is None else int(whole([image[key]], where=where, what=key, least=1)[0])


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
