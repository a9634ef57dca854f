"""Which device a network runs on."""

from __future__ import annotations

import torch

from stages.core.errors import ParamsError


def resolve(name: str) -> torch.device:
    """Turn a name into a device: `auto` is the first GPU, else the CPU; others are torch's own, such as `cuda:1`.

    Raises:
        ParamsError: there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # a device without memory, `meta`, fails here
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ParamsError(
            f"no device {name!r} here: {reason}", fix="set device to auto or cpu in params.yaml"
        ) from error
    return device
