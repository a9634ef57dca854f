"""Tracked people of STG-NF and GEPC: `<scene>_<clip>_alphapose_tracked_person.json`, one file per clip.

`{person: {frame: {"keypoints": [x, y, confidence] × 17 COCO joints in px, "scores": score}}}`, frames zero-padded. The
format is that of the pose files published with Markovitz et al., GEPC, CVPR 2020 (https://github.com/amirmk89/gepc,
explained in its issue #11) and Hirschorn and Avidan, STG-NF, ICCV 2023 (https://github.com/orhir/STG-NF).

Scene and camera are read from the two data sets' names: `01_0014` is of scene 01, `abnormal_scene_1_scenario_2_fog` of
scene 1. The box is the extent of the joints seen, the score the one given, or the joints' mean confidence without one.
What is written out again is what was read, but for numbers of more digits than float32 holds, which are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import orjson

from stages.core.errors import DatasetError
from stages.core.foreign import distinct, load_json, numbers, whole
from stages.core.schemas import Rows
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.formats.decimals import SHORTEST, decimals, spelled
from stages.ingest.formats.plain import demand_layout, demand_tracks, flat
from stages.ingest.people import People, counted, declared, people

NAME = "tracked_person"
LAYOUT = "coco17"
SUFFIX = "_alphapose_tracked_person.json"
SCENES = (re.compile(r"(?:normal|abnormal)_scene_(\d+)_scenario_.+"), re.compile(r"(\d+)_\d+"))
"""Clip names of UBnormal and of ShanghaiTech."""
DIGITS = 4
"""Width of a frame's number where the source did not have another."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source, in the order of their names.

    Raises:
        DatasetError: there is no such file, or one is broken.
    """
    layout = declared(given.layout, LAYOUT, NAME).name
    for path in files.matching(f"*{SUFFIX}") or files.demand("tracked-person JSON", "*.json"):
        data = files.read(path)
        found, facts = parse(data, files.where(path), layout)
        name = path.rpartition("/")[2].removesuffix(".json").removesuffix(SUFFIX.removesuffix(".json"))
        scene = next((match[1] for rule in SCENES if (match := rule.fullmatch(name))), None)
        meta = {**told(data, layout, NAME), **facts}
        yield Recording(name, path, found, meta, camera=scene, scene=scene)


def parse(data: bytes, where: str, layout: str = LAYOUT) -> tuple[People, dict[str, str]]:
    """People of one file, and how its numbers are written.

    Args:
        data: the file's bytes.
        where: its name, for messages.
        layout: the joints it is said to hold.

    Raises:
        DatasetError: it is no such file, is cut short, names a person or frame twice, or holds values that are null,
            NaN, or of another number of joints.
    """
    joints = len(declared(layout, None, NAME))
    table = _table(data, where)
    track = np.repeat(distinct(list(table), where=where, what="a person"), [len(person) for person in table.values()])
    frames = list(chain.from_iterable(table.values()))
    entries = list(chain.from_iterable(person.values() for person in table.values()))
    _refuse_repeats(data, len(entries), where)

    def name(row: int) -> str:
        return f"person {track[row]}, frame {frames[row]}"

    keypoints = numbers(
        [_of(entry, "keypoints") for entry in entries], 3 * joints, where=where, what="keypoints", name=name
    )
    score = None
    if any(_of(entry, "scores") is not None for entry in entries):
        score = numbers([[_of(entry, "scores")] for entry in entries], 1, where=where, what="scores", name=name)[:, 0]
    frame = whole(frames, where=where, what="a frame")
    found = people(frame, keypoints.reshape(-1, joints, 3), where=where, track=track, score=score)
    style, lost = decimals(keypoints)
    facts = {"decimals": style, "frame_digits": str(min(map(len, frames), default=DIGITS))}
    if score is not None:
        facts["score_decimals"], more = decimals(score)
        lost += more
    return counted(found, "numbers rounded to float32", lost), facts


def write(rows: Rows, where: str) -> bytes:
    """One clip's tracks as a tracked-person file.

    Args:
        rows: TRACKS, or POSES that have ids.
        where: for messages.

    Raises:
        DatasetError: the joints are not COCO's 17 in px, or somebody has no id.
    """
    demand_layout(rows, LAYOUT, NAME, where)
    table = demand_tracks(rows, where)
    digits = int(rows.meta.get("frame_digits", DIGITS))
    keypoints = spelled(flat(rows), rows.meta.get("decimals", SHORTEST))
    scores = spelled(table["score"].to_numpy(dtype=np.float32), rows.meta.get("score_decimals", SHORTEST))
    track, frame = table["track"].to_numpy(dtype=np.int64), table["frame"].to_numpy(dtype=np.int64)
    people: dict[str, dict[str, Any]] = {}
    for row in np.lexsort((frame, track)):
        entry = {"keypoints": keypoints[row], "scores": scores[row]}
        people.setdefault(str(track[row]), {})[f"{frame[row]:0{digits}d}"] = entry
    return orjson.dumps(people, option=orjson.OPT_SERIALIZE_NUMPY)


def file_name(clip: str) -> str:
    """What a clip's file is called."""
    return f"{clip}{SUFFIX}"


def _table(data: bytes, where: str) -> dict[str, dict[str, Any]]:
    table = load_json(data, where)
    if not isinstance(table, dict) or not all(isinstance(person, dict) for person in table.values()):
        raise DatasetError(
            "a tracked-person file must be people by id, each of frames by number",
            where=where,
            fix="give another format",
        )
    return table


def _of(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None


def _refuse_repeats(data: bytes, entries: int, where: str) -> None:
    """JSON lets a key stand twice and parsers keep the last: then more was written than was read."""
    if (written := data.count(b'"keypoints"')) > entries:
        raise DatasetError(
            f"a person, or a frame of one, is named twice: {written} poses are written, {entries} remain",
            where=where,
            fix="give everybody an id of their own",
        )
