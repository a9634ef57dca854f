"""Networks that a user names in params.yaml, with the weights that he names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from stages.core.errors import ParamsError


def named_network(name: str, arguments: Mapping[str, Any], what: str) -> nn.Module:
    """What a function of the user's gives.

    Args:
        name: `module:function`.
        arguments: of the function.
        what: the network is for, in words, for errors.

    Raises:
        ParamsError: there is no such function, it takes no such arguments, or it gives no torch module.
    """
    try:
        network = resolve_name(name)(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ParamsError(
            f"there is no {what} {name!r}: {error}",
            fix="give `module:function`, which Python can import from the project's folder, and the arguments it takes",
        ) from error
    if not isinstance(network, nn.Module):
        raise ParamsError(f"{name} gives a {type(network).__name__}, not a torch module", fix="name another function")
    return network


def take_state(network: nn.Module, path: Path, unfit: str) -> None:
    """Give a network the state that a safetensors file holds.

    Args:
        network: that takes it.
        path: of the file.
        unfit: what to say where it does not fit, for errors.

    Raises:
        ParamsError: the file cannot be read, or holds another network's state.
    """
    try:
        network.load_state_dict(load(path.read_bytes()))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        fix = "give the safetensors file of that network's state"
        raise ParamsError(f"{unfit}: {reason}", where=str(path), fix=fix) from error
