"""What the action recognisers share: a classifier of windows, its training, its scores, its files."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.base import FitReport, Form, Log, silent
from stages.detectors.layers.model import Model, size, take_weights, taking_weights, under, weights_of
from stages.detectors.layers.proportions import Mixture, uncertainty
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task
from stages.detectors.layers.recognition.targets import LABELS, Lessons, lessons, watched

if TYPE_CHECKING:
    from torch import nn

MIXTURE = "mixture."
"""What the mixture's arrays stand under in the weights file, as each stream's do under its name and a dot."""


class Recogniser(Model, ABC):
    """A supervised classifier; its score is as `RecogniserParams.scoring` says. See `stages.detectors.base.Detector`.

    Args:
        params: see `RecogniserParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights, the order of the windows, dropout and the mixture.
    """

    Params: ClassVar[type[RecogniserParams]] = RecogniserParams
    supervised: ClassVar[bool] = True
    unit: ClassVar[str] = "nats"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._networks: dict[str, nn.Module] = {}
        self._mixture: Mixture | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,  # noqa: ARG002
        log: Log = silent,
    ) -> FitReport:
        """Learn to tell the windows' classes apart; those of unknown class are not learned from. See `Detector.fit`.

        Raises:
            TrainingError: classes or their windows do not suffice, the joint layout lacks what the network needs, the
                loss is no longer finite, or the mixture cannot be fitted.
        """
        given = lessons(train, self.params, self.name, log)
        form = Form.of(given.windows)
        task, held_out = Task.of(form, len(given.classes)), watched(validation, self.params, given.classes)
        curves: dict[str, list[float]] = {}
        networks = self._learn(given, held_out, task, curves, log)
        mixture = None
        if self.params.scoring == "mixture":
            found = np.exp(self._logs(networks, given.windows))
            mixture = Mixture.fit(found, components=self.params.components, seed=_small(self.seed, self.name), log=log)
        self._form, self._networks, self._mixture = form, networks, mixture
        return FitReport(len(given.windows), size(*networks.values()), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """See `RecogniserParams.scoring`; `(N,)` nats, or 0 … 1 with `maximum`. See `Detector.score`."""
        self._checked(windows)
        logs = self._logs(self._networks, windows)
        if self.params.scoring == "probability":
            scores = logs[:, LABELS.index("abnormal")] - logs[:, LABELS.index("normal")]
        else:
            scores = uncertainty(np.exp(logs)) if self._mixture is None else self._mixture.score(np.exp(logs))
        return {"score": scores.astype(np.float32)}

    def proportions(self, windows: Windows) -> NDArray[np.float64]:
        """Probability of each class, `(N, K)`: normal and abnormal, or the kinds in alphabetical order.

        Raises:
            ModelError: not fitted, or fitted to windows of another shape.
        """
        self._checked(windows)
        return np.exp(self._logs(self._networks, windows))

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        arrays: dict[str, NDArray[Any]] = {}
        for stream, network in self._networks.items():
            arrays |= weights_of(network, f"{stream}.")
        if self._mixture is not None:
            arrays |= {f"{MIXTURE}{name}": array for name, array in self._mixture.arrays().items()}
        self._write(folder, arrays)

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        with taking_weights(folder):
            detector._restore(form, weights, folder)
        return detector

    def _restore(self, form: Form, weights: Mapping[str, NDArray[Any]], folder: Path) -> None:
        streams = self._streams()
        classes = len(LABELS) if self.params.learns == "labels" else len(weights[f"{streams[0]}.classifier.bias"])
        for stream in streams:
            network = self._build(Task.of(form, classes), stream)
            take_weights(network, under(f"{stream}.", weights))
            self._networks[stream] = network
        if self.params.scoring == "mixture":
            self._mixture = Mixture.restore(under(MIXTURE, weights), folder)
            if len(weights[f"{MIXTURE}means"].T) != classes:
                raise TrainingError(f"the mixture is not of {classes} classes")

    def _streams(self) -> tuple[str, ...]:
        """What a network of its own looks at: `joint`, `bone` or both."""
        return ("joint",)

    @abstractmethod
    def _network(self, task: Task, stream: str) -> nn.Module:
        """The network of a stream with fresh weights."""

    def _build(self, task: Task, stream: str) -> nn.Module:
        from stages.compute.device import resolve

        return self._network(task, stream).to(resolve(self.device))

    def _learn(
        self, given: Lessons, held_out: Lessons | None, task: Task, curves: dict[str, list[float]], log: Log
    ) -> dict[str, nn.Module]:
        """Each stream's network, trained by itself; `curves` are added to."""
        from stages.compute.threads import threads
        from stages.detectors.layers.recognition import training

        networks: dict[str, nn.Module] = {}
        streams, started, done = self._streams(), time.monotonic(), 0
        whole = len(streams) * self.params.epochs
        for stream in streams:
            seed = derive(self.seed, self.name, stream)
            with training.seeded(seed), threads(self.params.threads):
                networks[stream] = self._build(task, stream)
                epochs = training.train(networks[stream], given, self.params, watched=held_out is not None)
                for epoch, figures in enumerate(epochs, start=1):
                    told = dict(zip(("loss", "accuracy"), figures, strict=True))
                    if held_out is not None:
                        judged = training.judge(networks[stream], held_out)
                        told |= dict(zip(("validation_loss", "validation_accuracy"), judged, strict=True))
                    for figure, value in told.items():
                        curves.setdefault(figure if len(streams) == 1 else f"{stream}_{figure}", []).append(value)
                    done += 1
                    left = (time.monotonic() - started) / done * (whole - done)
                    line = ", ".join(f"{figure} {value:.4f}" for figure, value in told.items()).replace("_", " ")
                    log(f"{stream}, epoch {epoch} of {self.params.epochs}: {line}, {left:.0f} s left")
        return networks

    def _logs(self, networks: Mapping[str, nn.Module], windows: Windows) -> NDArray[np.float64]:
        """Logarithms of `proportions`."""
        from stages.compute.threads import threads
        from stages.detectors.layers.recognition import training

        with threads(self.params.threads):
            return training.log_proportions(networks.values(), windows)


def _small(seed: int, name: str) -> int:
    """A seed for the mixture, which takes 32 bits."""
    return derive(seed, name, "mixture") % 2**32
