"""The plain form of RBDC and TBDC: a loop over the detections, from the highest score down.

By the rules of Ramachandra and Jones, "Street Scene", WACV 2020, as they are applied to published figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

Box = tuple[float, float, float, float]
Track = tuple[str, int]


def rbdc_tbdc(
    detections: pd.DataFrame, regions: pd.DataFrame, frames: int, alpha: float = 0.1, beta: float = 0.1
) -> tuple[float, float]:
    """RBDC and TBDC of tables with clip, frame, x1, y1, x2, y2 and score or track; `frames` of the whole test set."""
    labelled: dict[tuple[str, int], list[tuple[int, Box, Track]]] = {}
    lengths: dict[Track, int] = {}
    for number, row in enumerate(rows(regions)):
        track = (row.clip, row.track)
        labelled.setdefault((row.clip, row.frame), []).append((number, (row.x1, row.y1, row.x2, row.y2), track))
        lengths[track] = lengths.get(track, 0) + 1
    read = detections.sort_values(["clip", "frame"], kind="stable")
    found: set[int] = set()
    counts = dict.fromkeys(lengths, 0)
    false, curve = 0, [(0.0, 0.0, 0.0)]
    for row in rows(read.sort_values("score", ascending=False, kind="stable")):
        box = (row.x1, row.y1, row.x2, row.y2)
        hit = [each for each in labelled.get((row.clip, row.frame), []) if overlap(box, each[1]) >= alpha]
        false += not hit
        for number, _, track in hit:
            if number not in found:
                found.add(number)
                counts[track] += 1
        tracks = sum(counts[track] / lengths[track] >= beta for track in lengths)
        curve.append((false / frames, len(found) / len(regions), tracks / len(lengths)))
    fpr, rbdr, tbdr = cut(np.array(curve)).T
    return float(np.trapezoid(rbdr, fpr)), float(np.trapezoid(tbdr, fpr))


def rows(table: pd.DataFrame) -> Iterable[Any]:
    """One tuple with the columns' names per row."""
    return table.itertuples(index=False)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union; both edges belong to a box."""
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def cut(curve: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The points up to one false alarm per frame, led on flat to there."""
    kept = curve[curve[:, 0] <= 1]
    return kept if kept[-1, 0] == 1 else np.vstack([kept, [1.0, *kept[-1, 1:]]])
