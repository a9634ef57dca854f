"""What the detectors on ST-GCAE share: its training, or another detector's trained one, and its files."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import FitReport, Form, Log, card_params, not_fitted, read_card, read_weights, silent
from stages.detectors.layers.gepc.params import AutoencoderParams, GepcParams
from stages.detectors.layers.model import Arrays, Model, size, take_weights, taking_weights, under, weights_of

if TYPE_CHECKING:
    from stages.detectors.layers.gepc.autoencoder import Autoencoder
    from stages.detectors.layers.gepc.transforms import Views

BASE = "gepc"
"""The detector whose autoencoder others may start from."""
PRETRAINED = "pretrained."
"""Prefix of the autoencoder as it was before clustering, in the weights of `BASE`."""
NETWORK = "autoencoder."
"""Prefix of the autoencoder that scores."""


class AutoencoderDetector(Model, ABC):
    """A detector on ST-GCAE. See `stages.detectors.base.Detector`.

    Args:
        params: see `AutoencoderParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights, of the order of the windows, and of what comes after.
    """

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._shape: AutoencoderParams | None = None
        self._network: Autoencoder | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn to reconstruct, or take a trained `gepc`'s autoencoder, and go on from there. See `Detector.fit`.

        Raises:
            TrainingError: too few windows, windows that cannot be shortened so, or a loss that is no longer finite.
            ModelError: the base is no `gepc`, or was fitted to windows of another form.
        """
        from stages.compute.threads import threads

        if len(train) < 2:
            raise TrainingError(f"{len(train)} training windows", fix="add training footage")
        with threads(self.params.threads):
            return self._fit(train, validation, base, log)

    def _fit(self, train: Windows, validation: Windows | None, base: Mapping[str, Path] | None, log: Log) -> FitReport:
        form, curves = Form.of(train), dict[str, list[float]]()
        if base:
            shape, network = self._inherit(base, form, log)
        else:
            shape = self.params
            network = self._build(form, shape)
            for name, values in self._reconstruct(network, train, validation, log):
                curves.setdefault(name, []).append(values)
        learned, more = self._go_on(network, shape, train, log)
        self._form, self._shape, self._network = form, shape, network
        return FitReport(len(train), size(network) + learned, {**curves, **more})

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        _, network = self._fitted()
        self._write(folder, {**weights_of(network, NETWORK), **self._arrays()}, self._saved_params())

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        network = detector._restored(form, detector.params, under(NETWORK, weights), folder)
        detector._restore({name: array for name, array in weights.items() if not name.startswith(NETWORK)}, folder)
        detector._shape, detector._network = detector.params, network
        return detector

    @abstractmethod
    def _go_on(
        self, network: Autoencoder, shape: AutoencoderParams, train: Windows, log: Log
    ) -> tuple[int, dict[str, list[float]]]:
        """Learn what comes after the autoencoder; how many numbers that are, and their curves."""

    @abstractmethod
    def _arrays(self) -> Arrays:
        """What was learned beside the autoencoder."""

    @abstractmethod
    def _restore(self, arrays: Arrays, folder: Path) -> None:
        """Take back what `_arrays` gave.

        Raises:
            ModelError: it does not fit.
        """

    def _saved_params(self) -> AutoencoderParams:
        """The params with the shape that the autoencoder really has."""
        params: AutoencoderParams = self.params
        if self._shape is None or self._shape is params:
            return params
        shape = {name: getattr(self._shape, name) for name in ("graph", "strides", "width", "dropout", "transforms")}
        return params.model_copy(update=shape)

    def _build(self, form: Form, shape: AutoencoderParams) -> Autoencoder:
        from stages.compute.device import resolve
        from stages.detectors.layers.gepc.training import build

        return build(form, shape, self.seed).to(resolve(self.device))

    def _views(self, windows: Windows, shape: AutoencoderParams | None = None) -> Views:
        """Windows under the maps that the autoencoder learned from."""
        from stages.compute.device import resolve
        from stages.detectors.layers.gepc.transforms import Views

        chosen = shape or self._shape or self.params
        return Views(windows, chosen.transforms, resolve(self.device))

    def _reconstruct(
        self, network: Autoencoder, train: Windows, validation: Windows | None, log: Log
    ) -> Iterator[tuple[str, float]]:
        from stages.detectors.layers.gepc import training

        params: AutoencoderParams = self.params
        views = self._views(train, params)
        watched = None if validation is None else self._views(validation, params)
        started = time.monotonic()
        for epoch, loss in enumerate(training.reconstruct(network, views, params, self.seed), start=1):
            yield "reconstruction", loss
            said = f"error {loss:.4f}"
            if watched is not None:
                held_out = float(training.errors(network, watched).mean(dtype=np.float64))
                yield "validation_reconstruction", held_out
                said += f", validation {held_out:.4f}"
            left = (time.monotonic() - started) / epoch * (params.epochs - epoch)
            log(f"reconstruction, epoch {epoch} of {params.epochs}: {said}, {left:.0f} s left")

    def _inherit(self, base: Mapping[str, Path], form: Form, log: Log) -> tuple[AutoencoderParams, Autoencoder]:
        """A trained autoencoder, as it was before clustering, and its shape."""
        if set(base) != {BASE}:
            raise ModelError(
                f"{self.name} starts from {BASE}, not from {', '.join(sorted(base))}",
                fix=f"write `base: {BASE}` under students in params.yaml",
            )
        folder = base[BASE]
        card, weights = read_card(folder, BASE), read_weights(folder)
        shape = card_params(card, GepcParams, folder)
        found = Form.from_card(card, folder)
        if found != form:
            raise ModelError(
                f"its base reads windows of {found}, these are of {form}",
                where=str(folder),
                fix=f"give detectors.{self.name} the window of detectors.{BASE}",
            )
        log(f"the autoencoder is the trained one of {BASE}, as before clustering")
        return shape, self._restored(form, shape, under(PRETRAINED, weights), folder)

    def _restored(self, form: Form, shape: AutoencoderParams, weights: Arrays, folder: Path) -> Autoencoder:
        with taking_weights(folder):
            network = self._build(form, shape)
            take_weights(network, weights)
        return network.eval()

    def _fitted(self, windows: Windows | None = None) -> tuple[Form, Autoencoder]:
        form = self._checked(windows)
        if self._network is None:
            raise not_fitted(self.name)
        return form, self._network
