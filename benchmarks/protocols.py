"""What each rule of aggregation does, on smoothings' responses and on made-up scores over real masks.

    python -m benchmarks.protocols responses
    python -m benchmarks.protocols rules MASKS.npz [--normal-is-1]
    python -m benchmarks.protocols speed MASKS.npz [--normal-is-1]

`responses` needs no data: how long each smoothing lasts and what it leaves of a short peak. `rules` changes one rule of
the default at a time, and shows each published protocol, on made-up scores of a data set whose masks (clip name →
label of each frame) are real: AUC raw and smoothed, the share of abnormal frames that carry a score, the share of
abnormal runs of frames that are found when 1 % of the normal frames raise an alarm, and the median time from the
beginning of such a run to its first alarm. The scores are made up so that no rule is chosen by what it does for a
detector. `speed` takes 300,000 windows through each protocol.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.seeding import stream
from stages.evaluation.aggregate import aggregate
from stages.evaluation.metrics import frame_metrics
from stages.evaluation.protocol import PRESETS, Rules
from stages.evaluation.smoothing import SmoothingParams, smooth

Floats = NDArray[np.float64]
Masks = Mapping[str, NDArray[np.bool_]]

FPS = 24.0
WINDOW = 24
"""Frames of a made-up window: one second."""

STRENGTH = 2.0
"""How far a window that is all abnormal lies above a normal one, in deviations of the noise."""

MARGINS = (0, 6, 12, 48)
"""Frames that an abnormal person is seen before and after what the mask calls abnormal."""

STAY = 144
"""Mean frames that a normal person stays in sight; one comes every 80 frames."""

DRAWS = 5
FALSE = 0.01


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["responses", "rules", "speed"])
    parser.add_argument("masks", type=Path, nargs="?")
    parser.add_argument("--normal-is-1", action="store_true")
    args = parser.parse_args()
    if args.what == "responses":
        responses()
        return
    with np.load(args.masks) as file:
        masks = {name: (file[name] == 1) != args.normal_is_1 for name in sorted(file)}
    {"rules": effects, "speed": speed}[args.what](masks)


def responses() -> None:
    """One row per smoothing and frame rate."""
    print("smoothing         frames/s  deviation  reach   leaves of a peak of one frame   of 0.2 s   of 1 s")
    smoothings = {
        "cascade": SmoothingParams(kind="cascade"),
        "Gaussian 0.4 s": SmoothingParams(seconds=0.4),
        "Gaussian 40 frames": SmoothingParams(frames=40),
        "mean of 43 frames": SmoothingParams(kind="moving_average", frames=43),
    }
    for name, params in smoothings.items():
        for fps in (10.0, 24.0, 30.0):
            kernel, offsets = smooth(_peak(1), fps, params), (np.arange(2001) - 1000) / fps
            deviation, reach = np.sqrt((kernel * offsets**2).sum()), offsets[np.flatnonzero(kernel > 1e-12)[-1]]
            left = [smooth(_peak(max(1, round(width * fps))), fps, params).max() for width in (0, 0.2, 1)]
            shares = "   ".join(f"{share:6.1%}" for share in left)
            print(f"{name:<18} {fps:7.0f}  {deviation:7.2f} s  {reach:5.2f} s  {shares}")


def effects(masks: Masks) -> None:
    """One row per landing and margin, then one per set of rules at a margin of half a window."""
    _describe(masks)
    clips = clips_of(masks)
    print(f"{'rules':<28} AUC raw        smoothed       abnormal frames scored  runs found  delay")
    for margin in MARGINS:
        scores = made_up(masks, margin)
        for landing in ("start", "centre", "all_mean", "all_max"):
            rules = Rules.model_validate({"landing": landing})
            _print(f"{landing}, seen {margin} frames more", aggregate(scores, clips, rules), masks)
    scores = made_up(masks, WINDOW // 2)
    for name, rules in choices().items():
        _print(name, aggregate(scores, clips, rules), masks)


def _print(name: str, frames: pd.DataFrame, masks: Masks) -> None:
    found = [_figures(rows, masks) for _, rows in frames.groupby("seed")]
    mean, deviation = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
    aucs = "  ".join(f"{mean[place]:.3f} ± {deviation[place]:.3f}" for place in (0, 1))
    print(f"{name:<28} {aucs}  {mean[2]:10.1%}  {mean[3]:18.1%}  {mean[4]:7.2f} s")


def choices() -> dict[str, Rules]:
    """The default, each single change of it, and the published protocols."""
    single: dict[str, dict[str, Any]] = {
        "default": {},
        **{f"nobody {name}": {"nobody": name} for name in ("clip_lowest", "zero")},
        **{f"normalization {name}": {"normalization": name} for name in ("clip", "split")},
        **{f"Gaussian {width:g} s": {"smoothing": {"seconds": width}} for width in (0.1, 0.2, 0.8, 1.6, 3.2)},
        "cascade": {"smoothing": {"kind": "cascade"}},
        "mean of 1 s": {"smoothing": {"kind": "moving_average", "seconds": 1.0}},
        "median of 1 s": {"smoothing": {"kind": "median", "seconds": 1.0}},
    }
    changed = {name: Rules.model_validate(rules) for name, rules in single.items()}
    return changed | {f"protocol {name}": rules for name, rules in PRESETS.items() if name != "normotion"}


def made_up(masks: Masks, margin: int) -> pd.DataFrame:
    """SCORES of people who come and go, and of one more around each abnormal run of frames; a draw for each seed.

    Args:
        masks: True where abnormal.
        margin: frames that an abnormal person is seen before and after what the mask calls abnormal.
    """
    pieces = []
    for draw in range(DRAWS):
        random = stream(draw, "made-up people")
        for clip, mask in masks.items():
            for track, (first, stop, abnormal) in enumerate(_people(mask, random, margin)):
                pieces.append((clip, track, first, draw, _windows(mask[first:stop] & abnormal, random)))
    count = [len(piece[-1]) for piece in pieces]
    named = {name: np.repeat([piece[place] for piece in pieces], count) for place, name in
             enumerate(("clip", "track", "first", "seed"))}  # fmt: skip
    place = np.concatenate([np.arange(one) for one in count])
    score = np.concatenate([piece[-1] for piece in pieces]).astype(np.float32)
    frame = pd.DataFrame({**named, "start_frame": (named["first"] + place).astype(np.float64), "score": score})
    return frame.assign(step=1.0, length=WINDOW, part="score", frame=pd.array([None] * len(frame), dtype="Int32"))


def clips_of(masks: Masks) -> pd.DataFrame:
    """`clip`, `frames`, `fps`."""
    return pd.DataFrame({"clip": list(masks), "frames": [len(mask) for mask in masks.values()], "fps": FPS})


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame of each abnormal run, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def speed(masks: Masks, windows: int = 300_000) -> None:
    """Seconds of one seed, best of three, through each protocol."""
    random, clips = stream(0, "speed"), clips_of(masks)
    lengths = clips["frames"].to_numpy()
    clip = random.choice(len(clips), windows, p=lengths / lengths.sum())
    start = np.floor(random.random(windows) * (lengths[clip] - WINDOW))
    scores = pd.DataFrame({"clip": clips["clip"].to_numpy()[clip], "start_frame": start, "seed": 0, "part": "score"})
    scores = scores.assign(
        track=random.integers(0, 20, windows), step=1.0, length=WINDOW, score=random.normal(size=windows)
    )
    scores = scores.assign(frame=pd.array([None] * windows, dtype="Int32"))
    print(f"{lengths.sum():,} frames, {windows:,} windows of {WINDOW} frames")
    for name, rules in PRESETS.items():
        print(f"{name:<10} {min(_seconds(scores, clips, rules) for _ in range(3)):5.2f} s")


def _seconds(scores: pd.DataFrame, clips: pd.DataFrame, rules: Rules) -> float:
    start = time.perf_counter()
    aggregate(scores, clips, rules)
    return time.perf_counter() - start


def _peak(width: int) -> Floats:
    """0, and 1 in the middle `width` of 2001 frames."""
    peak, first = np.zeros(2001), 1000 - width // 2
    peak[first : first + width] = 1
    return peak


def _describe(masks: Masks) -> None:
    seconds = np.array([stop - first for mask in masks.values() for first, stop in runs(mask)]) / FPS
    shares = ", ".join(f"{(seconds < limit).mean():.0%} below {limit} s" for limit in (1, 2, 4))
    frames = sum(len(mask) for mask in masks.values())
    print(
        f"{len(masks)} clips, {frames:,} frames, {len(seconds)} abnormal runs of {np.median(seconds):.1f} s, {shares}"
    )


def _people(mask: NDArray[np.bool_], random: np.random.Generator, margin: int) -> list[tuple[int, int, bool]]:
    """First frame, the one after the last, and whether what the mask calls abnormal is of this person."""
    frames = len(mask)
    coming = random.integers(0, frames, random.poisson(frames / 80))
    normal = [(int(first), min(frames, int(first + random.exponential(STAY))), False) for first in coming]
    abnormal = [(max(0, first - margin), min(frames, stop + margin), True) for first, stop in runs(mask)]
    return [person for person in normal + abnormal if person[1] - person[0] >= WINDOW]


def _windows(abnormal: NDArray[np.bool_], random: np.random.Generator) -> Floats:
    """Scores of a person's windows: share of abnormal frames, own level, and noise that overlapping windows share."""
    noise = np.convolve(random.normal(size=len(abnormal)), np.ones(WINDOW), mode="valid") / np.sqrt(WINDOW)
    share = np.convolve(abnormal, np.ones(WINDOW), mode="valid") / WINDOW
    return np.asarray(10 + STRENGTH * share + 0.5 * random.normal() + noise)


def _figures(frames: pd.DataFrame, masks: Masks) -> list[float]:
    """AUC raw and smoothed, shares of abnormal frames scored and of runs found, median seconds to the first alarm."""
    labels = np.concatenate(list(masks.values()))
    aucs = [frame_metrics(labels.astype(float), frames[kind], frames["clip"]).auc for kind in ("raw", "smoothed")]
    smoothed = frames["smoothed"].to_numpy(dtype=np.float64)
    alarm = smoothed > np.quantile(smoothed[~labels], 1 - FALSE)
    events = [alarm[first:stop] for first, stop in runs(labels)]
    delays = [int(event.argmax()) / FPS for event in events if event.any()]
    scored = float(frames["scored"].to_numpy()[labels].mean())
    return [*(float(auc or np.nan) for auc in aucs), scored, len(delays) / len(events), float(np.median(delays))]


if __name__ == "__main__":
    main()
