"""Judged frames as pictures: who is drawn in which colour, and whose head is hidden."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from stages.core.skeleton import layout
from stages.live.judged import Frame, Judged, Seen
from stages.live.model import ALARMING, Model
from stages.live.recording import Peak
from stages.live.source import Source
from stages.show.faces import OTHERS, blur_faces
from stages.show.overlay import Image, Person, blank, draw_people
from stages.show.overlay_video import Look, OverlayVideo
from stages.show.run_page import picture

KEPT = 0.5
"""Seconds for which a head stays hidden where it was last seen: a missed person is still in the picture."""
ACROSS = 720
"""Width in px at which an alarm's picture is drawn."""


class Drawer(AbstractContextManager["Drawer"]):
    """Draws a source's frames into a film, as `record` shows them.

    Args:
        path: of the film.
        source: whose frames they are.
        model: says what is usual.
        threshold: over which alarms ring.
        every: people were looked for in every n-th frame; between, they are drawn where they were.
        blur: hide heads.
        skeleton_only: people on a plain ground.
    """

    def __init__(
        self, path: Path, source: Source, model: Model, threshold: float, *, every: int, blur: bool, skeleton_only: bool
    ) -> None:
        look = Look(layout(model.card.layout), ALARMING, blur=blur, skeleton_only=skeleton_only)
        self._video = OverlayVideo(path, size=source.size, fps=source.fps, look=look)
        self._model, self._threshold, self._every = model, threshold, every
        self._fps = source.fps
        self._keep = max(round(KEPT * source.fps), every)
        self._last: dict[int, tuple[int, Seen]] = {}
        self._before: tuple[int, tuple[Seen, ...], tuple[Seen, ...]] = 0, (), ()

    def __enter__(self) -> Self:
        self._video.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._video.__exit__(kind, error, trace)

    def __call__(self, frame: Frame, judged: Judged, ringing: bool) -> None:
        """Draw one frame."""
        people, others = judged.people, judged.others
        if self._every > 1 and frame.number % self._every:  # nobody was looked for: they are about where they were
            _, people, others = self._before
        else:
            self._before = frame.number, people, others
        self._last.update({seen.track: (self._before[0], seen) for seen in people})
        self._last = {track: kept for track, kept in self._last.items() if frame.number - kept[0] <= self._keep}
        here = {seen.track for seen in people}
        missed = [
            (person, (frame.number - number) / self._fps)
            for track, (number, seen) in self._last.items()
            if track not in here
            for person in persons((seen,), self._model, self._threshold)
        ]
        heat = self._model.heat(judged.smoothed, self._threshold) if judged.scored else None
        self._video.add(
            frame.number, frame.image[..., ::-1], persons(people, self._model, self._threshold),
            share=heat, ringing=ringing, hidden=persons(others, self._model, self._threshold),
            ago=(frame.number - self._before[0]) / self._fps, missed=missed,
        )  # fmt: skip


def persons(people: tuple[Seen, ...], model: Model, threshold: float) -> list[Person]:
    """People as they are drawn: coloured by their score, 0 usual, 0.8 at the threshold."""
    return [Person(seen.keypoints, seen.box, seen.track, model.heat(seen.score, threshold)) for seen in people]


def picture_of(peak: Peak, model: Model, threshold: float, blur: bool, skeleton_only: bool) -> str:
    """The frame at an alarm's peak with its people, as `data:` URI; empty where the source lost that frame."""
    if peak.frame is None:
        return ""
    joints = layout(model.card.layout)
    people, others = (persons(each, model, threshold) for each in (peak.judged.people, peak.judged.others))
    image: Image = peak.frame.image[..., ::-1].copy()
    if skeleton_only:
        image = blank(image.shape[1], image.shape[0])
    elif blur:
        image = blur_faces(blur_faces(image, people, joints), others, joints, around=OTHERS)
    width = min(ACROSS, image.shape[1])
    return picture(draw_people(image, people, joints, width=width, boxes=True, ids=True, dim=0.9), width)
