"""Three clips under every published protocol, worked out by hand, and the reference figures of STG-NF's.

Windows of 4 samples, one per frame, at 10 frames/s.

    clip a, 3 frames: nobody.
    clip b, 6 frames: one person, one window: frames 1 … 4, score 4.
    clip c, 21 frames: two people. Person 0 has windows from frame 0, score 8, and from frame 2, score 2, which overlap
        on frames 2 and 3. Person 1 has one window from frame 1, score 6.

On all frames, overlapping windows by their mean: person 0 of c has 8 8 5 5 2 2, person 1 has . 6 6 6 6 . , so c has
8 8 6 6 6 2 and then nobody; b has . 4 4 4 4 . ; the lowest frame score is 2, in b alone 4.
On the middle frame, 2 after the first: b has 4 on frame 3; c has 8, 6, 2 on frames 2, 3, 4.
On the first frame + 17: b's falls on frame 18 of 6 and is lost; c has 8, 6, 2 on frames 17, 18, 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from stages.evaluation.aggregate import aggregate
from stages.evaluation.metrics import frame_metrics
from stages.evaluation.protocol import PRESETS, Rules
from stages.evaluation.smoothing import SmoothingParams
from tests.evaluation.windows import clips, row, table

Floats = NDArray[np.float64]

LENGTHS = {"a": 3, "b": 6, "c": 21}
SCORES = table(
    row(4, 1, clip="b"), row(8, 0, clip="c"), row(2, 2, clip="c"), row(6, 1, clip="c", track=1)
)  # fmt: skip

THIRD = 1 / 3
BY_HAND: dict[str, list[Sequence[float]]] = {
    # All frames; nobody has the lowest frame score, 2.
    "normotion": [[2] * 3, [2, 4, 4, 4, 4, 2], [8, 8, 6, 6, 6, 2] + [2] * 15],
    # Middle frame; nobody has the lowest frame score, 2.
    "stg_nf": [[2] * 3, [2, 2, 2, 4, 2, 2], [2, 2, 8, 6, 2] + [2] * 16],
    # First frame + 17; nobody has the lowest frame score, 2.
    "gepc": [[2] * 3, [2] * 6, [2] * 17 + [8, 6, 2, 2]],
    # All frames; nobody has the clip's lowest; then (x - 2) / 6 in c, and 0 in b and a, where all are equal.
    "itae": [[0] * 3, [0] * 6, [1, 1, 2 * THIRD, 2 * THIRD, 2 * THIRD, 0] + [0] * 15],
    # As STG-NF, then (x - 2) / 6 in all clips.
    "mgenet": [[0] * 3, [0, 0, 0, THIRD, 0, 0], [0, 0, 1, 2 * THIRD, 0] + [0] * 16],
    # All frames; nobody has 0.
    "mped_rnn": [[0] * 3, [0, 4, 4, 4, 4, 0], [8, 8, 6, 6, 6, 2] + [0] * 15],
}
DEVIATIONS: dict[str, list[float]] = {
    "normotion": [4.0],
    "stg_nf": [1, 2, 3, 4, 5, 6],
    "gepc": [40.0],
    "mgenet": [1, 2, 3, 4, 5, 6],
}
"""Of the Gaussians in a row, in frames: 0.4 s at 10 frames/s are 4."""


def blurred(scores: Sequence[float], deviation: float) -> Sequence[float]:
    """A Gaussian as a sum over mirrored frames, each written out."""
    around = range(-int(4 * deviation + 0.5), int(4 * deviation + 0.5) + 1)
    weights = [np.exp(-((offset / deviation) ** 2) / 2) for offset in around]
    twice = [*scores, *scores[::-1]]
    sums = [
        sum(weight * twice[(frame + offset) % len(twice)] for weight, offset in zip(weights, around, strict=True))
        for frame in range(len(scores))
    ]
    return [total / sum(weights) for total in sums]


def smoothed(scores: Sequence[float], deviations: Sequence[float]) -> Sequence[float]:
    for deviation in deviations:
        scores = blurred(scores, deviation)
    return scores


def judged(rules: Rules, column: str) -> Floats:
    return aggregate(SCORES, clips(**LENGTHS), rules)[column].to_numpy(dtype=np.float64)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_raw_scores_are_those_worked_out_by_hand(name: str) -> None:
    np.testing.assert_allclose(judged(PRESETS[name], "raw"), np.concatenate(BY_HAND[name]), atol=1e-12)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_smoothed_scores_are_the_sums_of_the_stated_gaussians(name: str) -> None:
    expected = [smoothed(clip, DEVIATIONS.get(name, [])) for clip in BY_HAND[name]]
    np.testing.assert_allclose(judged(PRESETS[name], "smoothed"), np.concatenate(expected), atol=1e-12)


@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(PRESETS), 2)))
def test_no_two_protocols_agree(one: str, other: str) -> None:
    for column in ("raw", "smoothed"):
        assert np.abs(judged(PRESETS[one], column) - judged(PRESETS[other], column)).max() > 0.1


@pytest.mark.parametrize(
    ("name", "auc"),
    [
        # Frames 0 to 4 of clip c are abnormal, 25 frames are not. 8 8 6 6 6 is above all of these.
        ("normotion", 1.0),
        ("mped_rnn", 1.0),
        ("itae", 1.0),
        # 2 2 8 6 2: twice above all 25, three times equal to 24 and below one: (2 + 3 × 12 / 25) / 5.
        ("stg_nf", 0.688),
        ("mgenet", 0.688),
        # 2 2 2 2 2: equal to 23, and below the 8 and 6 that were moved to frames 17 and 18: 23 / 2 / 25.
        ("gepc", 23 / 50),
    ],
)
def test_the_same_scores_have_another_auc_under_another_protocol(name: str, auc: float) -> None:
    labels = np.concatenate([[0] * 9, [1] * 5, [0] * 16])
    names = np.repeat(list(LENGTHS), list(LENGTHS.values()))
    assert frame_metrics(labels, judged(PRESETS[name], "raw"), names).auc == pytest.approx(auc)


def test_parts_of_itae_and_mgenet_are_fused_under_every_protocol() -> None:
    reconstruction = SCORES.assign(part="reconstruction")
    static = SCORES.assign(part="static", score=[1, 3, 5, 1])
    dynamic = SCORES.assign(part="dynamic", score=[0, 2, 4, 6])
    scores = pd.concat([reconstruction, static, dynamic])
    # Middle frames: static + dynamic is 1 in b, and 5, 7, 9 on frames 2, 3, 4 of c: 0 in b, and 0, 1/2, 1 in c.
    # R + 0.7 L is 4 in b, and 8, 6 + 0.35, 2 + 0.7 in c, of which the last is the lowest frame score.
    raw = aggregate(scores, clips(**LENGTHS), PRESETS["stg_nf"])["raw"].to_numpy(dtype=np.float64)
    assert raw[[6, 11, 12, 13]] == pytest.approx([4, 8, 6.35, 2.7])
    assert raw[0] == pytest.approx(2.7)
    # ITAE's own: overlapping windows of person 0 have static + dynamic 5, 5, 7, 7, 9, 9, person 1 has 7: 0 … 1 in c by
    # 5 and 9. R + 0.7 L: person 0 8, 8, 5.35, 5.35, 2.7, 2.7; person 1 6.35 on frames 1 to 4. The lowest is 2.7.
    own = aggregate(scores, clips(**LENGTHS), PRESETS["itae"])["raw"].to_numpy(dtype=np.float64)[9:]
    span = 8 - 2.7
    assert own[:6] == pytest.approx([1, 1, *[(6.35 - 2.7) / span] * 3, 0])
    assert own[6:].max() == 0


def published(shared: Path, frames: str) -> tuple[pd.DataFrame, Floats, Any]:
    """Frame scores of the reference windows by the preset, labels, and the reference itself."""
    with np.load(shared / "oracles" / "stgnf_scoring_oracle.npz") as file:
        oracle = dict(file)
    meta = oracle["meta"]
    names = [f"{scene:02d}_{clip:04d}" for scene, clip in meta[:, :2]]
    scores = pd.DataFrame(
        {
            "clip": names, "track": meta[:, 2], "start_frame": meta[:, 3].astype(float), "step": 1.0, "length": 24,
            "frame": pd.array([None] * len(meta), dtype="Int32"), "part": "score", "seed": 0,
            "score": -oracle["seg_scores"],
        }
    )  # fmt: skip
    dropped = ["01_0130", "01_0135", "01_0136", "06_0144", "06_0145", "12_0152"] if frames.endswith("HR") else []
    listed = [name for name in oracle["clip_names"].tolist() if name not in dropped]
    split = pd.DataFrame({"clip": listed, "frames": oracle[f"{frames}_lens"], "fps": 24.0})
    found = aggregate(scores[scores["clip"].isin(listed)], split, PRESETS["stg_nf"])
    return found, 1 - oracle[f"{frames}_gt_normal1"], oracle


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("frames", "smooth", "plain"),
    [
        ("ShanghaiTech", 0.5876480523808623, 0.5714483459650523),
        ("ShanghaiTech_HR", 0.5827940373808075, 0.5680607584774071),
    ],
)
def test_smoothing_alone_moves_the_auc_and_both_are_the_published(
    shared: Path, frames: str, smooth: float, plain: float
) -> None:
    found, labels, oracle = published(shared, frames)
    np.testing.assert_allclose(found["raw"], -oracle[f"{frames}_frame_raw"], atol=1e-12)
    np.testing.assert_allclose(found["smoothed"], -oracle[f"{frames}_frame_smoothed"], atol=1e-12)
    # Processors round differently: of frames that smoothing makes equal a few change places, 2.5e-9 of AUC each.
    assert frame_metrics(labels, found["smoothed"], found["clip"]).auc == pytest.approx(smooth, abs=1e-7)
    assert frame_metrics(labels, found["raw"], found["clip"]).auc == pytest.approx(plain, abs=1e-12)


def test_smoothing_helps_where_it_lasts_and_harms_where_it_is_short() -> None:
    """The same noisy scores, two kinds of event: one AUC rises with smoothing, the other falls."""
    frames, noise = 2000, np.random.default_rng(0).normal(size=2000)
    for lasting, change in ((100, 0.2), (2, -0.1)):
        labels = (np.arange(frames) % 200 < lasting).astype(np.float64)
        scores = table(*[row(2 * label + score, 0, frame=frame, length=1) for frame, (label, score) in
                         enumerate(zip(labels, noise, strict=True))])  # fmt: skip
        rules = Rules(smoothing=SmoothingParams(frames=10))
        found = aggregate(scores.assign(length=frames), clips(a=frames), rules)
        raw, smooth = (frame_metrics(labels, found[column], found["clip"]).auc for column in ("raw", "smoothed"))
        assert raw is not None
        assert smooth is not None
        assert (smooth - raw) / change > 0.3
