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
from stages.core.foreign import whole
from stages.core.params import nearest
from stages.core.progress import log
from stages.core.schemas import Rows
from stages.ingest.formats.base import Recording
from stages.ingest.people import People, tables
from stages.ingest.sheets import Labels, Masks
from stages.ingest.source import Clip, Interval

NONE = "none"
"""In place of a pattern: no clip is for testing."""
FASTEST = 1e5
"""Frames per second below which a rate is believed."""
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
        names: dict[str, str] = {}
        for recording in recordings:
            if (first := names.setdefault(recording.name, recording.path)) != recording.path:
                where = f"{first} and {recording.path}"
                raise DatasetError(f"two clips are called {recording.name!r}", where=where, fix="rename one of them")
            self._repairs.update(recording.people.repairs)
            yield self._clip(recording)
        self._refuse_unknown(list(names))

    def tell(self) -> None:
        """Log what was repaired and assumed."""
        if self._repairs:
            log.info("of the people read: " + ", ".join(f"{n} {what}" for what, n in sorted(self._repairs.items())))
        for what, count in sorted(self._assumed.items()):
            log.warning(f"{count} clips: {what}")

    def _clip(self, found: Recording) -> Clip:
        said, known = self._said, self._said.clips.get(found.name, {})
        people, split = _shifted(found, said.first_frame), self._split(found, known)
        frames, labels = self._labels(found, people, known, split)
        fps = _agreed(found, "fps", _rate(known, found), said.fps, found.fps)
        size = _agreed(found, "size", _size(known, found), said.size, found.size)
        camera, scene = self._place(found, known)
        self._doubt_size(found, people, size)

        def pieces() -> Iterator[Rows]:
            return tables(found.name, people, found.meta)

        kind, abnormal = known.get("kind", found.kind), _whole(known, "abnormal", found, least=0)
        width, height = size
        return Clip(found.name, split, camera, scene, fps, width, height, frames, kind, abnormal, labels, pieces)

    def _split(self, found: Recording, known: Mapping[str, Any]) -> str:
        matched = [p for p in self._said.test if fnmatch.fnmatch(found.name, p) or fnmatch.fnmatch(found.path, p)]
        self._used.update(matched)
        if "split" in known:
            if known["split"] not in SPLITS:
                told = nearest(str(known["split"]), list(SPLITS))
                raise DatasetError(f"clip {found.name!r}: there is no split {known['split']!r}; {told}")
            return str(known["split"])
        if not self._said.test:
            raise DatasetError(
                f"nothing says whether clip {found.name!r} is for training or for testing",
                fix="give --test PATTERN (`--test '*'`: all, `--test none`: none), or --clips with a column split",
            )
        return "test" if matched else "train"

    def _labels(
        self, found: Recording, people: People, known: Mapping[str, Any], split: str
    ) -> tuple[int, tuple[Interval, ...]]:
        """Length of a clip, and its abnormal stretches."""
        said, name = self._said, found.name
        stated = {"--clips": _whole(known, "frames", found), "--labels": said.labels.frames.get(name)}
        labels = said.labels.intervals.get(name, ())
        if said.masks is not None and name in said.masks.paths:
            if labels:
                what = f"clip {name!r} has both a mask and intervals in --labels"
                raise DatasetError(what, where=said.masks.paths[name], fix="take it out of one of them")
            stated["its mask"], labels = said.masks.read(name)
        elif said.masks is not None and split == "test":
            raise DatasetError(f"test clip {name!r} has no mask", where=str(said.masks.files.root), fix="add its mask")
        elif said.labels.intervals and name not in said.labels.intervals and split != "train":
            self._assumed["--labels does not name them; taken to be normal, but for what --clips says"] += 1
        return self._length(found, people, stated), labels

    def _length(self, found: Recording, people: People, stated: Mapping[str, int | None]) -> int:
        """Frames of a clip, as somebody states, the file says, or its last person shows."""
        lengths = {who: length for who, length in stated.items() if length is not None}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} says {who}" for who, length in lengths.items())
            raise DatasetError(f"clip {found.name!r} has several lengths: {told}", fix="mend the one that is wrong")
        own = None if found.frames is None else found.frames - self._said.first_frame
        frames = next(iter(lengths.values()), own)
        if frames is None:
            frames = int(people.frame.max(initial=-1)) + 1
            self._assumed["nothing says how long they are; taken to end with the last frame somebody is in"] += 1
        if frames < 1:
            what = f"clip {found.name!r} has no frames, or nobody is in them"
            raise DatasetError(what, where=found.path, fix="take it out, or say its length")
        return frames

    def _place(self, found: Recording, known: Mapping[str, Any]) -> tuple[str, str]:
        camera, scene = found.camera, found.scene
        if self._said.camera is not None:
            match = self._said.camera.search(found.name)
            if match is None:
                raise DatasetError(
                    f"--camera {self._said.camera.pattern!r} finds nothing in clip {found.name!r}", fix="mend it"
                )
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


def _shifted(found: Recording, first: int) -> People:
    """Count frames from 0."""
    people = found.people
    if first and found.numbered:
        what = "--first-frame does not go with it: the format says itself which frame is a clip's first"
        raise DatasetError(what, where=found.path, fix="leave it out")
    if first and len(people) and people.frame[0] < first:
        raise DatasetError(f"frame {people.frame[0]} is before --first-frame {first}", where=found.path)
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
        said, own = ("×".join(map(str, value)) if what == "size" else value for value in (values[0], told[-1]))
        fix = "mend what is said; where the file is right, leave it out"
        raise DatasetError(f"clip {found.name!r}: {what} is said to be {said}, the file has {own}", fix=fix)
    return values[0]


def _size(known: Mapping[str, Any], found: Recording) -> tuple[int, int] | None:
    width, height = (_whole(known, key, found) for key in ("width", "height"))
    if (width is None) != (height is None):
        raise DatasetError(f"clip {found.name!r}: --clips gives width or height alone", fix="give both or none")
    return None if width is None or height is None else (width, height)


def _rate(known: Mapping[str, Any], found: Recording) -> float | None:
    return rate(known["fps"], f"clip {found.name!r}: fps in --clips") if "fps" in known else None


def rate(value: Any, what: str) -> float:
    """A frame rate, as typed.

    Raises:
        DatasetError: it is no number, or one that no camera has.
    """
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < FASTEST:
        raise DatasetError(f"{what} must be a positive number, got {value!r}", fix="write e.g. 25 or 29.97")
    return number


def _whole(known: Mapping[str, Any], key: str, found: Recording, least: int = 1) -> int | None:
    """What --clips says of a clip, a whole number."""
    if key not in known:
        return None
    return int(whole([known[key]], where=f"clip {found.name!r} in --clips", what=key, least=least)[0])
