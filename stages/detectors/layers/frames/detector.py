"""What detectors of whole frames share: the life of a network that reads clips."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import FitReport, Form, Log, Modality, not_fitted, silent
from stages.detectors.layers.model import Arrays, Model, size, take_weights, taking_weights, under, weights_of

if TYPE_CHECKING:
    import torch
    from torch import nn

NETWORK = "network."
"""Prefix of the network's weights."""


N = TypeVar("N", bound="nn.Module")
T = TypeVar("T")


class FrameDetector(Model, ABC, Generic[N]):
    """A detector with a network that reads clips. See `stages.detectors.base.Detector`."""

    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.RGB})
    per_frame: ClassVar[bool] = True
    """Whether a window has a score for each of its frames, or one."""
    piece: ClassVar[int] = 4
    """Windows in the network at a time while nothing is learned."""

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._network: N | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn from clips, or take a trained base's network. See `Detector.fit`.

        Raises:
            TrainingError: too few windows, clips that do not fit the network, or a loss that is no longer finite.
            DatasetError: the windows carry no frames.
            ModelError: this detector starts from no such base, or it is of another form.
        """
        from stages.compute.threads import threads

        self._refuse(train)
        with threads(self.params.threads):
            form, curves = Form.of(train), dict[str, list[float]]()
            network = self._build(form)
            if base:
                self._inherit(network, form, base, log)
            else:
                for name, value in self._learn(network, train, validation, log):
                    curves.setdefault(name, []).append(value)
        self._form, self._network = form, network
        return FitReport(len(train), size(network), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Every part of every frame, `(N, T)`, or of every window, `(N,)`. See `Detector.score`."""
        form = self._checked(windows)
        pieces = self._by_pieces(windows, self._judge)
        nothing = np.empty((0, form.samples) if self.per_frame else 0, dtype=np.float32)
        return {part: np.concatenate([nothing, *(piece[part] for piece in pieces)]) for part in self.parts}

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        self._write(folder, {**weights_of(self._fitted(), NETWORK), **self._arrays()})

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

    def _refuse(self, train: Windows) -> None:
        """Refuse windows that nothing can be learned from.

        Raises:
            TrainingError: there are fewer than two.
            DatasetError: they carry no frames.
        """
        if len(train) < 2:
            raise TrainingError(f"{len(train)} training windows", fix="add training footage")
        if not train.picture:
            held = "crops" if Modality.CROPS in self.needs else "frames"
            raise DatasetError(
                f"{self.name} looks at {held}, and these windows carry none",
                fix=f"name a window spec with `{held}` and run `dvc repro`, which decodes them",
            )

    def _by_pieces(self, windows: Windows, judge: Callable[[Windows, torch.Tensor], T]) -> list[T]:
        """What is told of a few windows at a time, so that memory does not grow with their number."""
        from stages.compute.threads import threads
        from stages.detectors.layers.frames.batches import batches

        self._checked(windows)
        with threads(self.params.threads):
            return [judge(windows, rows) for rows in batches(len(windows), self.piece)] if len(windows) else []

    @abstractmethod
    def _build(self, form: Form) -> N:
        """A new network, on the device."""

    @abstractmethod
    def _epochs(self, network: N, train: Windows) -> Iterator[float]:
        """Train the network; the mean loss of each epoch."""

    @abstractmethod
    def _held_out(self, network: N, windows: Windows) -> float:
        """Mean loss of windows that are not learned from."""

    @abstractmethod
    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        """Parts of some windows, each `(n, T)`, or `(n,)`."""

    def _fitted(self) -> N:
        self._checked()
        if self._network is None:
            raise not_fitted(self.name)
        return self._network

    def _learn(self, network: N, train: Windows, validation: Windows | None, log: Log) -> Iterator[tuple[str, float]]:
        """Names and values of curves, an epoch at a time."""
        started, epochs = time.monotonic(), self.params.epochs
        for epoch, loss in enumerate(self._epochs(network, train), start=1):
            yield "loss", loss
            said = f"loss {loss:.4f}"
            if validation is not None:
                watched = self._held_out(network.eval(), validation)
                yield "validation_loss", watched
                said += f", validation {watched:.4f}"
            log(f"{self.name}, epoch {epoch} of {epochs}: {said}, {left(started, epoch, epochs):.0f} s left")

    def _inherit(self, network: N, form: Form, base: Mapping[str, Path], log: Log) -> None:  # noqa: ARG002
        """Give the network a trained base's weights.

        Raises:
            ModelError: there is no base for this detector.
        """
        raise ModelError(f"{self.name} starts from no other detector", fix="list it under runs, not under students")

    def _arrays(self) -> Arrays:
        """What was learned beside the network."""
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


def left(started: float, epoch: int, epochs: int) -> float:
    """Seconds that the remaining epochs will take, by those that are done since `started`."""
    return (time.monotonic() - started) / epoch * (epochs - epoch)
