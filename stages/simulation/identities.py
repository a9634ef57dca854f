"""Identities as a tracker gives them: true ones, exchanged where people meet and new after every absence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stages.simulation.detection import OVERLAP, Detections
from stages.simulation.noise import Chance, NoiseParams
from stages.simulation.observation import View, overlaps


def identities(view: View, found: Detections, noise: NoiseParams) -> NDArray[np.int32]:
    """The identity of each detection, `(R,)`, ≥ 0 and at most once in a frame.

    Two people who overlap and are both detected exchange identities `noise.switched` times a second; somebody not
    detected for `noise.forgotten` seconds comes back as somebody new. Each spot of false detections keeps its own.
    """
    plan, level = view.plan, noise.level
    present = np.zeros(view.seen.shape, dtype=bool)
    real = found.people >= 0
    present[found.frames[real], found.people[real]] = True
    draws = Chance(plan.seed, plan.fps, noise.memory).stream("identities").random((*present.shape, len(view.tracks)))
    meets = np.triu(overlaps(view.boxes) > OVERLAP) & present[:, :, None] & present[:, None]
    switches = meets & (draws < level * noise.switched / plan.fps)
    given = _follow(view.tracks, present, switches, round(noise.forgotten * plan.fps) if level else plan.frames)
    names = np.zeros(len(found.frames), dtype=np.int32)
    names[real] = given[found.frames[real], found.people[real]]
    free = 1 + max(int(given.max(initial=0)), int(view.tracks.max(initial=0)))
    names[~real] = free - 1 - found.people[~real]
    return names


def _follow(
    tracks: NDArray[np.int32], present: NDArray[np.bool_], switches: NDArray[np.bool_], patience: int
) -> NDArray[np.int32]:
    """Identities `(F, N)` frame by frame."""
    current = tracks.copy()
    free = 1 + int(current.max(initial=-1))
    unseen = np.zeros(len(tracks), dtype=np.int64)
    rows = np.zeros(present.shape, dtype=np.int32)
    known = np.zeros(len(tracks), dtype=bool)
    for frame, here in enumerate(present):
        back = np.flatnonzero(here & known & (unseen >= patience))
        current[back] = free + np.arange(len(back))
        free += len(back)
        for one, other in np.argwhere(switches[frame]):
            current[[one, other]] = current[[other, one]]
        unseen = np.where(here, 0, unseen + 1)
        known |= here
        rows[frame] = current
    return rows
