"""The highest-scoring frame of every clip, however windows come."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from stages.core.windows import FRAME, Windows
from stages.core.worst_frames import WorstFrames


def windows(clips: list[str], starts: list[float]) -> Windows:
    index = pd.DataFrame({"clip": clips, "start_frame": starts, "step": 2.5})
    return Windows(index, np.zeros((len(clips), 1, 3, 1), dtype=np.float32), (FRAME,), FRAME)


SCORES = np.array([[0, 1, 2], [5, 1, 0], [9, 0, 0], [3, 4, 8]], dtype=np.float32)
CLIPS, STARTS = ["a", "a", "b", "a"], [0.0, 10.0, 4.0, 20.0]


@pytest.mark.parametrize("cuts", [(0, 4), (0, 2, 4), (0, 1, 2, 3, 4)])
def test_the_worst_frame_of_each_clip(cuts: tuple[int, ...]) -> None:
    worst = WorstFrames()
    for start, stop in itertools.pairwise(cuts):
        worst.see(windows(CLIPS[start:stop], STARTS[start:stop]), SCORES[start:stop])
    assert {clip: (found.score, found.sample, found.frame) for clip, found in worst.found.items()} == {
        "a": (8.0, 2, 25),
        "b": (9.0, 0, 4),
    }
    assert worst.found["a"].window.index["start_frame"].tolist() == [20.0]
