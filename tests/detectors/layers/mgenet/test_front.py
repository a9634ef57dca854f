"""Networks that have learned elsewhere: how they are found, what is taken of them, and what is hidden from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stages.core.errors import ParamsError
from stages.detectors.layers.mgenet.front import Front, foreign
from stages.detectors.layers.mgenet.params import FrontParams
from tests.detectors.layers.mgenet.models import network

HERE = "tests.detectors.layers.mgenet.test_front"
FILMS = torch.rand(2, 3, 8, 16, 16, generator=torch.Generator().manual_seed(3))


class Toy(nn.Module):
    """Convolutions that look around, and a class of what they see."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(3, channels, (3, 9, 9), stride=(2, 4, 4), padding=(1, 4, 4)), nn.Tanh())
        self.last = Turned()
        self.both = Both()
        self.head = nn.Linear(channels, 2)

    def forward(self, films: Tensor) -> Tensor:
        maps = self.stem(films)
        self.both(maps)
        found: Tensor = self.head(self.last(maps).mean(dim=(1, 2, 3)))
        return found


class Turned(nn.Module):
    """Channels last."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.movedim(1, -1)


class Both(nn.Module):
    """What is no tensor at all."""

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return maps, maps


def toy(channels: int = 5) -> Toy:
    torch.manual_seed(0)
    return Toy(channels)


def number() -> int:
    return 3


def of_pictures() -> nn.Module:
    """What takes `(n, 3, H, W)` alone."""
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten())


def params(**changed: Any) -> FrontParams:
    return FrontParams(**{"network": f"{HERE}:toy", "layer": "stem", **changed})


def test_a_layers_maps_of_pictures_as_it_knows_them() -> None:
    front = foreign(params(mean=(0.1, 0.2, 0.3), deviation=(1, 2, 4)))
    shifted = (FILMS - torch.tensor([0.1, 0.2, 0.3])[:, None, None, None]) / torch.tensor([1, 2, 4])[
        :, None, None, None
    ]
    maps = front(FILMS)
    assert maps.shape == (2, 5, 4, 4, 4)
    with torch.no_grad():
        torch.testing.assert_close(maps, toy().stem(shifted))


def test_channels_that_come_last_are_put_first() -> None:
    torch.testing.assert_close(foreign(params(layer="last", channels="last"))(FILMS), foreign(params())(FILMS))


def test_arguments_are_the_functions() -> None:
    assert foreign(params(arguments={"channels": 7}))(FILMS).shape[1] == 7


def test_it_learns_nothing() -> None:
    front = foreign(params())
    assert not front.network.training
    assert not front(FILMS).requires_grad
    assert not any(weight.requires_grad for weight in front.parameters())


def test_maps_are_of_the_films_they_were_asked_for() -> None:
    front = foreign(params())
    first = front(FILMS)
    assert not torch.allclose(front(1 - FILMS), first)
    torch.testing.assert_close(front(FILMS), first)


def test_weights_are_taken_from_a_file(tmp_path: Path) -> None:
    other = toy()
    nn.init.constant_(other.stem[0].bias, 0.5)  # type: ignore[arg-type]
    path = tmp_path / "toy.safetensors"
    save_file(other.state_dict(), path)
    with torch.no_grad():
        wanted = Front(other, params())(FILMS)
    torch.testing.assert_close(foreign(params(weights=str(path)))(FILMS), wanted)
    assert not torch.allclose(foreign(params())(FILMS), wanted)


def test_weights_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "toy.safetensors"
    save_file(toy(4).state_dict(), path)
    with pytest.raises(ParamsError, match="weights do not fit") as error:
        foreign(params(weights=str(path)))
    assert (error.value.where, error.value.fix != "") == (str(path), True)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle"])
def test_weights_that_are_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "toy.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ParamsError, match="weights do not fit") as error:
        foreign(params(weights=str(path)))
    assert error.value.fix


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"network": "no_such_module:toy"}, "there is no front 'no_such_module:toy'"),
        ({"network": f"{HERE}:no_such_function"}, "no_such_function"),
        ({"arguments": {"colours": 3}}, "unexpected keyword argument 'colours'"),
        ({"network": f"{HERE}:number"}, "gives a int, not a torch module"),
        ({"layer": "stem.9"}, "has no layer 'stem.9'"),
        ({"layer": "nothing"}, "has no layer 'nothing'"),
    ],
)
def test_fronts_that_are_not_there(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ParamsError, match=said) as error:
        foreign(params(**changed))
    assert error.value.fix


def test_who_asks_for_no_such_layer_is_told_which_there_are() -> None:
    with pytest.raises(ParamsError, match=r"one below stem, last, both, head"):
        foreign(params(layer="nothing"))


@pytest.mark.parametrize(("layer", "said"), [("", r"gives \(2, 2\)"), ("both", "gives a tuple")])
def test_what_is_no_map(layer: str, said: str) -> None:
    with pytest.raises(ParamsError, match=f"{said}, no maps in time") as error:
        foreign(params(layer=layer))(FILMS)
    assert "layer" in error.value.fix


def test_what_is_hidden_is_hidden_from_a_network_that_looks_around() -> None:
    front = params()
    net = network(foreign(front), front=front)
    assert net.grid == (4, 4, 4)
    left, gone = net.both_masks(2)
    mask = torch.zeros(2, 64).scatter(1, left, 1).reshape(2, 1, 4, 4, 4)
    visible = mask.repeat_interleave(2, 2).repeat_interleave(4, 3).repeat_interleave(4, 4)
    other = torch.where(visible > 0, FILMS, 1 - FILMS)
    with torch.no_grad():
        torch.testing.assert_close(net.explored(other, left), net.explored(FILMS, left), atol=0, rtol=0)
        assert not torch.allclose(net.explored(other, gone), net.explored(FILMS, gone))
        seen = net.front(other).flatten(2).gather(2, left[:, None].expand(-1, 5, -1))
        assert not torch.allclose(seen, net.front(FILMS).flatten(2).gather(2, left[:, None].expand(-1, 5, -1)))


def test_places_are_known_by_what_it_makes_of_them() -> None:
    front = params()
    net = network(foreign(front), front=front)
    places = torch.rand(3, 3, 8, 8)
    known = net.described(places)
    assert known.shape == (3, 5)
    film = nn.functional.interpolate(places, (16, 16), mode="bilinear")[:, :, None].expand(-1, -1, 8, -1, -1)
    torch.testing.assert_close(known, net.front(film).mean(dim=(2, 3, 4)))


def test_it_stays_at_rest_while_the_others_learn() -> None:
    front = params()
    net = network(foreign(front), front=front).train()
    assert net.encoder.training
    assert not net.front.training
    assert not net.teacher.training
    assert not any(weight.requires_grad for weight in net.teacher.parameters())


def test_both_encoders_share_it_and_it_is_kept_once() -> None:
    front = params()
    net = network(foreign(front), front=front)
    kept = [name for name, value in net.state_dict().items() if value.shape == (5, 3, 3, 9, 9)]
    assert kept == ["front.network.stem.0.weight"]


def test_a_network_of_pictures_is_none_of_films() -> None:
    front = foreign(FrontParams(network=f"{HERE}:of_pictures", layer="0"))
    with pytest.raises(ParamsError, match="cannot look at films") as error:
        front(FILMS)
    assert "(n, 3, T, H, W)" in error.value.fix
