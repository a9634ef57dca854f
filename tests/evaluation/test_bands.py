"""Bands of curves: the same draws as written out clip by clip, around the curve, and narrower with more clips."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.evaluation import bands as module
from stages.evaluation.bands import Bands, bands
from stages.evaluation.curves import Floats
from stages.evaluation.metrics import frame_metrics
from stages.evaluation.uncertainty import BootstrapParams, draw, percentiles

FEW = BootstrapParams(replicates=40, least_clips=2)


def footage(clips: int, seeds: int = 1, frames: int = 30, shift: float = 1.0) -> pd.DataFrame:
    """Frames of which the last third of each clip is abnormal and scores `shift` higher on average."""
    random = np.random.default_rng(3)
    rows = []
    for seed in range(seeds):
        for clip in range(clips):
            label = (np.arange(frames) >= 2 * frames // 3).astype(float)
            score = np.round(random.normal(size=frames) + shift * label + random.normal() / 2, 1)  # has equal scores
            rows.append(pd.DataFrame({"clip": f"c{clip:02d}", "seed": seed, "label": label, "smoothed": score}))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(raw=-table["smoothed"], label=table["label"].astype("Int8"))


def written_out(frames: pd.DataFrame, name: str, params: BootstrapParams) -> Floats:
    """Each draw's curve with its clips repeated as often as they were drawn, `(B, places)`."""
    along, read_off = {"roc": ("fpr", "tpr"), "pr": ("recall", "precision")}[name]
    names, grid = sorted(frames["clip"].unique()), np.linspace(0, 1, module.PLACES)
    found = []
    for weights in draw(names, params):
        times = dict(zip(names, weights.astype(int), strict=True))
        drawn = frames.loc[frames.index.repeat(frames["clip"].map(times))]
        curve = getattr(frame_metrics(drawn["label"], drawn["smoothed"], drawn["clip"]), name)
        found.append(np.interp(grid, curve[along], curve[read_off]))
    return np.array(found)


@pytest.mark.parametrize("name", ["roc", "pr"])
def test_a_band_lies_between_quantiles_of_clips_drawn_by_hand(name: str) -> None:
    frames = footage(6)
    band = bands(frames, FEW).curves[name]
    expected = written_out(frames, name, FEW)
    ends = np.array([percentiles(column, 6, FEW.confidence) for column in expected.T])
    np.testing.assert_allclose(band.low, ends[:, 0])
    np.testing.assert_allclose(band.high, ends[:, 1])


@pytest.mark.parametrize("name", ["roc", "pr"])
def test_the_curve_lies_in_its_band_which_more_clips_make_narrower(name: str) -> None:
    widths = []
    for clips in (10, 40):
        frames = footage(clips)
        band = bands(frames, BootstrapParams(replicates=300)).curves[name]
        along, read_off = {"roc": ("fpr", "tpr"), "pr": ("recall", "precision")}[name]
        curve = getattr(frame_metrics(frames["label"], frames["smoothed"], frames["clip"]), name)
        line = np.interp(band.along, curve[along], curve[read_off])
        inner = slice(2, -2)  # at its ends a curve is pinned or of a few frames
        assert (band.low[inner] <= line[inner] + 1e-9).all()
        assert (band.high[inner] >= line[inner] - 1e-9).all()
        widths.append(float(np.mean(band.high - band.low)))
    assert widths[1] < 0.7 * widths[0]


def test_of_several_seeds_the_mean_is_drawn() -> None:
    frames = footage(6, seeds=2)
    params = FEW
    both = np.mean([written_out(rows, "roc", params) for _, rows in frames.groupby("seed")], axis=0)
    low, _ = percentiles(both[:, 50], 6, params.confidence)
    assert bands(frames, params).curves["roc"].low[50] == pytest.approx(low)


def test_many_thresholds_are_thinned_to_what_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = footage(10, frames=300)
    frames["smoothed"] += np.random.default_rng(0).normal(size=len(frames)) / 100  # all scores differ
    fine = bands(frames, FEW).curves["roc"]
    monkeypatch.setattr(module, "THRESHOLDS", 500)
    coarse = bands(frames, FEW).curves["roc"]
    assert np.abs(fine.low - coarse.low).max() < 0.01
    assert fine.high[-1] == coarse.high[-1] == 1  # the lowest score is kept, which all frames reach


def test_frames_without_a_label_have_no_say() -> None:
    frames = footage(6)
    more = frames.iloc[:40].assign(label=pd.array([pd.NA] * 40, dtype="Int8"), smoothed=99.0)
    joined = pd.concat([frames, more], ignore_index=True)
    assert (bands(joined, FEW).curves["roc"].low == bands(frames, FEW).curves["roc"].low).all()


def test_the_other_column_gives_the_other_band() -> None:
    frames = footage(6)
    assert (bands(frames, FEW, "raw").curves["roc"].high[1:50] < bands(frames, FEW).curves["roc"].high[1:50]).all()


def test_too_few_clips_have_no_band_and_say_so() -> None:
    assert bands(footage(2), BootstrapParams()) == Bands(reason="2 clips are too few for an interval, which takes 10")


def test_clips_of_which_most_draws_hold_one_class_have_none() -> None:
    frames = footage(4)
    frames["label"] = frames["label"].where(frames["clip"] == "c00", 0)  # a third of all draws leave that one out
    assert "the figure is defined in" in bands(frames, BootstrapParams(least_clips=2)).reason


def test_nothing_scored_is_no_band() -> None:
    assert bands(footage(2).head(0), FEW).reason == "nothing was scored"


def test_frames_of_one_class_have_none() -> None:
    assert "0%" in bands(footage(4).assign(label=pd.array([0] * 120, dtype="Int8")), FEW).reason
