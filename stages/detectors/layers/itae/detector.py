"""What ITAE with and without flows share: the autoencoder's training, its errors, and its files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import (
    FitReport,
    Form,
    Log,
    Modality,
    card_params,
    not_fitted,
    read_card,
    read_weights,
    silent,
)
from stages.detectors.layers.itae.params import ItaeParams
from stages.detectors.layers.model import Arrays, Model, size, take_weights, taking_weights, under, weights_of

if TYPE_CHECKING:
    import torch

    from stages.detectors.layers.itae.network import Itae

BASE = "itae"
"""The detector whose autoencoder others may start from."""
SHAPE = ("width", "two_path", "norm", "lateral")
"""Params that an autoencoder's weights depend on."""
NETWORK = "autoencoder."
"""Prefix of the autoencoder's weights."""
RECONSTRUCTION = "reconstruction"
"""The part that every frame's largest patch error is."""


class ClipDetector(Model):
    """A detector on ITAE's autoencoder. See `stages.detectors.base.Detector`."""

    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.RGB})
    parts: ClassVar[tuple[str, ...]] = (RECONSTRUCTION,)
    unit: ClassVar[str] = "mean absolute error of a patch, in 0 … 1"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._network: Itae | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn to reconstruct clips, or take a trained `itae`'s autoencoder. See `Detector.fit`.

        Raises:
            TrainingError: too few windows, clips that do not fit the network, or a loss that is no longer finite.
            DatasetError: the windows carry no frames.
            ModelError: the base is no `itae`, or its autoencoder is of another form.
        """
        from stages.compute.threads import threads

        if len(train) < 2:
            raise TrainingError(f"{len(train)} training windows", fix="add training footage")
        if not train.picture:
            raise DatasetError(
                f"{self.name} looks at frames, and these windows carry none",
                fix="name a window spec with `frames` and run `dvc repro`, which decodes them",
            )
        with threads(self.params.threads):
            form, curves = Form.of(train), dict[str, list[float]]()
            network = self._build(form)
            if base:
                self._inherit(network, form, base, log)
            else:
                for name, value in self._reconstruct(network, train, validation, log):
                    curves.setdefault(name, []).append(value)
        self._form, self._network = form, network
        return FitReport(len(train), size(network), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Every part of every frame, `(N, T)`. See `Detector.score`."""
        form, _ = self._fitted(windows)
        from stages.compute.threads import threads
        from stages.detectors.layers.frames import batches
        from stages.detectors.layers.itae.training import PIECE

        with threads(self.params.threads):
            pieces = [self._judge(windows, rows) for rows in batches(len(windows), PIECE)] if len(windows) else []
        nothing = np.empty((0, form.samples), dtype=np.float32)
        return {part: np.concatenate([nothing, *(piece[part] for piece in pieces)]) for part in self.parts}

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        _, network = self._fitted()
        self._write(folder, {**weights_of(network, NETWORK), **self._arrays()})

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        with taking_weights(folder):
            network = detector._build(form)
            take_weights(network, under(NETWORK, weights))
            detector._network = network.eval()
            detector._restore({name: array for name, array in weights.items() if not name.startswith(NETWORK)})
        return detector

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        """Parts of some windows, each `(n, T)`."""
        import torch

        from stages.detectors.layers.frames import as_pictures, clips
        from stages.detectors.layers.itae.losses import patch_errors

        _, network = self._fitted()
        with torch.no_grad():
            films = clips(windows, rows, self._device())
            errors = patch_errors(as_pictures(network(films)), as_pictures(films), self.params.patch)
        return {RECONSTRUCTION: errors.view(len(rows), -1).cpu().numpy()}

    def _inherit(self, network: Itae, form: Form, base: Mapping[str, Path], log: Log) -> None:
        """Give the network a trained autoencoder's weights.

        Raises:
            ModelError: the base is no `itae`, or its autoencoder is of another form.
        """
        if set(base) != {BASE}:
            raise ModelError(
                f"{self.name} starts from {BASE}, not from {', '.join(sorted(base))}",
                fix=f"write `base: {BASE}` under students in params.yaml",
            )
        folder = base[BASE]
        card = read_card(folder, BASE)
        theirs, found = card_params(card, ItaeParams, folder), Form.from_card(card, folder)
        if found != form or any(getattr(theirs, name) != getattr(self.params, name) for name in SHAPE):
            raise ModelError(
                f"its base reads {found}, these are {form}, or {', '.join(SHAPE)} differ",
                where=str(folder),
                fix=f"give detectors.{self.name} the window and the shape of detectors.{BASE}",
            )
        with taking_weights(folder):
            take_weights(network, under(NETWORK, read_weights(folder)))
        network.eval()
        log(f"the autoencoder is the trained one of {BASE}")

    def _arrays(self) -> Arrays:
        """What was learned beside the autoencoder."""
        return {}

    def _restore(self, arrays: Arrays) -> None:
        """Take back what `_arrays` gave.

        Raises:
            TrainingError: there is more than that.
        """
        if arrays:
            raise TrainingError(f"unknown weights: {', '.join(sorted(arrays))}")

    def _device(self) -> torch.device:
        from stages.compute.device import resolve

        return resolve(self.device)

    def _build(self, form: Form) -> Itae:
        from stages.detectors.layers.itae.training import build

        return build(form.picture, form.samples, self.params, self.seed).to(self._device())

    def _fitted(self, windows: Windows | None = None) -> tuple[Form, Itae]:
        form = self._checked(windows)
        if self._network is None:
            raise not_fitted(self.name)
        return form, self._network

    def _reconstruct(
        self, network: Itae, train: Windows, validation: Windows | None, log: Log
    ) -> Iterator[tuple[str, float]]:
        from stages.detectors.layers.itae import training

        params: ItaeParams = self.params
        started = time.monotonic()
        for epoch, loss in enumerate(training.reconstruct(network, train, params, self.seed), start=1):
            yield "reconstruction", loss
            said = f"loss {loss:.4f}"
            if validation is not None:
                watched = training.held_out(network, validation)
                yield "validation_reconstruction", watched
                said += f", validation {watched:.4f}"
            left = (time.monotonic() - started) / epoch * (params.epochs - epoch)
            log(f"reconstruction, epoch {epoch} of {params.epochs}: {said}, {left:.0f} s left")
