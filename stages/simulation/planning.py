"""Which clips there are: splits, cameras, kinds and people, laid out so that every comparison has its share.

A clip's seed comes from its name alone, so what is random in it does not depend on which other clips there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from pydantic import Field

from stages.core.params import Section
from stages.core.seeding import derive, stream
from stages.simulation.noise import NoiseParams
from stages.simulation.places import PLACES
from stages.simulation.render import RenderParams
from stages.simulation.world import ABNORMAL_KINDS, Camera, Place, Plan, kinds_in

SHORTEST, LONGEST = 8.0, 10.0
"""Of a clip, seconds."""
DOUBLE = 3
"""In every third abnormal clip two kinds happen."""
FIRST = {"train": (8, 4), "validation": (0, 0), "test": (7, 6)}
"""Which kind a split begins with, in the first place and how many further in each next one: so that even the small
benchmark has every kind in training, and in four or more test clips."""


class SimulateParams(Section):
    """The `simulate` section: the embedded benchmark.

    Args:
        size: `small`: 86 clips, for the default DAG; `large`: ten times as many, with more people, for benchmarking.
        seed: of everything random; another one is another benchmark.
        fps: frames per second of all cameras.
        ids: whether poses come with the identities a tracker would give them: `none` leaves that to the track stage,
            `noisy` gives true identities broken by switches and by every re-entry.
        render: film the clips, and write who is where to the pixel.
        workers: clips made at once, each in a process of its own; null: as many as there are cores. No result depends
            on it.
        noise: how far the poses are from the truth.
        picture: light, lens and encoder of the films.
    """

    size: Literal["small", "large"] = "small"
    seed: int = 0
    fps: float = Field(default=15.0, ge=15, le=20)
    ids: Literal["none", "noisy"] = "none"
    render: bool = True
    workers: int | None = Field(default=None, gt=0)
    noise: NoiseParams = NoiseParams()
    picture: RenderParams = RenderParams()


@dataclass(frozen=True)
class Counts:
    """How much is filmed by the two cameras of each place, in the order of the cameras.

    Args:
        train: normal training clips, of each of the place's cameras, place by place.
        train_abnormal: abnormal training clips of each camera.
        validation: normal ones of each camera.
        test: normal test clips of a place's first and second camera.
        test_abnormal: the same for abnormal ones.
        people: least and most people in a clip, abnormal ones included: their number betrays nothing.
    """

    train: tuple[tuple[int, int], ...]
    train_abnormal: int
    validation: int
    test: tuple[int, int]
    test_abnormal: tuple[int, int]
    people: tuple[int, int]


SIZES = {
    "small": Counts(((3, 3), (3, 3), (3, 2), (3, 2)), 1, 1, (1, 2), (5, 4), (3, 6)),
    "large": Counts(((28, 28), (28, 28), (28, 27), (27, 26)), 10, 10, (12, 18), (48, 42), (5, 10)),
}
"""Of `small`: 22 normal and 8 abnormal clips for training, 8 normal ones for validation, 12 and 36 for the test."""


def plans(params: SimulateParams) -> tuple[Plan, ...]:
    """Every clip of the benchmark, sorted by name.

    Args:
        params: size, seed and frame rate; nothing else matters here.
    """
    counts = SIZES[params.size]
    found = (
        plan
        for index, place in enumerate(PLACES)
        for split in ("train", "validation", "test")
        for plan in _of_place(params, counts, index, place, split)
    )
    return tuple(sorted(found, key=lambda plan: plan.clip))


def _of_place(params: SimulateParams, counts: Counts, index: int, place: Place, split: str) -> Iterator[Plan]:
    """Clips of one split in one place; its kinds go round, beginning with another one in each place."""
    kinds = _going_round(place, FIRST[split][0] + FIRST[split][1] * index)
    normal, abnormal = {
        "train": (counts.train[index], (counts.train_abnormal,) * 2),
        "validation": ((counts.validation,) * 2, (0, 0)),
        "test": (counts.test, counts.test_abnormal),
    }[split]
    number = index
    for camera, calm, odd in zip(place.cameras, normal, abnormal, strict=True):
        for serial in range(calm + odd):
            done: tuple[str, ...] = ()
            if serial >= calm:
                done = tuple(islice(kinds, 2 if number % DOUBLE == DOUBLE - 1 else 1))
                number += 1
            yield _plan(params, place, camera, split, serial, done, counts.people)


def _going_round(place: Place, start: int) -> Iterator[str]:
    odd = [kind for kind in ABNORMAL_KINDS if kinds_in(place)[kind]]
    return islice(cycle(odd), start % len(odd), None)


def _plan(
    params: SimulateParams, place: Place, camera: Camera, split: str, serial: int, kinds: tuple[str, ...],
    people: tuple[int, int],
) -> Plan:  # fmt: skip
    clip = f"{camera.name}_{split}_{serial:03d}"
    random = stream(params.seed, "plan", clip)
    seconds = random.uniform(SHORTEST, LONGEST)
    about = int(random.integers(people[0], people[1] + 1)) - len(kinds) - kinds.count("fight")  # which takes two
    frames = round(seconds * params.fps)
    return Plan(clip, split, place, camera, params.fps, frames, kinds, about, derive(params.seed, "clip", clip))
