"""What detectors of poses share: what they declare, their form, and the two files they are kept in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import (
    RETRAIN,
    DetectorParams,
    Form,
    Modality,
    card_params,
    card_seed,
    not_fitted,
    read_card,
    read_weights,
    write_card,
    write_weights,
)

if TYPE_CHECKING:
    from torch import nn

Arrays = dict[str, NDArray[Any]]


class Model:
    """A detector of poses without what it learns. See `stages.detectors.base.Detector`.

    Args:
        params: an instance of `Params`.
        device: `auto`, `cpu`, `cuda` …
        seed: of all that is drawn.
    """

    name: ClassVar[str]
    Params: ClassVar[type[DetectorParams]]
    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE})
    parts: ClassVar[tuple[str, ...]] = ("score",)
    supervised: ClassVar[bool] = False
    unit: ClassVar[str]

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        self.params: Any = params
        self.device = device
        self.seed = seed
        self._form: Form | None = None

    def _checked(self, windows: Windows | None = None) -> Form:
        """The form it was fitted to, which the windows must have.

        Raises:
            ModelError: not fitted, or fitted to windows of another form.
        """
        if self._form is None:
            raise not_fitted(self.name)
        if windows is not None:
            self._form.check(windows)
        return self._form

    def _write(self, folder: Path, arrays: Mapping[str, NDArray[Any]], params: DetectorParams | None = None) -> None:
        """Write weights.safetensors and detector.json; `params` in place of its own."""
        form = self._checked()
        write_weights(folder, arrays)
        write_card(folder, self.name, params or self.params, self.seed, form)

    @classmethod
    def _read(cls, folder: Path, device: str) -> tuple[Self, Form, Arrays]:
        """The detector as its card tells it, and the weights it is still to take.

        Raises:
            ModelError: something is missing or damaged, or the folder holds another detector.
        """
        card, weights = read_card(folder, cls.name), read_weights(folder)
        detector = cls(card_params(card, cls.Params, folder), device=device, seed=card_seed(card, folder))
        detector._form = form = Form.from_card(card, folder)
        return detector, form, weights


@contextmanager
def taking_weights(folder: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a network takes weights into a `ModelError`."""
    try:
        yield
    except (DatasetError, KeyError, RuntimeError, TrainingError) as error:
        raise ModelError(f"the weights do not fit the model: {error}", where=str(folder), fix=RETRAIN) from error


def under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The arrays whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def weights_of(network: nn.Module, prefix: str = "") -> Arrays:
    """A network's weights and statistics as arrays of their own."""
    return {f"{prefix}{name}": value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}


def take_weights(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a network what `weights_of` gave.

    Raises:
        RuntimeError: they do not fit.
    """
    import torch

    network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})


def size(*networks: nn.Module) -> int:
    """Learned numbers of networks."""
    return sum(weight.numel() for network in networks for weight in network.parameters())
