"""What all recipes share: their options, the list of what a download lacks, and labels as their owners store them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.params import Section, parse
from stages.core.progress import log
from stages.ingest.folder import intervals
from stages.ingest.source import Clip, Interval
from stages.pose.video import count, probe

SHOWN = 10
"""Names a message lists before it only counts."""

NPY = b"\x93NUMPY"
"""How a NumPy array file begins, whatever it is called."""


class Options(Section):
    """What every recipe may be told.

    Args:
        partial: take what there is of an incomplete download, and say how much it is; labels are never done without.
    """

    partial: bool = Field(default=False, description="take what there is of an incomplete download: true or false")


class Recipe(Protocol):
    """A data set's published layout as a function: where it was unpacked, and its options, to clips."""

    def __call__(self, source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
        """Check that all is there; then give clips one at a time.

        A clip is to be written before the next is asked for: the video of one whose owner publishes images is gone
        after that.

        Raises:
            DatasetError: an option is wrong, clips or labels are missing, or labels do not fit; names them, and where
                their owner publishes them.
        """
        ...


Chosen = TypeVar("Chosen", bound=Options)


def chosen(model: type[Chosen], options: Mapping[str, object]) -> Chosen:
    """Validate a recipe's options; texts, as a command line gives them, are read as YAML: `true`, `[28, 29]`.

    Raises:
        DatasetError: an option is unknown or ill-typed; lists all of them.
    """
    read = {name.replace("-", "_"): _value(name, value) for name, value in options.items()}
    problems, found = parse(read, "option", model)
    if found is None:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        valid = "; ".join(f"{name}: {text}" for name, text in described(model).items())
        raise DatasetError(f"the recipe was told what it does not understand:\n{listed}", fix=f"options are {valid}")
    return found


def _value(name: str, value: object) -> object:
    try:
        return yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError as error:
        raise DatasetError(f"option {name}={value} cannot be read: {error}", fix="write e.g. hr=true") from error


def described(model: type[Options]) -> dict[str, str]:
    """Every option and what it means, in one line each."""
    return {name: str(field.description) for name, field in model.model_fields.items()}


class Checklist:
    """What a download lacks, collected first and told together.

    Args:
        source: the folder it was unpacked in.
        address: where its owner publishes it.
        partial: whether missing clips are let through.
    """

    def __init__(self, source: Path, address: str, *, partial: bool) -> None:
        self._source, self._address, self._partial = source, address, partial
        self._labels: list[str] = []
        self._lacks: list[str] = []
        self._unfit: list[str] = []
        if source.is_file():
            raise DatasetError("a recipe reads a folder, this is a file", where=str(source), fix="unpack it")
        if not source.is_dir():
            raise DatasetError("there is no such folder", where=str(source), fix=f"get the data from {address}")

    def labels(self, lacking: Iterable[str]) -> None:
        """Note label files that are missing: the one thing that is never let through."""
        self._labels += sorted(lacking)

    def clips(self, what: str, lacking: Iterable[str]) -> None:
        """Note missing clips whose names are known."""
        if names := sorted(lacking):
            self._lacks.append(f"{len(names)} {what} missing: {shown(names)}")

    def count(self, what: str, found: int, complete: int) -> None:
        """Note that there are fewer, or more, than there should be, where names are not known."""
        if found != complete:
            self._lacks.append(f"{found} {what}, the complete data set has {complete}")

    def fits(self, clip: str, frames: int, labelled: int) -> bool:
        """Whether labels are as long as their clip; notes one whose labels are not."""
        if frames != labelled:
            self._unfit.append(f"{clip} has {frames} frames, its labels {labelled}")
        return frames == labelled

    def settle(self) -> None:
        """Refuse, or, where clips may be missing, warn.

        Raises:
            DatasetError: labels are missing; or, without `partial`, clips are or have labels of another length.
        """
        where, at = str(self._source), f"its owner publishes the data set at {self._address}"
        if self._labels:
            what = f"{len(self._labels)} label files are missing: {shown(self._labels)}"
            raise DatasetError(what, where=where, fix=f"{at}; without labels a clip proves nothing: take it out")
        problems = list(self._lacks)
        if self._unfit:
            problems.append(f"{len(self._unfit)} clips do not fit their labels: {shown(self._unfit)}")
        if problems and not self._partial:
            listed = "\n".join(f"  - {problem}" for problem in problems)
            fix = f"{at}; or leave out what does not fit and take what there is: partial=true"
            raise DatasetError(f"the download is not complete:\n{listed}", where=where, fix=fix)
        for problem in problems:
            log.warning(f"{self._source.name}: taken in part: {problem}")


def shown(names: Iterable[str]) -> str:
    """At most ten names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def files(folder: Path, *patterns: str) -> dict[str, Path]:
    """Files of a folder by stem, sorted; without those that other systems hide (`._name`, `.DS_Store`)."""
    found = [path for pattern in patterns for path in folder.glob(pattern) if not path.name.startswith(".")]
    return {path.stem: path for path in sorted(found)}


def demanded(source: Path, *names: str, what: str, address: str) -> Path:
    """The first of several places that is there.

    Raises:
        DatasetError: none of them is.
    """
    for name in names:
        if (source / name).exists():
            return source / name
    raise DatasetError(
        f"{what} missing: {' or '.join(names)}", where=str(source), fix=f"its owner publishes it at {address}"
    )


def is_array(path: Path) -> bool:
    """Whether a file holds a NumPy array, whatever its name says."""
    with path.open("rb") as stream:
        return stream.read(len(NPY)) == NPY


def read_array(path: Path) -> NDArray[Any]:
    """Read a NumPy array from a file of any name; pickles are refused.

    Raises:
        DatasetError: it is no such file, or cut short.
    """
    try:
        with path.open("rb") as stream:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise DatasetError(f"not a NumPy array: {error}", where=str(path), fix="download it again") from error


def masked(path: Path, *, abnormal: int = 1) -> tuple[int, tuple[Interval, ...]]:
    """Length and abnormal stretches of a mask of frames, `abnormal` being the value that says so.

    Raises:
        DatasetError: the file is broken, or holds something else than a 0 or 1 per frame.
    """
    mask = read_array(path)
    return len(mask), labelled(mask, path, abnormal=abnormal)


def labelled(mask: NDArray[Any], path: Path, *, abnormal: int = 1, kind: str | None = None) -> tuple[Interval, ...]:
    """As `intervals`; the error names the file."""
    try:
        return intervals(mask, abnormal=abnormal, kind=kind)
    except DatasetError as error:
        raise DatasetError(error.what, where=str(path), fix="download it again") from error


def read_matlab(path: Path, name: str) -> NDArray[Any]:
    """Read one variable of a MATLAB file.

    Raises:
        DatasetError: it is no MATLAB file, cut short, or lacks the variable.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return np.asarray(loadmat(path, variable_names=[name])[name])
    except KeyError as error:
        raise DatasetError(f"there is no variable {name!r} in it", where=str(path), fix="download it again") from error
    except (MatReadError, NotImplementedError, ValueError, TypeError, OSError, EOFError) as error:
        raise DatasetError(f"not a MATLAB file: {error}", where=str(path), fix="download it again") from error


def lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        DatasetError: it is missing or no text.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"not a text file: {error}", where=str(path), fix="download it again") from error


def film(
    name: str,
    split: str,
    path: Path,
    *,
    camera: str,
    scene: str,
    frames: int | None = None,
    labels: tuple[Interval, ...] = (),
) -> Clip:
    """A clip that is a video file; rate, size and, where it is not known, length are what its header says."""
    info = probe(path)
    length = frames or info.frames
    return Clip(name, split, camera, scene, info.fps, info.width, info.height, length, labels=labels, video=path)


def duration(path: Path, labels: int) -> int:
    """Frames of a video: what its header says, or, where its labels say otherwise, what can be decoded."""
    frames = probe(path).frames
    return frames if frames == labels else count(path)


def ends(path: Path, intervals: Iterable[Interval]) -> tuple[int, int]:
    """Frames of a video, and frames its intervals speak of at least: the same where none reaches past its end."""
    frames, last = probe(path).frames, max((interval.end + 1 for interval in intervals), default=0)
    frames = frames if last <= frames else count(path)
    return frames, max(frames, last)
