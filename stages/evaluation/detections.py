"""Scored people as boxes in the picture: what region-level figures are taken from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stages.core.progress import log

WHO = ["clip", "track", "frame"]
CORNERS = ["x1", "y1", "x2", "y2"]


def boxes(tracks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Where each tracked person is seen.

    Args:
        tracks: rows of TRACKS, a table per clip.

    Returns:
        clip, track, frame, x1, y1, x2, y2 in px.
    """
    tables = [
        table[WHO].assign(x1=table["x"], y1=table["y"], x2=table["x"] + table["w"], y2=table["y"] + table["h"])
        for table in tracks
    ]
    empty = pd.DataFrame(columns=[*WHO, *CORNERS])
    return pd.concat(tables, ignore_index=True) if tables else empty


def detections(people: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Person scores with the boxes they belong to; a score on a frame in which the person was not seen has none.

    Args:
        people: clip, track, frame, score of one seed; whole-frame scores (track null) have no box.
        seen: as `boxes` gives them.

    Returns:
        clip, track, frame, x1, y1, x2, y2 in px, score (higher = more abnormal); sorted by the first three.
    """
    persons = people[people["track"].notna()].astype({"track": np.int64})
    found = persons[[*WHO, "score"]].merge(seen, on=WHO, how="inner", validate="one_to_one")
    if lost := len(persons) - len(found):
        log.info("%d of %d person scores lie on frames in which the person was not seen: no box", lost, len(persons))
    return found.sort_values(WHO, ignore_index=True)[[*WHO, *CORNERS, "score"]]
