"""From what a file tells and what the user says to a clip of a data set; nothing is guessed silently."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stages.core.dataset import SPLITS
from stages.core.errors import DatasetError
from stages.core.params import nearest
from stages.core.progress import log
from stages.core.schemas import Rows
from stages.ingest.formats.base import Recording
from stages.ingest.people import People, tables
from stages.ingest.sheets import Labels, Masks
from stages.ingest.source import Clip, Interval

NONE = "none"
"""In place of a pattern: no clip is for testing."""
OUTSIDE = 0.5
"""Share of a clip's joints outside the frame from which the frame size is doubted."""


@dataclass(frozen=True)
class Said:
    """What the user says of all clips, and of each.

    Args:
        dataset: its name; stands for the camera where nothing else is known.
        fps: frames per second.
        size: width and height, px.
        first_frame: number of a clip's first frame in the source.
        test: patterns of clips, or of their files, that are for testing; all others are for training.
        camera: finds the camera in a clip's name: its first group, or `(?P<camera>…)`; `(?P<scene>…)` the scene.
        clips: what is known of each clip.
        labels: abnormal stretches.
        masks: the same as masks.
    """

    dataset: str
    fps: float | None = None
    size: tuple[int, int] | None = None
    first_frame: int = 0
    test: tuple[str, ...] = ()
    camera: re.Pattern[str] | None = None
    clips: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    masks: Masks | None = None


class Assembly:
    """Makes clips of recordings, and counts what it had to repair or assume.

    Args:
        said: what the user says.
    """

    def __init__(self, said: Said) -> None:
        self._said = said
        self._repairs: Counter[str] = Counter()
        self._assumed: Counter[str] = Counter()
        self._used: Counter[str] = Counter()

    def clips(self, recordings: Iterable[Recording]) -> Iterator[Clip]:
        """The clips, one at a time.

        Raises:
            DatasetError: rate, size or split of a clip is not known, what is said contradicts the file or itself, or
                a sheet, or a pattern, names clips that are not there.
        """
        names = []
        for recording in recordings:
            names.append(recording.name)
            self._repairs.update(recording.people.repairs)
            yield self._clip(recording)
        self._refuse_unknown(names)

    def tell(self) -> None:
        """Log what was repaired and assumed."""
        if self._repairs:
            log.info("of the people read: " + ", ".join(f"{n} {what}" for what, n in sorted(self._repairs.items())))
        for what, count in sorted(self._assumed.items()):
            log.warning(f"{count} clips: {what}")

    def _clip(self, found: Recording) -> Clip:
        said, known = self._said, self._said.clips.get(found.name, {})
        people = _shifted(found.people, said.first_frame, found.path)
        frames, labels = self._labels(found, people, known)
        fps = _agreed(found, "fps", _positive(known.get("fps"), "fps", found), said.fps, found.fps)
        size = _agreed(found, "size", _size(known, found), said.size, found.size)
        camera, scene = self._place(found, known)
        self._doubt_size(found, people, size)

        def pieces() -> Iterator[Rows]:
            return tables(found.name, people, found.meta)

        kind, abnormal = known.get("kind", found.kind), known.get("abnormal")
        split = self._split(found, known)
        verdict = None if abnormal is None else int(_positive(abnormal, "abnormal", found, least=0) or 0)
        width, height = size
        return Clip(found.name, split, camera, scene, fps, width, height, frames, kind, verdict, labels, pieces)

    def _split(self, found: Recording, known: Mapping[str, Any]) -> str:
        if "split" in known:
            if known["split"] not in SPLITS:
                raise DatasetError(f"clip {found.name!r}: {nearest(str(known['split']), list(SPLITS))}")
            return str(known["split"])
        if not self._said.test:
            raise DatasetError(
                f"nothing says whether clip {found.name!r} is for training or for testing",
                fix="give --test PATTERN (`--test '*'`: all, `--test none`: none), or --clips with a column split",
            )
        matched = [p for p in self._said.test if fnmatch.fnmatch(found.name, p) or fnmatch.fnmatch(found.path, p)]
        self._used.update(matched)
        return "test" if matched else "train"

    def _labels(self, found: Recording, people: People, known: Mapping[str, Any]) -> tuple[int, tuple[Interval, ...]]:
        """Length of a clip, and its abnormal stretches."""
        said, name = self._said, found.name
        stated = {"--clips": _positive(known.get("frames"), "frames", found), "--labels": said.labels.frames.get(name)}
        labels = said.labels.intervals.get(name, ())
        if said.masks is not None and name in said.masks.paths:
            stated["its mask"], labels = said.masks.read(name)
        elif said.masks is not None and self._split(found, known) == "test":
            raise DatasetError(f"test clip {name!r} has no mask", where=str(said.masks.files.root), fix="add its mask")
        lengths = {who: int(length) for who, length in stated.items() if length is not None}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} says {who}" for who, length in lengths.items())
            raise DatasetError(f"clip {name!r} has several lengths: {told}", fix="mend the one that is wrong")
        frames = next(iter(lengths.values()), found.frames)
        if frames is None:
            frames = int(people.frame.max(initial=-1)) + 1
            self._assumed["nothing says how long they are; taken to end with the last frame somebody is in"] += 1
        if frames < 1:
            raise DatasetError(f"clip {name!r} has no frames", where=found.path, fix="take it out, or say its length")
        return frames, labels

    def _place(self, found: Recording, known: Mapping[str, Any]) -> tuple[str, str]:
        camera, scene = found.camera, found.scene
        if self._said.camera is not None:
            match = self._said.camera.search(found.name)
            if match is None:
                raise DatasetError(f"--camera {self._said.camera.pattern!r} finds nothing in clip {found.name!r}")
            groups = match.groupdict()
            camera = groups.get("camera") or (match[1] if match.re.groups else match[0])
            scene = groups.get("scene") or camera
        camera = known.get("camera", camera)
        if camera is None:
            self._assumed[f"nothing says who filmed them; taken to be of one camera, {self._said.dataset!r}"] += 1
        camera = str(camera or self._said.dataset)
        return camera, str(known.get("scene", scene or camera))

    def _doubt_size(self, found: Recording, people: People, size: tuple[int, int]) -> None:
        if found.meta["coordinates"] != "xy" or not len(people):
            return
        places, seen = people.keypoints[..., :2], people.keypoints[..., 2] > 0
        outside = ((places < 0) | (places > np.array(size))).any(axis=-1) & seen
        if outside.sum() > OUTSIDE * max(int(seen.sum()), 1):
            self._assumed[f"most joints lie outside the frame of {size[0]}×{size[1]} px: is its size right?"] += 1

    def _refuse_unknown(self, names: list[str]) -> None:
        known = {"--clips": self._said.clips, "--labels": self._said.labels.intervals}
        for what, listed in known.items():
            if missing := sorted(set(listed) - set(names)):
                raise DatasetError(
                    f"{what} names {len(missing)} clips that are not there, first {missing[0]!r}",
                    fix=f"{nearest(missing[0], names)[:200]}; mend the sheet or add the clips",
                )
        if unused := [p for p in self._said.test if p not in self._used and p != NONE]:
            raise DatasetError(f"--test {unused[0]!r} matches no clip", fix=f"clips are called like {names[:3]}")
        if self._said.masks is not None and (spare := sorted(set(self._said.masks.paths) - set(names))):
            log.warning(f"{len(spare)} masks are of clips that are not there, first {spare[0]!r}")


def _shifted(people: People, first: int, where: str) -> People:
    """Count frames from 0."""
    if first and len(people) and people.frame[0] < first:
        raise DatasetError(f"frame {people.frame[0]} is before --first-frame {first}", where=where)
    return replace(people, frame=people.frame - first) if first else people


def _agreed(found: Recording, what: str, *told: Any) -> Any:
    """The first that is known; the file's own word, the last, must not be contradicted."""
    values = [value for value in told if value is not None]
    if not values:
        raise DatasetError(
            f"clip {found.name!r}: its {what} is not in the file",
            where=found.path,
            fix="give --fps 25" if what == "fps" else "give --size 1920x1080",
        )
    if told[-1] is not None and values[0] != told[-1]:
        raise DatasetError(f"clip {found.name!r}: {what} is said to be {values[0]}, the file has {told[-1]}")
    return values[0]


def _size(known: Mapping[str, Any], found: Recording) -> tuple[int, int] | None:
    width, height = (_positive(known.get(key), key, found) for key in ("width", "height"))
    if (width is None) != (height is None):
        raise DatasetError(f"clip {found.name!r}: --clips gives width or height alone")
    return None if width is None or height is None else (int(width), int(height))


def _positive(value: Any, what: str, found: Recording, least: float = 1e-9) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not least <= number < np.inf:
        raise DatasetError(f"clip {found.name!r}: {what} must be a number, found {value!r}")
    return number
