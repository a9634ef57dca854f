"""What MPED-RNN learns from, when it stops, and what is wrong with each sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.mped_rnn.features import Features
from stages.detectors.layers.mped_rnn.network import Decoded, MpedRnn, build
from stages.detectors.layers.mped_rnn.training import mean_loss, sample_errors, tensor, train, window_loss
from tests.detectors.gait import Floats, walkers
from tests.detectors.layers.mped_rnn.models import in_pixels, params, people, small, with_garbage


def fresh(data: Windows, **changes: Any) -> MpedRnn:
    """Not trained, with scalers that fit the data."""
    network = build(Form.of(data), small(**changes), 0)
    network.fit_scalers(Features.of(tensor(data.poses)))
    return network


def said(network: MpedRnn, data: Windows) -> tuple[Features, list[Decoded]]:
    features = Features.of(tensor(data.poses))
    with torch.no_grad():
        return features, network(*network.scaled(features))


def off(features: Features, each: Decoded, window: int, sample: int) -> Floats:
    """Squared distances of one window's seen joints, x and y, in what a decoder says of a sample of its span."""
    seen = features.seen[window, each.first + sample]
    wanted = features.places[window, each.first + sample]
    return np.asarray(((each.places[window, sample] - wanted)[:, seen] ** 2).numpy())


def test_the_loss_is_the_six_masked_errors() -> None:
    data = people(6)
    network, chosen = fresh(data), params(global_weight=2.0, local_weight=3.0, perceptual_weight=5.0)
    features, both = said(network, data)
    box, local = (part.numpy() for part in network.scaled(features))
    scale, seen, total = network.places_scaler.scale.numpy(), features.seen.numpy(), 0.0
    for each in both:
        mask = np.repeat(seen[:, each.span, None], 2, axis=2)
        places = (each.places - features.places[:, each.span]).numpy() / scale
        total += 5 * (places[mask] ** 2).mean()
        total += 3 * ((each.local.numpy() - local[:, each.span])[mask] ** 2).mean()
        total += 2 * ((each.box.numpy() - box[:, each.span])[seen[:, each.span].any(2)] ** 2).mean()
    assert window_loss(network, features, chosen).item() == pytest.approx(total, rel=1e-5)


def test_a_sample_is_as_wrong_as_what_is_said_of_its_seen_joints() -> None:
    data = people(4)
    network = fresh(data)
    features, (reconstructed, predicted) = said(network, data)
    errors = sample_errors(network, data.poses, "both")
    assert errors.shape == (4, 8)
    for window in range(4):
        wanted = [off(features, reconstructed, window, sample).mean() for sample in range(6)]
        wanted += [off(features, predicted, window, sample).mean() for sample in range(2)]
        np.testing.assert_allclose(errors[window], wanted, rtol=1e-4)


def test_one_kind_of_error_is_the_mean_over_the_samples_that_have_it() -> None:
    data = people(4)
    network = fresh(data)
    both = sample_errors(network, data.poses, "both")
    np.testing.assert_allclose(sample_errors(network, data.poses, "reconstruction"), both[:, :6].mean(1), rtol=1e-5)
    np.testing.assert_allclose(sample_errors(network, data.poses, "prediction"), both[:, 6:].mean(1), rtol=1e-5)


def test_with_timescales_a_sample_has_the_mean_of_all_that_is_said_of_it() -> None:
    data = people(3)
    network = fresh(data, timescales=(2, 3))
    features, (reconstructed, two, three) = said(network, data)
    errors = sample_errors(network, data.poses, "both")
    # The first is only reconstructed; the third is predicted from two that were read, the fourth also from three.
    for sample, sources in ((0, [(reconstructed, 0)]), (2, [(reconstructed, 2), (two, 0)]),
                            (3, [(reconstructed, 3), (two, 1), (three, 0)])):  # fmt: skip
        wanted = np.mean([off(features, each, 1, place).mean() for each, place in sources])
        assert errors[1, sample] == pytest.approx(wanted, rel=1e-4)
    # Nobody predicts the first two samples: the score of a window is the mean over the others.
    parts = [np.mean([off(features, two, 1, place).mean()]) for place in range(6)]
    parts[1:4] = [(parts[1 + place] + off(features, three, 1, place).mean()) / 2 for place in range(3)]
    assert sample_errors(network, data.poses, "prediction")[1] == pytest.approx(np.mean(parts), rel=1e-4)


def test_a_sample_in_which_nothing_is_seen_has_the_mean_of_the_others() -> None:
    data = people(3)
    data.poses[0, 2, 4] = 0
    errors = sample_errors(fresh(data), data.poses, "both")
    assert errors[0, 4] == pytest.approx(np.delete(errors[0], 4).mean(), rel=1e-5)


def test_a_window_in_which_nothing_is_seen_scores_zero() -> None:
    data = people(3)
    data.poses[0, 2] = 0
    network = fresh(data)
    assert (sample_errors(network, data.poses, "both")[0] == 0).all()
    assert sample_errors(network, data.poses, "prediction")[0] == 0


@pytest.mark.parametrize("value", [-1e6, float("nan")])
def test_missing_joints_change_neither_the_model_nor_a_score(value: float) -> None:
    clean, chosen = people(), small()
    garbage = with_garbage(clean, value)
    first, second = (build(Form.of(clean), chosen, 0) for _ in range(2))
    losses = [list(train(model, w.poses, chosen, 0, w.poses)) for model, w in ((first, clean), (second, garbage))]
    assert losses[0] == losses[1]
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name
    scores = [sample_errors(first, w.poses, "both") for w in (clean, garbage)]
    np.testing.assert_array_equal(scores[0], scores[1])


def test_a_handful_of_windows_is_learned_by_heart() -> None:
    data, chosen = in_pixels(walkers(4)), small(epochs=150, batch=4, learning_rate=2e-2)
    network = build(Form.of(data), chosen, 0)
    losses = [each["loss"] for each in train(network, data.poses, chosen, 0, None)]
    assert losses[-1] < 0.02 * losses[0]
    # The people are 80 to 160 px tall; what is said of a joint is off by one or two.
    assert np.sqrt(sample_errors(network, data.poses, "both").mean()) < 2


def test_held_out_windows_say_when_to_stop_and_what_to_keep() -> None:
    data = in_pixels(walkers(20))
    chosen = small(epochs=300, batch=4, learning_rate=5e-2, held_out=0.3, patience=2)
    network = build(Form.of(data), chosen, 0)
    losses = [each["held_out_loss"] for each in train(network, data.poses, chosen, 0, None)]
    assert len(losses) < 300
    assert int(np.argmin(losses)) == len(losses) - 3
    shuffled = torch.randperm(20, generator=torch.Generator().manual_seed(derive(0, "mped_rnn", "order")))
    assert mean_loss(network, tensor(data.poses)[shuffled[:6]], chosen) == min(losses)


def test_held_out_windows_leave_one_to_learn_from() -> None:
    data, chosen = in_pixels(walkers(2)), small(held_out=0.9, epochs=1)
    (losses,) = train(build(Form.of(data), chosen, 0), data.poses, chosen, 0, None)
    assert losses["loss"] > 0


def test_a_loss_that_is_no_number_is_refused_with_a_way_out() -> None:
    data, chosen = in_pixels(walkers(8)), small(learning_rate=1e30)
    with pytest.raises(TrainingError, match="the loss is") as caught:
        list(train(build(Form.of(data), chosen, 0), data.poses, chosen, 0, None))
    assert "learning_rate" in caught.value.fix


def test_mean_loss_does_not_change_what_it_looks_at() -> None:
    data = people(10)
    network = fresh(data)
    assert mean_loss(network, tensor(data.poses), small()) == mean_loss(network, tensor(data.poses), small())
    assert mean_loss(network, tensor(data.poses[:0]), small()) == 0
