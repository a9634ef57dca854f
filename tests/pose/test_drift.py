"""Drift: people alike are not told apart, others are; figures against values computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from stages.core.schemas import Rows
from stages.pose.drift import Sample, compare, join, sample

CLIP = pd.Series({"clip": "a", "fps": 10.0, "height": 200.0, "frames": 100})


def walk(track: int, start: int, frames: int, speed: float, height: float, confidence: float) -> Rows:
    """Somebody who walks to the right; speed in body heights per second."""
    number = np.arange(frames)
    table = pd.DataFrame(
        {
            "clip": "a", "frame": start + number, "track": track, "x": number * speed * height / 10, "y": 5.0,
            "w": height / 3, "h": height, "score": 1.0,
        }
    )  # fmt: skip
    return Rows(table, values=np.full((frames, 17, 3), confidence, dtype=np.float32))


def test_figures_of_a_track_by_hand() -> None:
    found = sample(CLIP, [walk(1, 0, 20, 0.5, 50, 0.8), walk(2, 50, 10, 2.0, 100, 0.4)])
    assert_allclose(found.speed, [0.5, 2.0])
    assert_allclose(found.height, [0.25, 0.5])
    assert_allclose(found.confidence, [0.8, 0.4], rtol=1e-6)
    assert_allclose(found.coverage, [20 / 50, 10 / 50])


def test_a_gap_in_a_track_is_no_sprint() -> None:
    rows = walk(1, 0, 20, 0.5, 50, 0.8)
    holes = Rows(rows.frame.drop(index=[5, 6, 7]), values=rows.arrays[[*range(5), *range(8, 20)]])
    assert_allclose(sample(CLIP, [holes]).speed, [0.5])


def test_nobody_and_a_moment_are_no_obstacle() -> None:
    empty = sample(CLIP, [])
    assert [len(values) for values in (empty.confidence, empty.speed, empty.coverage)] == [0, 0, 2]
    assert len(sample(CLIP, [walk(1, 0, 1, 0.5, 50, 0.8)]).speed) == 0


def draw(seed: int, tracks: int, speed: float = 1.0) -> Sample:
    generator = np.random.default_rng(seed)
    values = generator.uniform(size=(3, tracks))
    return Sample(values[0], generator.lognormal(np.log(speed), 0.3, tracks), values[1], values[2])


def test_the_test_is_scipys_with_holms_correction() -> None:
    before, now = draw(0, 200), draw(1, 60, speed=1.2)
    found = compare(before, now)
    plain = {
        name: stats.ks_2samp(getattr(before, name), getattr(now, name))
        for name in ("confidence", "speed", "height", "coverage")
    }
    smallest = min(plain, key=lambda name: plain[name].pvalue)
    for name, shift in found.items():
        assert shift.statistic == plain[name].statistic
        assert shift.p >= plain[name].pvalue
    assert found[smallest].p == pytest.approx(min(1, 4 * plain[smallest].pvalue))
    in_order = [found[name].p for name in sorted(plain, key=lambda name: plain[name].pvalue)]
    assert in_order == sorted(in_order)


def test_alike_stays_quiet_and_other_does_not() -> None:
    quiet = [min(shift.p for shift in compare(draw(2 * n, 150), draw(2 * n + 1, 50)).values()) for n in range(60)]
    assert np.mean(np.array(quiet) < 0.05) < 0.15  # Holm holds the family's error at 0.05
    assert compare(draw(0, 150), draw(1, 50, speed=2.0))["speed"].p < 1e-6


def test_too_few_say_nothing() -> None:
    assert compare(draw(0, 100), draw(1, 7)) == {}
    assert compare(draw(0, 100), join([])) == {}
