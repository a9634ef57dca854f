"""What looks at a person: cubes of pictures or maps of another network, and the two encoders that make motion of them.

Source: Yang et al., MGENet, ACM MM 2024, section 3.2, and its released code for the convolutions.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.detectors.base import Form
from stages.detectors.layers.mgenet.attention import Lsta
from stages.detectors.layers.mgenet.cnn import OUT, CnnEncoder
from stages.detectors.layers.mgenet.encoder import CUBE, Encoder, Grid, as_maps, as_tokens
from stages.detectors.layers.mgenet.params import MgeNetParams

HIDDEN = 128
"""Numbers between the two layers of a head."""


class Cubes(nn.Module):
    """Tokens of 2 × 8 × 8 px, which a linear map looks at.

    Args:
        width: channels of a token.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Conv3d(3, width, CUBE, stride=CUBE)

    def forward(self, films: Tensor) -> Tensor:
        """Maps `(n, width, t, h, w)` of films `(n, 3, T, H, W)`."""
        found: Tensor = self.embed(films)
        return found


class VitBehaviour(nn.Module):
    """The paper's encoder: a transformer, modules of attention, and two layers that tell the latent.

    Args:
        channels: of the maps it reads.
        form: of the windows.
        params: see there.
        grid: places of the maps.
    """

    def __init__(self, channels: int, form: Form, params: MgeNetParams, grid: Grid) -> None:
        super().__init__()
        self.grid, self.width = grid, params.width
        self.encoder = Encoder(channels, params.width, params.depth, params.heads, grid)
        self.lsta = nn.Sequential(*(Lsta() for _ in range(params.lsta)))
        self._shape = len(form.channels), form.samples, form.joints
        self.head = nn.Sequential(
            nn.Linear(grid[0] * params.width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, math.prod(self._shape))
        )

    def maps(self, seen: Tensor) -> Tensor:
        """Behaviour maps of what the front saw."""
        found: Tensor = self.lsta(as_maps(self.encoder(as_tokens(seen)), self.grid))
        return found

    def latent(self, maps: Tensor) -> Tensor:
        """The latent that they let one expect, `(n, C, T, V)`."""
        found: Tensor = self.head(maps.mean(dim=(3, 4)).flatten(1))
        return found.reshape(-1, *self._shape)


class CnnBehaviour(nn.Module):
    """The released encoder, on maps pooled to (T / 8, 3, 3), so that its 32 channels are the latent's numbers.

    Args:
        channels: of the maps it reads.
        form: of the windows.
        params: see there.

    Raises:
        TrainingError: the numbers do not come out even.
    """

    def __init__(self, channels: int, form: Form, params: MgeNetParams) -> None:
        super().__init__()
        self._shape = len(form.channels), form.samples, form.joints
        self.grid = (max(form.samples // 8, 1), 3, 3)
        if OUT * math.prod(self.grid) != math.prod(self._shape):
            raise TrainingError(
                f"the released encoder gives {OUT * math.prod(self.grid)} numbers, the latent has "
                f"{math.prod(self._shape)}",
                fix="give it windows of 18 joints and a multiple of 8 samples, or take `encoder: vit`",
            )
        self.cnn = CnnEncoder(channels, params.width / 256, self.grid)
        self.width = self.cnn.width

    def maps(self, seen: Tensor) -> Tensor:
        """Behaviour maps of what the front saw."""
        return self.cnn.behaviour(seen)

    def latent(self, maps: Tensor) -> Tensor:
        """The latent that they let one expect, `(n, C, T, V)`."""
        return self.cnn.latent(maps).reshape(-1, *self._shape)


Behaviour = VitBehaviour | CnnBehaviour
"""Either of the two."""


def refuse_one_place(grid: Grid) -> None:
    """Refuse tokens that leave nothing to see when some are hidden.

    Raises:
        TrainingError: they are of one place.
    """
    if grid[1] * grid[2] < 2:
        raise TrainingError(
            "pictures of one place alone, of which none can be hidden", fix="give the window spec a larger `crops.size`"
        )


def refuse_uneven(form: Form) -> None:
    """Refuse tubes that no whole number of cubes makes up.

    Raises:
        TrainingError: they are such.
    """
    sides = (form.samples, *form.picture[1:])
    if any(side % cube for side, cube in zip(sides, CUBE, strict=True)):
        raise TrainingError(
            f"tubes of {' × '.join(map(str, sides))} are no whole number of cubes of {' × '.join(map(str, CUBE))}",
            fix="give the window spec an even number of samples, and `crops.size` a multiple of 8",
        )
