"""A network that has learned elsewhere, such as one of torchvision's or timm's, in front of the encoders."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from stages.compute.networks import named_network, take_state
from stages.core.errors import ParamsError
from stages.detectors.layers.mgenet.params import FrontParams


class Front(nn.Module):
    """Feature maps of films, by a network that learns no further.

    Args:
        network: whose features they are.
        params: see `FrontParams`.

    Raises:
        ParamsError: it has no such layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, params: FrontParams) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(requires_grad=False)
        self._last = params.channels == "last"
        self._found: object = None
        for name in ("mean", "deviation"):
            self.register_buffer(name, torch.tensor(getattr(params, name)).view(1, 3, 1, 1, 1))
        try:
            layer = network.get_submodule(params.layer)
        except AttributeError as error:
            known = ", ".join(name for name, _ in network.named_children())
            raise ParamsError(
                f"{params.network} has no layer {params.layer!r}", fix=f"name one below {known}"
            ) from error
        layer.register_forward_hook(self._keep)

    @torch.no_grad()
    def forward(self, films: Tensor) -> Tensor:
        """Maps `(n, C, t, h, w)` of films `(n, 3, T, H, W)` in 0 … 1.

        Raises:
            ParamsError: the network takes no such films, or what the layer gives is no map.
        """
        try:
            self.network((films - self.mean) / self.deviation)
        except RuntimeError as error:  # such as a network of pictures, which takes no films
            reason = str(error).partition("\n")[0]
            raise ParamsError(
                f"the front cannot look at films of {tuple(films.shape[1:])}: {reason}",
                fix="name a network that takes (n, 3, T, H, W), and pictures of a size that it takes",
            ) from error
        found, self._found = self._found, None
        if not isinstance(found, Tensor) or found.ndim != 5:
            given = tuple(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise ParamsError(
                f"the front gives {given}, no maps in time, height and width", fix="name a `layer` before its pooling"
            )
        return found.movedim(-1, 1) if self._last else found

    def _keep(self, _module: nn.Module, _inputs: object, output: object) -> None:
        self._found = output


def foreign(params: FrontParams) -> Front:
    """The network that params name, with the weights they name.

    Raises:
        ParamsError: there is no such function, layer or file, or they do not fit.
    """
    network = named_network(params.network, params.arguments, "front")
    if params.weights is not None:
        take_state(network, Path(params.weights), f"the front's weights do not fit {params.network}")
    return Front(network, params)
