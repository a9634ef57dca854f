"""Frames in, judged frames out, their pictures kept until then: what `run`, `calibrate` and the Python API stand on."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from stages.core.errors import BackendError
from stages.live.engine import Engine
from stages.live.judged import Frame, Judged
from stages.live.model import Model
from stages.pose.base import Estimator
from stages.pose.estimators import estimator
from stages.pose.parallel import people
from stages.show.overlay import narrowed


def finder(model: Model) -> Estimator:
    """The networks that find the people a model judges.

    Raises:
        BackendError: they are not installed, or work on whole clips alone.
    """
    found = estimator(model.card.people)
    if not isinstance(found, Estimator):
        raise BackendError(
            f"{model.card.people.backend} works on whole clips, and a camera gives frame after frame",
            fix="choose another extract.backend, train on its poses, and pack the model anew",
        )
    return found


def judging(
    frames: Iterable[Frame], engine: Engine, find: Estimator, *, every: int = 1, threads: int | None = None
) -> Generator[Judged]:
    """Find, follow and score everybody.

    Args:
        frames: of one source.
        engine: a new one, made for it.
        find: finds people.
        every: look for people in every n-th frame alone; all frames are judged.
        threads: frames in work at once; None: as many as there are cores.

    Yields:
        Every frame, in order, once all is known about it.
    """
    images = ((frame.number, frame.image) for frame in frames if frame.number % every == 0)
    with closing(people(find, images, threads)) as found:
        for number, crowd in found:
            yield from engine.see(number, crowd)
    yield from engine.finish()


@dataclass
class Held:
    """Frames that pass through, kept until they are judged, which takes seconds: large ones are kept small.

    Args:
        frames: what passes.
        widest: width in px that a kept picture has at most; people stay in px of the source.
    """

    frames: Iterable[Frame]
    widest: int
    _waiting: dict[int, Frame] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            self._waiting[frame.number] = replace(frame, image=narrowed(frame.image, self.widest))
            yield frame

    def take(self, number: int) -> Frame | None:
        """Give a frame and let go of it; None for a number that never came."""
        return self._waiting.pop(number, None)
