"""Judged frames as pictures: who is drawn in which colour, and whose head is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stages.core.errors import StorageError
from stages.core.skeleton import layout
from stages.live.judged import Frame, Judged, Seen
from stages.live.model import ALARMING, Model
from stages.live.recording import Peak
from stages.live.sights import Sight
from stages.live.source import Source
from stages.show.faces import hide_faces
from stages.show.overlay import Image, Person, blank, data_uri, draw_people, narrowed
from stages.show.overlay_video import Look, OverlayVideo, scaled

ACROSS = 720
"""Width in px at which an alarm's picture is drawn."""


class Drawer(AbstractContextManager["Drawer"]):
    """Draws a source's frames into a film, as `record` shows them.

    A film that cannot be written, as on a full disk, ends alone, and leaves no file: what is judged is worth more.

    Args:
        path: of the film.
        source: whose frames they are.
        model: says what is usual.
        threshold: over which alarms ring.
        blur: hide heads.
        skeleton_only: people on a plain ground.

    Attributes:
        trouble: why the film could not be written, or None.
    """

    def __init__(
        self, path: Path, source: Source, model: Model, threshold: float, *, blur: bool, skeleton_only: bool
    ) -> None:
        look = Look(layout(model.card.layout), ALARMING, blur=blur, skeleton_only=skeleton_only)
        self._video = OverlayVideo(path, size=source.size, fps=source.fps, look=look)
        self._model, self._threshold = model, threshold
        self.trouble: StorageError | None = None

    def __enter__(self) -> Self:
        self._video.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.trouble is not None:
            return
        try:
            self._video.__exit__(kind, error, trace)
        except StorageError as trouble:
            if error is not None:
                raise
            self.trouble = trouble

    def __call__(self, frame: Frame, judged: Judged, sight: Sight, ringing: bool) -> None:
        """Draw one frame."""
        if self.trouble is not None:
            return
        heat = self._model.heat(judged.smoothed, self._threshold) if judged.scored else None
        drawn, hidden = (self._persons(each) for each in (sight.people, sight.others))
        missed = [(person, ago) for seen, ago in sight.missed for person in self._persons((seen,))]
        try:
            self._video.add(
                frame.number, frame.image[..., ::-1], drawn, share=heat, ringing=ringing,
                hidden=hidden, ago=sight.ago, missed=missed,
            )  # fmt: skip
        except OSError as error:
            self.trouble = self._end(error)

    def _persons(self, people: tuple[Seen, ...]) -> list[Person]:
        return persons(people, self._model, self._threshold)

    def _end(self, error: OSError) -> StorageError:
        """Close the film as one that failed, and say why."""
        try:
            self._video.__exit__(type(error), error, error.__traceback__)
        except StorageError as trouble:
            return trouble
        raise error


def persons(people: tuple[Seen, ...], model: Model, threshold: float) -> list[Person]:
    """People as they are drawn: coloured by their score, 0 usual, 0.8 at the threshold."""
    return [Person(seen.keypoints, seen.box, seen.track, model.heat(seen.score, threshold)) for seen in people]


def portrait(
    peak: Peak, model: Model, threshold: float, size: tuple[int, int], *, blur: bool, skeleton_only: bool
) -> str:
    """The frame at an alarm's peak with its people, as `data:` URI; empty where the source lost that frame.

    Args:
        peak: of the alarm.
        model: that judged.
        threshold: over which it rang.
        size: width and height of the source's frames in px.
        blur: hide heads.
        skeleton_only: people on a plain ground.
    """
    if peak.frame is None:
        return ""
    joints, sight = layout(model.card.layout), peak.sight
    image: Image = narrowed(np.ascontiguousarray(peak.frame.image[..., ::-1]), ACROSS)
    scale = image.shape[1] / size[0], image.shape[0] / size[1]

    def here(people: Sequence[Seen]) -> list[Person]:
        return [scaled(person, *scale) for person in persons(tuple(people), model, threshold)]

    people = here(sight.people)
    if skeleton_only:
        image = blank(image.shape[1], image.shape[0])
    elif blur:
        missed = [(person, ago) for seen, ago in sight.missed for person in here((seen,))]
        image = hide_faces(image, people, here(sight.others), missed, joints, ago=sight.ago)
    return data_uri(draw_people(image, people, joints, width=image.shape[1], boxes=True, ids=True, dim=0.9))
