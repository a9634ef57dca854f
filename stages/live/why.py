"""Why an alarm rang: the person, the joints and frames that made the score, and what normal people do otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.skeleton import layout
from stages.core.windows import Windows
from stages.detectors.base import Detector
from stages.detectors.blame import Blame, shares
from stages.detectors.neighbours import Normals
from stages.detectors.posture import in_body_heights
from stages.show.run_page import clock
from stages.show.why_figure import WhyFigure, draw

Floats = NDArray[np.float32]
Shares = tuple[tuple[str, float], ...]

NAMED = 3
"""Joints that the first sentence names."""
HALF = 0.5
"""Share of the score that the frames make which the first sentence names."""


@dataclass(frozen=True)
class Likeness:
    """The most similar normal window.

    Args:
        clip: it is from.
        track: of the person in it.
        frame: it begins at.
        distance: mean distance of a joint in body heights.
    """

    clip: str
    track: int
    frame: int
    distance: float


@dataclass(frozen=True)
class Why:
    """Why a person's window scored high.

    Args:
        track: the person.
        score: of the window, the person's highest.
        how: `exact`, or `ablation`: see `stages/detectors/blame.py`.
        frames: number of the frame at each sample, and its share of the score, 0 … 1.
        joints: every joint's name and share, highest first; shares of joints that speak against an alarm are 0.
        nearest: the most similar normal window; None where the model brings none.
        sentences: what made the score, then what differs from the most similar normal window.
        svg: all of it drawn, for a page; see `stages/show/why_figure.py`.
    """

    track: int
    score: float
    how: str
    frames: tuple[tuple[int, float], ...]
    joints: Shares
    nearest: Likeness | None
    sentences: tuple[str, ...]
    svg: str

    def json(self) -> dict[str, Any]:
        """All but the drawing, as JSON takes it."""
        near = self.nearest
        return {
            "track": self.track,
            "score": self.score,
            "how": self.how,
            "frames": [{"frame": frame, "share": round(share, 4)} for frame, share in self.frames],
            "joints": [{"joint": joint, "share": round(share, 4)} for joint, share in self.joints],
            "nearest": near
            and {"clip": near.clip, "track": near.track, "frame": near.frame, "distance": round(near.distance, 4)},
            "sentences": list(self.sentences),
        }


def why(
    detector: Detector, normals: Normals | None, windows: Windows, *, fps: float, part: str | None = None, key: str
) -> Why:
    """Say why one alarm rang.

    Args:
        detector: that judged.
        normals: kept beside it; without them nothing is compared, and ablation is coarse.
        windows: of the alarm's person, one or more; that with the highest score is told of.
        fps: frames per second, to tell when a frame was.
        part: which of the detector's scores rang; None takes the first.
        key: a word that no other alarm of the page has, e.g. `event-3`, for ids in the drawing.

    Raises:
        DatasetError: there is no window, or windows are not of poses.
        ModelError, ParamsError, ScoreError: see `stages.detectors.blame.shares`.
    """
    if not len(windows):
        raise DatasetError("no window to tell of", fix="give the windows of the person who rang")
    one = _highest(detector, windows, part)
    blame = shares(detector, one, normals, part=part)
    return _told(one, blame, normals, fps, key)


def _highest(detector: Detector, windows: Windows, part: str | None) -> Windows:
    if len(windows) == 1:
        return windows
    scores = detector.score(windows)[part or detector.parts[0]]
    return windows.take(np.array([scores.reshape(len(windows), -1).max(axis=1).argmax()]))


def _told(one: Windows, blame: Blame, normals: Normals | None, fps: float, key: str) -> Why:
    row, joints = one.index.iloc[0], layout(one.layout)
    numbers = np.rint(row["start_frame"] + row["step"] * np.arange(one.poses.shape[2])).astype(int).tolist()
    by_frame, by_joint = (_fractions(blame.shares[0].sum(axis=axis, dtype=np.float64)) for axis in (1, 0))
    frames = tuple(zip(numbers, by_frame.tolist(), strict=True))
    ranked: Shares = tuple(
        (joints.joints[number].replace("_", " "), float(by_joint[number]))
        for number in np.argsort(-by_joint, kind="stable").tolist()
    )
    nearest, normal, sentences = None, None, _made(ranked, frames, fps)
    if normals is not None:
        rows, distances = normals.nearest(one.poses[0])
        other = normals.index.iloc[int(rows[0])]
        first = round(float(other["start_frame"]))
        nearest = Likeness(str(other["clip"]), int(other["track"]), first, float(distances[0]))
        sentences += normals.difference(one.poses[0], int(rows[0])).sentences
        normal = normals.places[int(rows[0])]
    likeness, origin = _likeness(nearest)
    track, score = int(row["track"]), float(blame.shares.sum(dtype=np.float64) + blame.rest[0])
    places = in_body_heights(one.poses, one.channels, joints)[0]
    figure = WhyFigure(
        places, normal, blame.shares[0], frames, ranked, joints,
        person=f"person {track}, {_when(numbers[0], numbers[-1], fps)} (frames {numbers[0]} to {numbers[-1]})",
        likeness=likeness,
        origin=origin,
        description=f"{'. '.join(_capital(sentence) for sentence in sentences)}.",
    )  # fmt: skip
    return Why(track, score, blame.how, frames, ranked, nearest, sentences, draw(figure, key))


def _likeness(nearest: Likeness | None) -> tuple[str, str]:
    """How like the most similar normal window is, and where it is from."""
    if nearest is None:
        return "", ""
    return (
        f"most similar normal window: joints {nearest.distance:.2f} body heights away",
        f"{nearest.clip}, person {nearest.track}, from frame {nearest.frame}",
    )


def _fractions(net: NDArray[np.float64]) -> NDArray[np.float64]:
    """What raises the score in parts of it, 0 … 1, summing to 1; all 0 where nothing does."""
    raising = np.clip(net, 0, None)
    total = raising.sum()
    return np.asarray(raising / total) if total > 0 else raising


def _made(joints: Shares, frames: Sequence[tuple[int, float]], fps: float) -> tuple[str, ...]:
    """Which joints and frames made the score; none where nothing raised it."""
    named = [(name, share) for name, share in joints[:NAMED] if share > 0]
    if not named:
        return ()
    listed = _list([name for name, _ in named])
    told: list[int] = []
    counted, total = sorted(frames, key=lambda one: (-one[1], one[0])), 0.0
    while total < HALF and len(told) < len(counted):
        total += counted[len(told)][1]
        told.append(counted[len(told)][0])
    told.sort()
    places, when = _list([str(number) for number in told]), _when(told[0], told[-1], fps)
    share = sum(share for _, share in named)
    return (
        f"{listed} {_make(named)} {share:.0%} of the score, the most of all joints",
        f"{'frame' if len(told) == 1 else 'frames'} {places}, {when}, {_make(told)} {total:.0%} of it",
    )


def _make(subjects: Sequence[object]) -> str:
    return "makes" if len(subjects) == 1 else "make"


def _when(first: int, last: int, fps: float) -> str:
    begin, end = clock(first / fps), clock(last / fps)
    return f"at {begin}" if begin == end else f"{begin} to {end}"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
