"""Loading the checkpoints of YOLOX and FastPose: every weight must have its place, and every place its weight.

Files are read with `weights_only`, so that nothing in them is ever executed, and networks are built without memory of
their own and take the file's tensors as they are.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stages.core.errors import BackendError
from stages.pose.alphapose.fastpose import FastPose, FastPoseDuc
from stages.pose.alphapose.yolox import SIZES, Yolox

Shapes = dict[str, tuple[int, ...]]

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "yolox_s": lambda: Yolox(SIZES["yolox_s"]),
    "yolox_l": lambda: Yolox(SIZES["yolox_l"]),
    "yolox_x": lambda: Yolox(SIZES["yolox_x"]),
    "fastpose_50": FastPose,
    "fastpose_duc_152": FastPoseDuc,
}
"""Every network that can be loaded, by the name that params give it."""

SHOWN = 5
"""Weights that a message names of each kind."""

WRAPPER = "model"
"""Key under which YOLOX's training keeps the weights, beside the optimizer's state."""


def load(path: Path, name: str) -> nn.Module:
    """Build a network and fill it from a checkpoint.

    Args:
        path: a state dict as `torch.save` writes it, bare or under the key `model`.
        name: which of `NETWORKS` it must be.

    Returns:
        The network on the CPU, in evaluation mode, float32.

    Raises:
        BackendError: the file is no checkpoint, is cut short, holds more than tensors, or its weights are not those of
            the network: says which are missing, unexpected or of another shape, and whose they are.
    """
    weights = read(path)
    network = skeleton(name)
    _compare(weights, shapes(network), path, name)
    places = network.state_dict()
    if odd := [key for key, value in weights.items() if value.is_floating_point() != places[key].is_floating_point()]:
        raise _unreadable(path, f"holds whole numbers where fractions belong, or the reverse: {_some(odd)}")
    network.load_state_dict({key: _single(tensor) for key, tensor in weights.items()}, strict=True, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def skeleton(name: str) -> nn.Module:
    """A network whose weights have shapes and no memory; building one takes milliseconds."""
    with torch.device("meta"):
        return NETWORKS[name]()


def shapes(network: nn.Module) -> Shapes:
    """Names and shapes of all that a checkpoint of this network holds."""
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU; runs no code of the file's.

    Raises:
        BackendError: the file is missing, cut short, no checkpoint, or holds something that is no finite tensor.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd formats, which are refused below
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # files cut short, of other kinds, or with code in them: a dozen classes of errors
        raise _unreadable(path, f"is damaged, or holds more than weights: {_line(error)}") from error
    if isinstance(found, Mapping) and isinstance(found.get(WRAPPER), Mapping):
        found = found[WRAPPER]
    if not isinstance(found, Mapping) or not found:
        raise _unreadable(path, "holds no weights by name")
    if strange := [str(key) for key, value in found.items() if not _plain(value)]:
        raise _unreadable(path, f"holds other things than weights: {_some(strange)}")
    if broken := [str(key) for key, value in found.items() if not torch.isfinite(value).all()]:
        raise _unreadable(path, f"holds NaN or infinite weights: {_some(broken)}")
    return {str(key): value for key, value in found.items()}


def _plain(value: Any) -> bool:
    """Whether it is an array of real numbers that is all there."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and not value.is_complex()
    )


def _single(tensor: Tensor) -> Tensor:
    """Floating-point numbers in float32, whatever the file was saved in; counters as they are."""
    return tensor.float() if tensor.is_floating_point() else tensor


def _compare(weights: Mapping[str, Tensor], wanted: Shapes, path: Path, name: str) -> None:
    given = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    if given == wanted:
        return
    problems = _differences(given, wanted)
    if whose := [other for other in NETWORKS if shapes(skeleton(other)) == given]:
        what = f"this is a checkpoint of {whose[0]}, the params say {name}"
        raise BackendError(what, where=str(path), fix=f"write {whose[0]} there, or name a checkpoint of {name}")
    what = f"this is no checkpoint of {name}, nor of any other network known here:\n" + "\n".join(problems)
    raise BackendError(what, where=str(path), fix=f"download the checkpoint of {name} again, from its authors")


def _differences(given: Shapes, wanted: Shapes) -> list[str]:
    """What tells two sets of weights apart, a line for each kind."""
    kinds = {
        "missing": [key for key in wanted if key not in given],
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": [
            f"{key} ({_size(given[key])} instead of {_size(shape)})"
            for key, shape in wanted.items()
            if given.get(key, shape) != shape
        ],
    }
    return [f"  - {len(keys)} {kind}: {_some(keys)}" for kind, keys in kinds.items() if keys]


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (" …" if len(keys) > SHOWN else "")


def _line(error: Exception) -> str:
    """The first sentence: torch goes on with how to run the code in a file."""
    return re.split(r"\. |\n", str(error).strip())[0] or type(error).__name__


def _unreadable(path: Path, what: str) -> BackendError:
    return BackendError(
        f"the checkpoint {what}",
        where=str(path),
        fix="download it again; if it is whole, save its state dict alone on a machine where you trust it",
    )
