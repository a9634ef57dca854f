"""Windows of people who are followed frame by frame: those that `stages/core/clip_windows.py` cuts of the whole clip.

A sample is known as soon as its track has an entry at its time or after it, so each new entry is brought to the window
spec's rate together with the one before it, by the same function. A window is given out with its last sample.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.cutting import resample
from stages.core.errors import ModelError
from stages.core.normalization import NormalizeParams, normalize_people
from stages.core.skeleton import convert, layout
from stages.core.windows import Windows, WindowSpec

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


Window = tuple[int, int, int, Floats]
"""Track, first sample, how many samples were not seen, and `(T, V, 3)` keypoints."""


@dataclass
class _Track:
    """A person: the last entry, the last samples that were seen or filled, and a window that may be the last one."""

    frame: int
    keypoints: Floats
    samples: deque[int]
    filled: deque[bool]
    poses: deque[Floats]
    count: int = 0
    held: list[Window] = field(default_factory=list)


def demand_rate(spec: WindowSpec, fps: float, every: int) -> None:
    """Refuse a source in which no window could ever be complete.

    Args:
        spec: the window spec.
        fps: frames per second of the source.
        every: people are looked for in every n-th frame.

    Raises:
        ModelError: too many samples would not be seen.
    """
    if spec.rate is None:
        return
    step = spec.step(fps)
    sample = np.arange(1000 * spec.samples) * step
    away = np.abs(sample - np.rint(sample / every) * every)
    unseen = away > max(step, 1.0) / 2 + 1e-9
    fewest = np.convolve(unseen, np.ones(spec.samples, dtype=np.int64), mode="valid").min()
    if fewest > spec.max_missing:
        raise ModelError(
            f"the model reads {spec.rate:g} samples a second, and people are looked for {fps / every:g} times a second",
            fix="look at more frames (a smaller --every), or train a model on windows of a lower rate (windows.*.rate)",
        )


class Cutter:
    """Cuts the windows of one source.

    Args:
        spec: the window spec of the detector that will read them; one of poses.
        params: what is no person.
        fps: frames per second of the source.
        joints: layout of the keypoints that come; they are 2-D, in px.
        forget: seconds after which a track that was not seen is forgotten. At least what the tracker remembers.
    """

    def __init__(
        self, spec: WindowSpec, params: NormalizeParams, *, fps: float, joints: str, forget: float = 10.0
    ) -> None:
        self._spec, self._params, self._fps, self._joints = spec, params, fps, joints
        self._own = layout(spec.layout or joints)
        self._step = spec.step(fps)
        self._forget = forget * fps
        self._tracks: dict[int, _Track] = {}

    @property
    def horizon(self) -> int:
        """Frames by which a window's first frame may lie before the frame that completes it."""
        samples = self._spec.samples + self._spec.max_missing + self._spec.fill + 1
        return int(np.ceil(samples * max(self._step, 1.0))) + 1

    def see(self, frame: int, tracks: Ints, keypoints: Floats) -> Windows:
        """Take one frame's people.

        Args:
            frame: larger than at the last call.
            tracks: `(P,)` ids, each once.
            keypoints: `(P, V, 3)` x, y in px, confidence.

        Returns:
            The windows that became complete; their index names track, start_frame, step, length and missing.
        """
        values = convert(keypoints, self._joints, self._spec.layout)
        self._extend(frame, tracks, values)
        ready = []
        for place, track in enumerate(tracks.tolist()):
            known = self._tracks.get(track)
            ready += self._samples(track, known, frame, values[place]) if known else []
        for track in [track for track, known in self._tracks.items() if frame - known.frame > self._forget]:
            del self._tracks[track]
        return self._windows(ready) if ready else self._nothing

    @cached_property
    def _nothing(self) -> Windows:
        """No window, made once: most frames of a fast camera complete none."""
        return self._windows([])

    def _extend(self, frame: int, tracks: Ints, values: Floats) -> None:
        """Begin the tracks that are new, each with an entry before which there is nothing."""
        length = self._spec.samples
        for track, one in zip(tracks.tolist(), values, strict=True):
            if track not in self._tracks:
                empty = deque[int](maxlen=length), deque[bool](maxlen=length), deque[Floats](maxlen=length)
                self._tracks[track] = _Track(frame, one, *empty)

    def _samples(self, track: int, known: _Track, frame: int, now: Floats) -> list[Window]:
        """Bring the newest entry to the spec's rate; gives the windows that end with one of its samples."""
        new = frame == known.frame and not known.count  # the first entry of a track has none before it
        pair = [(frame, now)] if new else [(known.frame, known.keypoints), (frame, now)]
        frames = np.array([each for each, _ in pair])
        entries = resample(
            np.full(len(pair), track), frames, np.stack([each for _, each in pair]), self._spec, self._fps
        )
        late = known.samples[-1] if known.samples else -1
        found = []
        for sample, filled, values in zip(
            entries.sample.tolist(), entries.filled.tolist(), entries.keypoints, strict=True
        ):
            if sample <= late or (not new and sample * self._step <= known.frame + 1e-6):
                continue
            known.samples.append(sample)
            known.filled.append(filled)
            known.poses.append(values)
            known.count += 1
            found += self._cut(track, known)
        known.frame, known.keypoints = frame, now
        return found

    def _cut(self, track: int, known: _Track) -> list[Window]:
        """The window that ends with the newest sample, if one does: track, first sample, missing, values."""
        length, held = self._spec.samples, known.held
        known.held = []
        spare = known.count - length
        if spare < 0 or spare % self._spec.stride_score:
            return held
        first = known.samples[0]
        outside = sum(sample >= first + length for sample in known.samples)
        missing = outside + sum(known.filled)
        found = [(track, first, missing, np.stack(known.poses))] if missing <= self._spec.max_missing else []
        if self._spec.keep_last:
            return found
        known.held = found  # by the published rule a track's last window is dropped: wait whether another sample comes
        return held

    def _windows(self, ready: list[Window]) -> Windows:
        spec = self._spec
        channels = spec.normalization.channels("xy")
        keypoints = (
            np.stack([values for *_, values in ready])
            if ready
            else np.empty((0, spec.samples, len(self._own), 3), dtype=np.float32)
        )
        keep, poses = normalize_people(keypoints, spec.normalization, self._params.least("px"), self._own)
        rows = [row for row, kept in zip(ready, keep, strict=True) if kept]
        unknown = pd.array([pd.NA] * len(rows), dtype="Int8")
        index = pd.DataFrame(
            {
                "dataset": "", "split": "test", "clip": "",
                "track": np.array([track for track, *_ in rows], dtype=np.int64),
                "start_frame": np.array([first * self._step for _, first, *_ in rows], dtype=np.float64),
                "step": self._step, "length": spec.samples,
                "missing": np.array([missing for _, _, missing, _ in rows], dtype=np.int64),
                "label": unknown, "person_label": unknown,
            }
        )  # fmt: skip
        return Windows(index, poses, channels, self._own.name)
