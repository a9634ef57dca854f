"""MPED-RNN: two recurrent branches, for the box and for the joints within it, reconstruct and predict how people move.

Source: Morais et al., "Learning Regularity in Skeleton Trajectories for Anomaly Detection in Videos", CVPR 2019. With
`timescales` it predicts at several horizons, after Rodrigues et al., "Multi-timescale Trajectory Prediction for
Abnormal Human Activity Detection", WACV 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import RETRAIN, DetectorParams, FitReport, Form, Log, silent
from stages.detectors.layers.model import Arrays, Model, size, take_weights, taking_weights, weights_of
from stages.detectors.layers.mped_rnn.params import MpedRnnParams

if TYPE_CHECKING:
    from stages.detectors.layers.mped_rnn.network import MpedRnn as Network

SHARED = ""
"""Stands for the camera where one model serves all."""


class MpedRnn(Model):
    """The detector; score = squared error of the joints that it says. See `stages.detectors.base.Detector`.

    With `errors: both` every sample has a score: of those that were read the reconstruction's error, of the others the
    prediction's. Else a window has one.

    Args:
        params: see `MpedRnnParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights, of the held-out windows and of the order of the others.
    """

    name: ClassVar[str] = "mped_rnn"
    Params: ClassVar[type[DetectorParams]] = MpedRnnParams
    unit: ClassVar[str] = "mean squared error in the window's units"

    def __init__(self, params: MpedRnnParams, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._networks: dict[str, Network] = {}

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,  # noqa: ARG002
        log: Log = silent,
    ) -> FitReport:
        """Learn how normal windows go on, for each camera or for all together. See `Detector.fit`.

        Raises:
            TrainingError: the windows are in three dimensions, too few (two for each camera), too short, without a
                seen joint or without the `camera` that is asked for, or the loss is no longer finite.
        """
        from stages.detectors.layers.mped_rnn.features import refuse

        refuse(train)
        form = Form.of(train)
        networks: dict[str, Network] = {}
        curves: dict[str, list[float]] = {}
        watched = self._by_camera(validation) if validation is not None and len(validation) else {}
        by_camera = self._by_camera(train)
        for camera in watched.keys() - by_camera.keys():
            log(f"no training windows of camera {camera}: its validation windows are not watched")
        for camera, rows in sorted(by_camera.items()):
            mine = watched.get(camera)
            held_out = validation.poses[mine] if validation is not None and mine is not None else None
            networks[camera], found = self._learn(form, train.poses[rows], held_out, camera, log)
            curves |= {f"{name} {camera}".strip(): curve for name, curve in found.items()}
        self._form, self._networks = form, networks
        return FitReport(len(train), size(*networks.values()), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Squared error, `(N, T)` or `(N,)`, see `MpedRnnParams.errors`. See `Detector.score`.

        Raises:
            ModelError: not fitted, fitted to windows of another shape, or never to windows of this camera.
        """
        self._checked(windows)
        from stages.compute.threads import threads
        from stages.detectors.layers.mped_rnn.training import sample_errors

        try:
            by_camera = self._by_camera(windows)
        except TrainingError as error:
            raise ModelError(error.what, where=error.where, fix=error.fix) from error
        unknown = sorted(by_camera.keys() - self._networks.keys())
        if unknown:
            raise ModelError(
                f"no model of camera {', '.join(unknown)}; there are those of {', '.join(sorted(self._networks))}",
                fix="train with footage of every camera, or one model for all: detectors.mped_rnn.model_per: all",
            )
        samples = windows.poses.shape[2]
        shape = (len(windows), samples) if self.params.errors == "both" else (len(windows),)
        scores = np.empty(shape, dtype=np.float32)
        with threads(self.params.threads):
            for camera, rows in by_camera.items():
                scores[rows] = sample_errors(self._networks[camera], windows.poses[rows], self.params.errors)
        return {"score": scores}

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, with each camera's arrays, and detector.json. See `Detector.save`."""
        arrays = [weights_of(network) for network in self._networks.values()]
        named = zip(self._networks, arrays, strict=True)
        self._write(folder, {f"{name}@{camera}": array for camera, own in named for name, array in own.items()})

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        states: dict[str, Arrays] = {}
        for key, array in weights.items():
            name, _, camera = key.partition("@")
            states.setdefault(camera, {})[name] = array
        with taking_weights(folder):
            for camera, state in states.items():
                detector._networks[camera] = detector._build(form, camera)
                take_weights(detector._networks[camera], state)
        if not states or (detector.params.model_per == "all") != (set(states) == {SHARED}):
            raise ModelError(f"the weights are of cameras {sorted(states)}", where=str(folder), fix=RETRAIN)
        return detector

    def _learn(
        self, form: Form, poses: NDArray[np.float32], watched: NDArray[np.float32] | None, camera: str, log: Log
    ) -> tuple[Network, dict[str, list[float]]]:
        """One camera's network, and its curves."""
        from stages.compute.threads import threads
        from stages.detectors.layers.mped_rnn.training import train

        whose = f" of camera {camera}" if camera else ""
        if len(poses) < 2:
            raise TrainingError(
                f"{len(poses)} training windows{whose}",
                fix="add training footage, lower the window spec's stride_train, or set model_per: all",
            )
        if poses.shape[1] > 2 and not (poses[:, 2] > 0).any():
            raise TrainingError(f"no joint is seen in the training windows{whose}", fix="check the poses' confidence")
        network, curves = self._build(form, camera), dict[str, list[float]]()
        with threads(self.params.threads):
            for epoch, losses in enumerate(train(network, poses, self.params, self.seed, watched), start=1):
                for name, loss in losses.items():
                    curves.setdefault(name, []).append(loss)
                figures = ", ".join(f"{name.replace('_', ' ')} {loss:.4f}" for name, loss in losses.items())
                log(f"epoch {epoch} of {self.params.epochs}{whose}: {figures}")
        return network, curves

    def _build(self, form: Form, camera: str) -> Network:
        from stages.compute.device import resolve
        from stages.detectors.layers.mped_rnn.network import build

        return build(form, self.params, self.seed, camera).to(resolve(self.device))

    def _by_camera(self, windows: Windows) -> dict[str, NDArray[np.int64]]:
        """Rows of the windows that each model is for.

        Raises:
            TrainingError: cameras are asked for, and the windows do not name theirs.
        """
        if self.params.model_per == "all":
            return {SHARED: np.arange(len(windows))}
        if "camera" not in windows.index or windows.index["camera"].isna().any():
            raise TrainingError(
                "a model for each camera is asked for, and the windows do not say which camera they are from",
                fix="name the cameras in clips.csv, or set detectors.mped_rnn.model_per: all",
            )
        cameras = windows.index["camera"].astype(str).to_numpy()
        return {str(camera): np.flatnonzero(cameras == camera) for camera in np.unique(cameras)}
