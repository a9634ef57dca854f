"""Backend `alphapose_program`: an AlphaPose that the user has installed runs as a program of its own, clip by clip.

Its command line as published at https://github.com/MVIG-SJTU/AlphaPose/blob/master/docs/GETTING_STARTED.md. It takes
whole videos, decodes them itself, and writes one file of results (`results.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from stages.core.errors import BackendError, DatasetError
from stages.core.params import Section
from stages.core.paths import find_project
from stages.core.progress import log
from stages.core.storage import sha256_file
from stages.pose.alphapose.results import Results, parse
from stages.pose.base import NOBODY, People, PeopleParams, need

Doubles = NDArray[np.float64]

RESULTS = "alphapose-results.json"
"""The file that the program leaves in its output folder."""

LINES = 8
"""Last lines of the program's errors that a message repeats."""

WATCH = 'read -r _; kill -s KILL -- "-$0"; rm -rf -- "$1"'
"""A shell's wait for the end of its input, which comes when the process that holds the other end is gone."""

SHAPE = "let its command write to {out}, in the format coco (AlphaPose's default), people of COCO's 17 joints"


class ProgramParams(Section):
    """The `extract.alphapose_program` section.

    Args:
        folder: AlphaPose's own folder, where the command runs; a relative path is meant from the folder of params.yaml.
        config: its model's configuration, a path within `folder` or an absolute one.
        checkpoint: its model's weights, the same.
        command: the program and its arguments; `{config}`, `{checkpoint}`, `{video}` and `{out}` stand for paths. Name
            the Python of AlphaPose's own environment here, and its detector.
        timeout: seconds that a clip may take before the program is stopped; null: as long as it takes.
    """

    NEUTRAL: ClassVar[tuple[str, ...]] = ("folder", "config", "checkpoint", "timeout")
    """Fields that change no result, or whose file is hashed instead."""

    folder: Path | None = None
    config: Path | None = Path("configs/coco/resnet/256x192_res50_lr1e-3_1x.yaml")
    checkpoint: Path | None = Path("pretrained_models/fast_res50_256x192.pth")
    command: tuple[str, ...] = (
        *("python", "scripts/demo_inference.py", "--cfg", "{config}", "--checkpoint", "{checkpoint}"),
        *("--detector", "yolox-x", "--video", "{video}", "--outdir", "{out}", "--sp"),
    )
    timeout: float | None = Field(default=None, gt=0)

    @field_validator("command")
    @classmethod
    def _complete(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if lacking := [place for place in ("{video}", "{out}") if not any(place in word for word in command)]:
            raise ValueError(f"must say where {' and '.join(lacking)} go")
        return command

    @model_validator(mode="after")
    def _named(self) -> Self:
        for name in ("config", "checkpoint"):
            if any(f"{{{name}}}" in word for word in self.command) and getattr(self, name) is None:
                raise ValueError(f"command asks for {{{name}}}, which is null")
        return self


@dataclass(frozen=True)
class Program:
    """AlphaPose, as installed by the user.

    Args:
        section: how it is called.
        folder: where.
        version: as in `ClipEstimator`.
    """

    section: ProgramParams
    folder: Path
    version: str

    def clip(self, video: Path, count: int) -> Iterator[tuple[int, People]]:
        """Find everybody in a video of `count` frames; yields every frame, also the empty ones.

        Raises:
            BackendError: the program cannot be started, fails, takes too long, leaves no results, or its results are
                damaged or speak of frames that the video does not have.
        """
        with tempfile.TemporaryDirectory(prefix="alphapose-") as out:
            self._run(video.resolve(), Path(out))
            results = _read(Path(out) / RESULTS, video)
        yield from frames(results, count, video)

    def _run(self, video: Path, out: Path) -> None:
        files = {"config": str(self.section.config), "checkpoint": str(self.section.checkpoint)}
        words = [_fill(word, {**files, "video": str(video), "out": str(out)}) for word in self.section.command]
        with (out / "errors.txt").open("w+b") as said:
            status = _call(words, self.folder, out, said, self.section.timeout)
            tail = _tail(said)
        if status == 0:
            return
        took = f"took longer than {self.section.timeout:g} s" if status is None else f"ended with status {status}"
        where = f"{video.name}: {' '.join(words)}\n{tail}".rstrip()
        raise BackendError(
            f"AlphaPose {took}", where=where, fix=f"run that command in {self.folder} and mend what it says"
        )


def files(section: ProgramParams) -> tuple[Path, ...]:
    """The files that params name and that decide what is found.

    Raises:
        BackendError: one is not there.
    """
    folder, what = _folder(section), "it with AlphaPose (its docs/INSTALL.md and MODEL_ZOO.md)"
    used = [name for name in ("config", "checkpoint") if any(f"{{{name}}}" in word for word in section.command)]
    return tuple(need(folder / getattr(section, name), f"extract.alphapose_program.{name}", what) for name in used)


def program(_: PeopleParams, section: ProgramParams) -> Program:
    """Make the program ready: nothing runs yet.

    Raises:
        BackendError: its folder or a file is not there.
    """
    digests = [f"{path.name} {sha256_file(path)}" for path in files(section)]
    return Program(section, _folder(section), ", ".join(["AlphaPose outside", " ".join(section.command), *digests]))


def frames(results: Results, count: int, video: Path) -> Iterator[tuple[int, People]]:
    """People of each frame of a video, the surest first; ids that the program gave are left to stage `track`.

    Raises:
        BackendError: the results speak of a frame that the video does not have, or hold a negative score or size.
    """
    outside = (results.frame < 0) | (results.frame >= count)
    if outside.any():
        raise BackendError(
            f"AlphaPose found somebody in frame {results.frame[outside][0]}, but the video has {count} frames",
            where=str(video),
            fix="compare its frames with clips.csv: AlphaPose decodes videos by itself",
        )
    boxes = results.box if results.box is not None else _extents(results, video)
    if (negative := (results.score < 0) | (boxes[:, 2:] < 0).any(axis=1)).any():
        what = (
            f"AlphaPose gave somebody in frame {results.frame[negative][0]} a negative score or a box of negative size"
        )
        raise BackendError(what, where=str(video), fix=SHAPE)
    keypoints = _seen(results.keypoints, video)
    order = np.lexsort((-results.score, results.frame))
    starts = np.searchsorted(results.frame[order], np.arange(count + 1))
    for frame in range(count):
        rows = order[starts[frame] : starts[frame + 1]]
        yield frame, _people(boxes[rows], results.score[rows], keypoints[rows]) if len(rows) else NOBODY


def _people(*columns: Doubles) -> People:
    boxes, scores, keypoints = (column.astype(np.float32) for column in columns)
    return People(boxes, scores, keypoints)


def _seen(keypoints: Doubles, video: Path) -> Doubles:
    """A peak of a heat map may lie below 0: such a joint was not seen."""
    below = keypoints[..., 2] < 0
    if not below.any():
        return keypoints
    log.info(f"{video.name}: AlphaPose gave {int(below.sum())} joints a confidence below 0, which is taken for 0")
    return np.where(np.stack([np.zeros_like(below)] * 2 + [below], axis=2), 0.0, keypoints)


def _extents(results: Results, video: Path) -> Doubles:
    """Boxes around the joints, for versions of AlphaPose that write none."""
    log.info(f"{video.name}: AlphaPose wrote no boxes, those of {len(results)} people are the extents of their joints")
    low, high = results.keypoints[..., :2].min(axis=1), results.keypoints[..., :2].max(axis=1)
    return np.hstack([low, high - low])


def _read(path: Path, video: Path) -> Results:
    if not path.is_file():
        raise BackendError(f"AlphaPose left no {RESULTS}", where=str(video), fix=SHAPE)
    try:
        return parse(path.read_bytes(), f"AlphaPose's results of {video.name}")
    except DatasetError as error:
        raise BackendError(f"AlphaPose's results are damaged: {error.what}", where=error.where, fix=SHAPE) from error


def _call(words: list[str], folder: Path, out: Path, said: IO[bytes], timeout: float | None) -> int | None:
    """Run a command; gives its exit status, or None when it took too long. Whatever happens, nothing of it lives on."""
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            words, cwd=folder, stdin=quiet, stdout=quiet, stderr=said, start_new_session=True
        )  # a session of its own, so that its workers can be ended with it
    except OSError as error:
        fix = "name the Python of AlphaPose's environment in extract.alphapose_program.command"
        raise BackendError(f"cannot start {words[0]!r}: {error.strerror}", where=str(folder), fix=fix) from error
    with _watched(process, out):
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


@contextmanager
def _watched(process: subprocess.Popen[bytes], out: Path) -> Iterator[None]:
    """Have a program ended and its folder removed also if this process is killed, as a pool's workers are by Ctrl-C."""
    command = ["sh", "-c", WATCH, str(process.pid), str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watch:
        try:
            yield
        finally:
            watch.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").replace("\r", "\n").splitlines()
    return "\n".join([line for line in lines if line.strip()][-LINES:])


def _fill(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _folder(section: ProgramParams) -> Path:
    if section.folder is None:
        raise BackendError(
            "extract.alphapose_program.folder is not set",
            fix="install AlphaPose as its docs/INSTALL.md says, and write its folder there; or choose another backend",
        )
    folder = section.folder if section.folder.is_absolute() else find_project().root / section.folder
    if not folder.is_dir():
        fix = "write the folder of AlphaPose in extract.alphapose_program.folder"
        raise BackendError("AlphaPose's folder is not there", where=str(folder), fix=fix)
    return folder
