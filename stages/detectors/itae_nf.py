"""ITAE with normalizing flows: how badly a clip is reconstructed, and how unlikely the features of both paths are.

Source: Cho et al., "Unsupervised Video Anomaly Detection via Normalizing Flows with Implicit Latent Features", Pattern
Recognition 2022. Its sum of the three parts (equation 14) is the referee's: `evaluate.protocol: itae`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import (
    DetectorParams,
    FitReport,
    Form,
    Log,
    card_params,
    not_fitted,
    read_card,
    read_weights,
    silent,
)
from stages.detectors.layers.frames.detector import NETWORK, left
from stages.detectors.layers.itae.detector import RECONSTRUCTION, ClipDetector
from stages.detectors.layers.itae.params import ItaeNfParams, ItaeParams
from stages.detectors.layers.model import Arrays, size, take_weights, taking_weights, under, weights_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from stages.detectors.layers.itae.autoencoder import Autoencoder, Encoded


BASE = "itae"
"""The detector whose autoencoder this one may start from."""
SHAPE = ("encoder", "width", "two_path", "norm", "lateral")
"""Params that an autoencoder's weights depend on."""
FLOWS = "flows."
"""Prefix of the flows' weights."""


class ItaeNf(ClipDetector):
    """The detector; `static` and `dynamic` are bits per element of a time step's map.

    The paper does not say which frames a likelihood is for. Here each frame has the dynamic map's of its own, and the
    static map's of the frame that was looked at last.
    """

    name: ClassVar[str] = "itae_nf"
    Params: ClassVar[type[DetectorParams]] = ItaeNfParams
    parts: ClassVar[tuple[str, ...]] = (RECONSTRUCTION, "static", "dynamic")
    unit: ClassVar[str] = "reconstruction: mean absolute error of a patch in 0 … 1; static, dynamic: bits per element"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._flows: nn.ModuleDict | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn to reconstruct, then, with that frozen, how likely features are. See `Detector.fit`.

        Raises:
            TrainingError, DatasetError, ModelError: as `FrameDetector.fit`, or maps cannot be halved `levels` times.
        """
        import torch

        from stages.compute.threads import threads
        from stages.core.seeding import derive

        report = super().fit(train, validation=validation, base=base, log=log)
        with threads(self.params.threads), torch.random.fork_rng(devices=[]):
            flows = self._build_flows()
            torch.manual_seed(derive(self.seed, "itae", "noise"))
            bits = list(self._estimate(flows, train, log))
        self._flows = flows
        return FitReport(report.windows, report.parameters + size(flows), {**report.curves, "bits": bits})

    def _estimate(self, flows: nn.ModuleDict, train: Windows, log: Log) -> Iterator[float]:
        from stages.detectors.layers.itae import training

        params: ItaeNfParams = self.params
        network = self._fitted()
        started, epochs = time.monotonic(), params.flow_epochs
        for epoch, loss in enumerate(training.estimate(network, flows, train, params, self.seed), start=1):
            yield loss
            rest = left(started, epoch, epochs)
            log(f"flows, epoch {epoch} of {epochs}: {loss:.3f} bits per element, {rest:.0f} s left")

    def _parts(self, films: torch.Tensor, encoded: Encoded) -> dict[str, torch.Tensor]:
        from stages.detectors.layers.itae.training import path_maps

        if self._flows is None:
            raise not_fitted(self.name)
        bits = {name: self._flows[name](maps) for name, maps in path_maps(encoded, films, self.params).items()}
        frames = len(films) * films.shape[2]
        each = {name: found.repeat_interleave(frames // len(found)) for name, found in bits.items()}
        return super()._parts(films, encoded) | each

    def _build_flows(self) -> nn.ModuleDict:
        import torch
        from torch import nn

        from stages.core.seeding import derive
        from stages.detectors.layers.itae.training import Density, channels_read

        params: ItaeNfParams = self.params
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, "itae", "flows"))
            read = channels_read(self._checked().picture, params)
            flows = {name: Density(channels, params) for name, channels in read.items()}
        return nn.ModuleDict(flows).to(self._device())

    def _inherit(self, network: Autoencoder, form: Form, base: Mapping[str, Path], log: Log) -> None:
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
        if self._flows is None:
            raise not_fitted(self.name)
        return weights_of(self._flows, FLOWS)

    def _restore(self, arrays: Arrays) -> None:
        flows = self._build_flows()
        take_weights(flows, under(FLOWS, arrays))
        self._flows = flows.eval()
        super()._restore({name: array for name, array in arrays.items() if not name.startswith(FLOWS)})
