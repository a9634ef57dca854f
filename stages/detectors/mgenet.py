"""MGENet: what a flow over poses and encoders of pictures make of the same person differs where it is abnormal.

Source: Yang et al., "A Multilevel Guidance-Exploration Network and Behavior-Scene Matching Method for Human Behavior
Anomaly Detection" (MGENet), ACM MM 2024. Its sum of the three parts (equation 16) is the referee's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, FitReport, Form, Log, Modality, silent
from stages.detectors.layers.frames.detector import FrameDetector
from stages.detectors.layers.mgenet.params import MgeNetParams, TeacherParams
from stages.detectors.layers.model import Arrays, take_weights, weights_of
from stages.detectors.layers.stg_nf.detector import FlowDetector

if TYPE_CHECKING:
    import torch

    from stages.detectors.layers.mgenet.network import MgeNet

BASE = "stg_nf"
"""The detector that teaches."""


class Teacher(FlowDetector):
    """STG-NF, as its model folder holds it."""

    name: ClassVar[str] = BASE


class MgeNetDetector(FrameDetector["MgeNet"]):
    """The detector; `motion` and `scene` are distances, `appearance` is 1 - cosine."""

    name: ClassVar[str] = "mgenet"
    Params: ClassVar[type[DetectorParams]] = MgeNetParams
    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE, Modality.CROPS})
    parts: ClassVar[tuple[str, ...]] = ("motion", "appearance", "scene")
    unit: ClassVar[str] = "motion: distance of latents; appearance: 1 - cosine; scene: distance of weights"
    per_frame: ClassVar[bool] = False
    piece: ClassVar[int] = 64

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._lesson: Arrays | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn from a trained STG-NF, or from one that is trained here, which the log says. See `Detector.fit`.

        Raises:
            TrainingError: too few windows, tubes of no whole number of cubes, or a loss that is no longer finite.
            DatasetError: the windows carry no pictures.
            ModelError: the base is no STG-NF, or reads other windows.
        """
        self._refuse(train)
        self._lesson = None
        self._build(Form.of(train))  # refuses what does not fit before a teacher has learned from it
        teacher = self._teacher(train, validation, base, log)
        self.params = self.params.model_copy(update={"teacher": TeacherParams(**teacher.params.model_dump())})
        self._lesson = weights_of(teacher.network)
        if not _several(train):
            log("one camera alone: nothing tells which behaviour belongs where, so the part `scene` is 0 everywhere")
        return super().fit(train, validation=validation, log=log)

    def _teacher(
        self, train: Windows, validation: Windows | None, base: Mapping[str, Path] | None, log: Log
    ) -> Teacher:
        if not base:
            log(f"no base is given, so the {BASE} that teaches is trained first, as `teacher` says")
            params = self.params.teacher.model_copy(update={"window": self.params.window})
            teacher = Teacher(params, device=self.device, seed=self.seed)
            teacher.fit(train.blind(), validation=None if validation is None else validation.blind(), log=log)
            return teacher
        if set(base) != {BASE}:
            raise ModelError(
                f"{self.name} starts from {BASE}, not from {', '.join(sorted(base))}",
                fix=f"write `base: {BASE}` under students in params.yaml",
            )
        teacher = Teacher.load(base[BASE], device=self.device)
        teacher.form.check(train.blind())
        log(f"the trained {BASE} teaches")
        return teacher

    def _build(self, form: Form) -> MgeNet:
        import torch

        from stages.core.seeding import derive
        from stages.detectors.layers.mgenet.front import foreign
        from stages.detectors.layers.mgenet.network import MgeNet
        from stages.detectors.layers.stg_nf.network import build

        blind = Form(form.channels, form.samples, form.joints, form.layout)
        teacher = build(blind, self.params.teacher, self.seed)
        if self._lesson is not None:
            take_weights(teacher, self._lesson)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, "mgenet", "weights"))
            network = MgeNet(form, self.params, teacher, foreign(self.params.front) if self.params.front else None)
        return network.to(self._device())

    def _epochs(self, network: MgeNet, train: Windows) -> Iterator[float]:
        from stages.detectors.layers.mgenet.training import epochs

        network.several.fill_(self.params.memory and _several(train))
        return epochs(network, train, self.params, self.seed)

    def _held_out(self, network: MgeNet, windows: Windows) -> float:
        from stages.detectors.layers.mgenet.training import held_out

        return held_out(network, windows, self.params)

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        from stages.detectors.layers.mgenet.training import judge

        return judge(self._fitted(), windows, rows, self.params)


def _several(windows: Windows) -> bool:
    """Whether there are places to tell apart, as far as the windows know."""
    return "camera" not in windows.index or windows.index["camera"].nunique() > 1
