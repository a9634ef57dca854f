"""Identities: the true ones, but for switches where people meet and for those who come back."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.detection import Detections, detect
from stages.simulation.identities import identities
from stages.simulation.noise import NoiseParams
from stages.simulation.observation import View, observe
from tests.simulation.figures import actor, take

FRAMES = 3000
ALL = NoiseParams(missed=0.0, missed_hidden=0.0, missed_small=0.0, limit=1.0, false=0.0)
"""Everybody in view is detected."""


def view(*spots: tuple[float, float], frames: int = FRAMES) -> View:
    return observe(take([actor(10 * (index + 1), spot, frames) for index, spot in enumerate(spots)], frames))


def without(found: Detections, gone: np.ndarray) -> Detections:
    """The same with some rows taken out."""
    keep = ~gone
    return Detections(
        found.frames[keep], found.people[keep], found.keypoints[keep], found.boxes[keep], found.scores[keep]
    )


def test_people_apart_keep_their_true_identities() -> None:
    seen = view((-2.0, 0.0), (2.0, 0.0))
    found = detect(seen, ALL)
    names = identities(seen, found, ALL)
    np.testing.assert_array_equal(names, np.array([10, 20])[found.people])


def test_people_who_overlap_exchange_identities_as_often_as_stated() -> None:
    seen = view((0.0, 0.0), (0.2, 1.0))
    found = detect(seen, ALL)
    names = identities(seen, found, ALL).reshape(FRAMES, 2)
    assert (np.sort(names, axis=1) == (10, 20)).all()  # exchanged, never shared or lost
    switches = (np.diff(names[:, 0]) != 0).sum() / (FRAMES / 15)
    assert switches == pytest.approx(0.3, abs=0.12)  # 60 expected in 200 s, ± 3 standard deviations


def test_without_noise_identities_are_true() -> None:
    seen = view((0.0, 0.0), (0.2, 1.0))
    calm = NoiseParams(level=0.0)
    found = detect(seen, calm)
    np.testing.assert_array_equal(identities(seen, found, calm), np.array([10, 20])[found.people])


@pytest.mark.parametrize(("gap", "same"), [(14, True), (15, False), (40, False)])
def test_who_was_gone_for_a_second_comes_back_as_somebody_else(gap: int, same: bool) -> None:
    seen = view((0.0, 0.0), frames=100)
    found = detect(seen, ALL)
    kept = without(found, (found.frames >= 30) & (found.frames < 30 + gap))
    names = identities(seen, kept, ALL)
    assert (names[kept.frames < 30] == 10).all()
    assert (names[kept.frames >= 30 + gap] == 10).all() == same
    assert len(set(names.tolist())) == (1 if same else 2)


def test_who_comes_first_late_keeps_the_true_identity() -> None:
    seen = observe(take([actor(7, (0.0, 0.0), 30, start=50)], 100))
    found = detect(seen, ALL)
    assert set(identities(seen, found, ALL).tolist()) == {7}


def test_false_people_have_an_identity_per_spot_that_nobody_else_has() -> None:
    noise = NoiseParams(false=1.0)
    seen = view((-2.0, 0.0), (2.0, 0.0))
    found = detect(seen, noise)
    names = identities(seen, found, noise)
    false = found.people < 0
    assert len(set(names[false].tolist())) == 3
    assert not set(names[false].tolist()) & set(names[~false].tolist())
    pairs = set(zip(found.frames.tolist(), names.tolist(), strict=True))
    assert len(pairs) == len(names)  # nobody twice in a frame


def test_a_clip_without_people() -> None:
    seen = observe(take([], 60))
    found = detect(seen, NoiseParams(false=0.0))
    assert identities(seen, found, NoiseParams()).shape == (0,)
