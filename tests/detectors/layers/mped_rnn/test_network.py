"""The network against plain recomputations with the same weights, and the order of what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from stages.detectors.layers.mped_rnn.network import Branches, Decoder, MpedRnn
from tests.detectors.layers.mped_rnn.models import network, scaled

Doubles = NDArray[np.float64]


def size(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_the_number_of_parameters_is_as_counted_by_hand() -> None:
    """V = 17, G = 8, L = 16. A GRU cell of I inputs and H numbers has 3 H (I + H + 2)."""
    messages = (16 * 8 + 8) + (8 * 68 + 68)  # ReLU layers of 8 and 68 units, the published sizes
    encoder = 3 * 8 * (4 + 8 + 8 + 2) + 3 * 16 * (34 + 68 + 16 + 2) + messages
    decoder = 3 * 8 * (8 + 8 + 2) + 3 * 16 * (68 + 16 + 2) + messages + (8 * 4 + 4) + (16 * 34 + 34)
    model = network(joints=17)
    assert (encoder, decoder) == (7036, 5922)
    assert size(model.encoder) == encoder
    assert size(model) == encoder + 2 * decoder == 18880


def test_each_timescale_has_a_decoder_of_its_own() -> None:
    one, three = network(joints=17), network(joints=17, timescales=(1, 2, 4))
    assert size(three) - size(one) == 2 * 5922


def arrays(module: nn.Module) -> dict[str, Doubles]:
    return {name: weight.detach().numpy() for name, weight in module.named_parameters()}


def gru(of: dict[str, Doubles], cell: str, x: Doubles, h: Doubles) -> Doubles:
    """Cho et al., 2014, with the reset gate after the product, as in Keras and cuDNN."""
    given = x @ of[f"{cell}.weight_ih"].T + of[f"{cell}.bias_ih"]
    kept = h @ of[f"{cell}.weight_hh"].T + of[f"{cell}.bias_hh"]
    (gr, gz, gn), (kr, kz, kn) = np.split(given, 3, axis=1), np.split(kept, 3, axis=1)
    reset, update = 1 / (1 + np.exp(-gr - kr)), 1 / (1 + np.exp(-gz - kz))
    return np.asarray((1 - update) * np.tanh(gn + reset * kn) + update * h)


def step(branches: Branches, g: Doubles, local: Doubles, *read: Doubles) -> tuple[Doubles, Doubles]:
    """One step of both branches, from the paper's section 3.2."""
    of = arrays(branches)
    to_global = np.maximum(0, local @ of["to_global.weight"].T + of["to_global.bias"])
    to_local = np.maximum(0, g @ of["to_local.weight"].T + of["to_local.bias"])
    if read:
        to_global, to_local = np.hstack([read[0], to_global]), np.hstack([read[1], to_local])
    return gru(of, "of_global", to_global, g), gru(of, "of_local", to_local, local)


def said(decoder: Decoder, g: Doubles, local: Doubles, steps: int) -> tuple[list[Doubles], list[Doubles]]:
    """Boxes and joints, flat, that a decoder says one after the other."""
    of, boxes, joints = arrays(decoder), [], []
    for _ in range(steps):
        g, local = step(decoder.branches, g, local)
        boxes.append(g @ of["box.weight"].T + of["box.bias"])
        joints.append(local @ of["local.weight"].T + of["local.bias"])
    return boxes, joints


def read_by(model: MpedRnn, box: Doubles, local: Doubles) -> list[tuple[Doubles, Doubles]]:
    """The encoder's states before the first sample and after each."""
    states = [(np.zeros((len(box), 8)), np.zeros((len(box), 16)))]
    for sample in range(model.plan.read):
        states.append(step(model.encoder, *states[-1], box[:, sample], local[:, sample].reshape(len(box), -1)))
    return states


def test_the_network_is_what_the_equations_say() -> None:
    model, (box, local) = network(), scaled()
    reconstructed, predicted = model(box, local)
    last = read_by(model, box.numpy(), local.numpy())[6]
    boxes, joints = said(model.reconstruct, *last, 6)
    # The reconstruction is said from the last sample to the first.
    np.testing.assert_allclose(reconstructed.box.detach(), np.stack(boxes[::-1], axis=1), atol=1e-10)
    np.testing.assert_allclose(reconstructed.local.detach().flatten(2), np.stack(joints[::-1], axis=1), atol=1e-10)
    (decoder,) = model.predict
    assert isinstance(decoder, Decoder)
    boxes, joints = said(decoder, *last, 2)
    np.testing.assert_allclose(predicted.box.detach(), np.stack(boxes, axis=1), atol=1e-10)
    np.testing.assert_allclose(predicted.local.detach().flatten(2), np.stack(joints, axis=1), atol=1e-10)
    assert [(each.span.start, each.span.stop) for each in (reconstructed, predicted)] == [(0, 6), (6, 8)]


def test_a_timescale_predicts_from_where_it_has_read_to() -> None:
    model, (box, local) = network(timescales=(2, 3)), scaled()
    _, of_two, of_three = model(box, local)
    states = read_by(model, box.numpy(), local.numpy())
    first, second = model.predict
    assert isinstance(first, Decoder)
    assert isinstance(second, Decoder)
    boxes = [box for start in (2, 4, 6) for box in said(first, *states[start], 2)[0]]
    np.testing.assert_allclose(of_two.box.detach(), np.stack(boxes, axis=1), atol=1e-10)
    np.testing.assert_allclose(of_three.box.detach(), np.stack(said(second, *states[3], 3)[0], axis=1), atol=1e-10)
    assert [(each.span.start, each.span.stop) for each in (of_two, of_three)] == [(2, 8), (3, 6)]


def test_predictions_do_not_see_what_they_predict() -> None:
    model, (box, local) = network(), scaled()
    before = model(box, local)
    box[:, 6:], local[:, 6:] = 99.0, 99.0
    for each, again in zip(before, model(box, local), strict=True):
        assert torch.equal(each.places, again.places)


def test_places_are_the_two_branches_put_together_in_the_windows_own_unit() -> None:
    model, (box, local) = network(), scaled()
    model.box_scaler.centre.copy_(torch.tensor([500.0, 300.0, 40.0, 100.0]))
    model.box_scaler.scale.copy_(torch.tensor([200.0, 100.0, 5.0, 10.0]))
    model.local_scaler.scale.fill_(0.5)
    each = model(box, local)[0]
    x, y, wide, high = (each.box * model.box_scaler.scale + model.box_scaler.centre).unbind(2)
    wanted = torch.stack([x[..., None] + 0.5 * each.local[:, :, 0] * wide[..., None],
                          y[..., None] + 0.5 * each.local[:, :, 1] * high[..., None]], dim=2)  # fmt: skip
    torch.testing.assert_close(each.places, wanted)


@pytest.mark.parametrize("message", ["to_global", "to_local"])
@pytest.mark.parametrize("where", ["encoder", "reconstruct.branches", "predict.0.branches"])
def test_every_message_matters(message: str, where: str) -> None:
    model, (box, local) = network(), scaled()
    before = model(box, local)
    with torch.no_grad():
        for weight in model.get_submodule(f"{where}.{message}").parameters():
            weight.zero_()
    changed = [not torch.allclose(a.places, b.places) for a, b in zip(before, model(box, local), strict=True)]
    assert changed == [where != "predict.0.branches", where != "reconstruct.branches"]


def test_without_messages_a_branch_knows_nothing_of_the_other() -> None:
    model, (box, local) = network(), scaled()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".to_" in name:
                weight.zero_()
    before, after = model(box, local), model(box, local + 1)
    for each, again in zip(before, after, strict=True):
        assert torch.equal(each.box, again.box)
        assert not torch.allclose(each.local, again.local)
