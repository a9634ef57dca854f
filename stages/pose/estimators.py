"""From params to a pose backend: which there are, what each one's results depend on, and how one is loaded.

The backends' modules import torch, OpenCV, onnxruntime and rtmlib only when they are loaded, so that the parameters can
be checked without any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from stages.core.params import Section
from stages.core.storage import sha256_file, sha256_text
from stages.pose.alphapose.backend import AlphaPoseParams, alphapose, weights
from stages.pose.alphapose.program import ProgramParams, files, program
from stages.pose.base import ClipEstimator, Estimator, PeopleParams
from stages.pose.engines.base import WorkParams
from stages.pose.movenet import FILES, nanodet_movenet
from stages.pose.rtm import RtmoParams, RtmPoseParams, rtmo, rtmo_files, rtmpose, rtmpose_files


class ExtractParams(PeopleParams, WorkParams):
    """The `extract` section; who counts as a person is said by `PeopleParams`, who does the work by `WorkParams`.

    Args:
        backend: `movenet`: NanoDet finds people, MoveNet Lightning their joints; comes with the package. `alphapose`:
            YOLOX and FastPose, on a GPU if there is one. `alphapose_program`: AlphaPose as installed by the user, who
            counts as a person included: everybody it finds is kept.
            `rtmpose`: YOLOX and RTMPose through rtmlib. `rtmo`: RTMO through rtmlib, without a detector.
        every: poses in every n-th frame alone, from frame 0; the others keep their numbers and hold nobody. Larger is
            faster in proportion; tracks need somebody seen several times a second.
        alphapose, alphapose_program, rtmpose, rtmo: what the backend of that name needs to know; the others' do not
            count.
    """

    backend: Literal["movenet", "alphapose", "alphapose_program", "rtmpose", "rtmo"] = "movenet"
    every: int = Field(default=1, ge=1)
    alphapose: AlphaPoseParams = AlphaPoseParams()
    alphapose_program: ProgramParams = ProgramParams()
    rtmpose: RtmPoseParams = RtmPoseParams()
    rtmo: RtmoParams = RtmoParams()

    @model_validator(mode="after")
    def _carriable(self) -> Self:
        if self.detect_every > 1 and not BACKENDS[self.backend].carries:
            raise ValueError(f"detect_every must be 1: {self.backend} has no detector of its own to spare")
        return self

    def section(self) -> Section:
        """What the chosen backend alone needs to know; nothing for `movenet`."""
        found: Section = getattr(self, self.backend, Section())
        return found


@dataclass(frozen=True)
class Backend:
    """A way from frames or videos to people.

    Args:
        load: params and the backend's own section → the backend, ready.
        files: the section → the weights and other files that decide what it finds.
        sources: modules of this package that decide what it finds; editing any of them makes poses anew.
        carries: whether it has a detector that can rest between frames (`detect_every`).
    """

    load: Callable[[PeopleParams, Any], Estimator | ClipEstimator]
    files: Callable[[Any], tuple[Path, ...]]
    sources: tuple[str, ...]
    carries: bool


COMMON = ("base", "container", "duplicates", "parallel", "pose_nms", "video")
"""Modules that every backend's results depend on."""

_CARRY = ("carry", "tiling")
_TORCH = ("backend", "checkpoints", "detector", "engine", "fastpose", "heatmaps", "poser", "yolox")

BACKENDS = {
    "movenet": Backend(nanodet_movenet, lambda _: FILES, ("movenet", "nanodet", "onnx", *_CARRY), carries=True),
    "alphapose": Backend(alphapose, weights, (*(f"alphapose.{name}" for name in _TORCH), *_CARRY), carries=True),
    "alphapose_program": Backend(program, files, ("alphapose.program", "alphapose.results"), carries=False),
    "rtmpose": Backend(rtmpose, rtmpose_files, ("rtm", *_CARRY), carries=True),
    "rtmo": Backend(rtmo, rtmo_files, ("rtm", *_CARRY), carries=False),
}
"""Every backend by its name in params."""

NEUTRAL = (*WorkParams.model_fields, "backend", "alphapose", "alphapose_program", "rtmpose", "rtmo")
"""Fields left out of the fingerprint: no result depends on them, or they are hashed apart."""


def estimator(params: ExtractParams) -> Estimator | ClipEstimator:
    """Load the backend that `extract.backend` names.

    Raises:
        BackendError: its packages or weights are missing; says how to get them.
        ParamsError: there is no such device here.
    """
    return BACKENDS[params.backend].load(params, params.section())


def fingerprint(params: ExtractParams) -> str:
    """A hash of all that decides which people are found in given frames: the backend's parameters, weights and code.

    `NEUTRAL` parameters and other backends' are left out, as results do not depend on them, and so is the engine's
    version: new poses for a thousand clips are not worth a difference in the sixth decimal, and each file names the
    engine that made it.

    Raises:
        BackendError: a file that the params name is not there.
    """
    chosen, section = BACKENDS[params.backend], params.section()
    here = Path(__file__).parent
    code = [here.joinpath(*name.split(".")).with_suffix(".py") for name in (*COMMON, *chosen.sources)]
    return sha256_text(
        params.backend,
        params.model_dump_json(exclude=set(NEUTRAL)),
        section.model_dump_json(exclude=set(getattr(section, "NEUTRAL", ()))),
        *map(sha256_file, chosen.files(section)),
        *(path.read_text(encoding="utf-8") for path in code),
    )
