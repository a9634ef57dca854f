"""What passes from hand to hand while a camera is watched: frames, judged frames and alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a source.

    Args:
        number: from 0; where frames were lost, numbers are left out, so that `number / fps` stays the time.
        seconds: since the first frame of the source.
        image: `(H, W, 3)` BGR.
    """

    number: int
    seconds: float
    image: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Seen:
    """A person in a frame.

    Args:
        track: id, the same for as long as the person is followed.
        box: `(4,)` x, y, width, height in px of the frame.
        keypoints: `(V, 3)` x, y in px, confidence.
        score: of this person in this frame, higher = more abnormal; None where no window covers it.
    """

    track: int
    box: NDArray[np.float64]
    keypoints: NDArray[np.float32]
    score: float | None


@dataclass(frozen=True, eq=False)
class Judged:
    """A frame about which all is known.

    Args:
        number: of the frame.
        seconds: since the first frame of the source.
        people: everybody who is followed in it.
        raw: the frame's score, that of its most abnormal person.
        smoothed: the same, blurred in time; thresholds are for this one.
        track: the most abnormal person, None where nobody was scored.
        others: who may be a person and is not followed; to be hidden, as a face is a face.
    """

    number: int
    seconds: float
    people: tuple[Seen, ...]
    raw: float
    smoothed: float
    track: int | None
    others: tuple[Seen, ...] = ()

    @property
    def scored(self) -> bool:
        """Whether anybody was scored in it; if not, `raw` is the model's stated floor."""
        return self.track is not None


@dataclass(frozen=True)
class Event:
    """An alarm that is over.

    Args:
        start_frame: first frame that rings.
        end_frame: last one.
        start_seconds: when the first begins, since the first frame of the source.
        end_seconds: when the last ends.
        peak_frame: the highest, the first of several.
        peak_score: its smoothed score.
        threshold: above which it rang.
        track: the most abnormal person at the peak, or None.
        p: share of normal footage as high as the peak, by the calibration; None where there is none.
    """

    start_frame: int
    end_frame: int
    start_seconds: float
    end_seconds: float
    peak_frame: int
    peak_score: float
    threshold: float
    track: int | None
    p: float | None
