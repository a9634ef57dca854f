"""How long the bootstrap takes at ShanghaiTech's size, and what its intervals and p-values are worth.

    python -m benchmarks.bootstrap speed LABELS
    python -m benchmarks.bootstrap intervals
    python -m benchmarks.bootstrap leaderboard

`speed`: LABELS is an .npz with one array per test clip, 1 abnormal, 0 normal; scores are made up. Prints the seconds of
every step from frames to intervals, raw and smoothed, all figures, one seed.

`intervals`: clips are made up whose frames resemble one another: scores are a clip's own offset and a slow drift,
lifted in an abnormal stretch that two thirds of the clips hold. Prints, per number of clips, in which share of the
trials a 95 % interval of the AUC holds its true value: by drawing frames, by drawing clips, the latter corrected for
bias and acceleration (BCa; Efron 1987), and widened for few clips; their mean widths; how often two detectors, equally
good, are told apart at 5 %, without and with widening.

`leaderboard`: the same clips seen by six detectors, equally good, and a worse one. Prints in which share of the trials
the best of the six is told from any other, and from the worse one, by rule.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from stages.evaluation.comparison import against_best, paired
from stages.evaluation.ranking import FIGURES, Ranking
from stages.evaluation.uncertainty import BootstrapParams, Floats, Replicates, bootstrap, draw, interval, percentiles

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

EQUALS, WORSE, MANY = 6, 0.15, 10**9
PARAMS = BootstrapParams(least_clips=2)


def main() -> None:
    """One of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "intervals", "leaderboard"))
    parser.add_argument("labels", type=Path, nargs="?")
    parser.add_argument("--clips", type=int, nargs="+", default=[5, 8, 10, 20, 40, 107])
    parser.add_argument("--trials", type=int, default=300)
    args = parser.parse_args()
    if args.what == "speed":
        speed(args.labels)
    for clips in args.clips if args.what != "speed" else []:
        (intervals if args.what == "intervals" else leaderboard)(clips, args.trials)


def speed(labels: Path) -> None:
    """From frames to intervals, at the default parameters."""
    with np.load(labels) as file:
        truth = {name: file[name] == 1 for name in sorted(file.files)}
    generator, params = np.random.default_rng(0), BootstrapParams()
    raw = {name: generator.normal(size=len(each)) + each for name, each in truth.items()}
    smoothed = {name: gaussian_filter1d(each, 9.5) for name, each in raw.items()}
    clip = np.repeat(np.arange(len(truth)), [len(each) for each in truth.values()])
    print(f"{len(clip)} frames, {len(truth)} clips, {params.replicates} replicates")
    began = time.perf_counter()
    weights = draw(list(truth), params)
    print(f"  draws {time.perf_counter() - began:.2f} s")
    for kind, scores in (("raw", raw), ("smoothed", smoothed)):
        start = time.perf_counter()
        ranking = Ranking(np.concatenate(list(truth.values())), np.concatenate(list(scores.values())), clip, len(truth))
        found = bootstrap([ranking.figures], weights)
        ends = {name: interval(found[name], len(truth), params) for name in FIGURES}
        print(f"  {kind}, {len(ends)} figures {time.perf_counter() - start:.2f} s; interval of the AUC {ends['auc']}")
    print(f"  together {time.perf_counter() - began:.2f} s")


def made_up(clips: int, detectors: int, generator: np.random.Generator) -> tuple[Bools, Ints, Floats]:
    """Truth `(N,)`, clip of each frame and scores `(detectors, N)` of detectors that are equally good on average."""
    truths, scores = [], []
    for _ in range(clips):
        length = int(np.clip(generator.lognormal(5.2, 0.5), 60, 900))
        truth = np.zeros(length, dtype=bool)
        if generator.random() < 2 / 3:
            start, stop = np.sort(generator.integers(0, length + 1, size=2))
            truth[start:stop] = True
        offset = 0.6 * generator.normal() + 0.6 * generator.normal(size=(detectors, 1))
        drift = lfilter([np.sqrt(1 - 0.97**2)], [1, -0.97], generator.normal(size=(detectors, length)), axis=1)
        lift = 1.2 + 0.5 * generator.normal() + 0.3 * generator.normal(size=(detectors, 1))
        truths.append(truth)
        scores.append(offset + drift + lift * truth)
    clip = np.repeat(np.arange(clips, dtype=np.int64), [len(each) for each in truths])
    return np.concatenate(truths), clip, np.concatenate(scores, axis=1)


@cache
def true_area() -> float:
    """AUC of very many clips."""
    truth, clip, scores = made_up(4000, 1, np.random.default_rng(1))
    return float(Ranking(truth, scores[0], clip, 4000).auc(np.ones((1, 4000)))[0])


def trials(clips: int, detectors: int, count: int) -> Iterator[tuple[list[Ranking], list[Floats], Floats]]:
    """Per detector its ranking and replicates of the AUC by drawing clips, and the first's by drawing frames."""
    generator = np.random.default_rng(clips)
    names = [f"{place:04d}" for place in range(clips)]
    for trial in range(count):
        truth, clip, scores = made_up(clips, detectors, generator)
        weights = draw(names, PARAMS.model_copy(update={"seed": trial}))
        rankings = [Ranking(truth, each, clip, clips) for each in scores]
        areas = [ranking.auc(weights) for ranking in rankings]
        if interval(areas[0], clips, PARAMS) is not None:  # else nearly all clips are of one class
            yield rankings, areas, by_frames(truth, scores[0])


def by_frames(truth: Bools, scores: Floats) -> Floats:
    """Replicates of the AUC by drawing frames, the abnormal and the normal ones apart, 200 of them."""
    generator, found = np.random.default_rng(0), np.empty(200)
    order = np.argsort(scores)
    for place in range(200):
        weight = np.bincount(generator.integers(0, len(truth), len(truth)), minlength=len(truth))[order]
        hit, miss = weight * truth[order], weight * ~truth[order]
        found[place] = (hit * np.cumsum(miss)).sum() / (hit.sum() * miss.sum())
    return found


def accelerated(ranking: Ranking, replicates: Floats) -> tuple[float, float]:
    """BCa interval of the AUC at 95 %, its acceleration by leaving out one clip at a time."""
    known = replicates[~np.isnan(replicates)]
    without = ranking.auc(1 - np.eye(ranking.clips))
    pull = np.nanmean(without) - without[~np.isnan(without)]
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    below = float((known < ranking.auc(np.ones((1, ranking.clips)))).mean())
    bias = ndtri(np.clip(below, 0.001, 0.999))
    ends = bias + ndtri(np.array([0.025, 0.975]))
    low, high = np.quantile(known, ndtr(bias + ends / (1 - acceleration * ends)))
    return float(low), float(high)


def intervals(clips: int, count: int) -> None:
    """One row of the table of coverage."""
    area, held, width, told = true_area(), np.zeros(4), np.zeros(4), np.zeros(2)
    done = 0
    for rankings, (first, second), frames in trials(clips, 2, count):
        done += 1
        found = (
            percentiles(frames, MANY, 0.95),
            percentiles(first, MANY, 0.95),
            accelerated(rankings[0], first),
            percentiles(first, clips, 0.95),
        )
        held += [low <= area <= high for low, high in found]
        width += [high - low for low, high in found]
        for place, number in enumerate((MANY, clips)):
            pair = [Replicates({"auc": each}, number, "") for each in (first, second)]
            compared = paired(pair[0], pair[1], "auc")
            told[place] += compared is not None and compared.p < 0.05
    shown = ", ".join(
        f"{name} {share:.1%} (width {mean:.3f})"
        for name, share, mean in zip(("frames", "clips", "BCa", "widened"), held / done, width / done, strict=True)
    )
    print(f"{clips:4d} clips, {done} trials: {shown}; equals told apart {told[0] / done:.1%}, {told[1] / done:.1%}")


def leaderboard(clips: int, count: int) -> None:
    """One row of the table of errors of the leaderboard's mark."""
    told = {rule: np.zeros(2) for rule in ("pairs alone", "Holm", "largest difference")}
    done = 0
    for _, areas, _ in trials(clips, EQUALS + 1, count):
        done += 1
        areas[-1] = areas[-1] - WORSE
        order = sorted(range(EQUALS), key=lambda entry: -float(np.nanmean(areas[entry])))
        best, *others = (Replicates({"auc": areas[entry]}, clips, "") for entry in (*order, EQUALS))
        entries = {str(place): other for place, other in enumerate(others)}
        pairs = [paired(best, other, "auc") for other in others]
        alone, largest = (
            np.array([1.0 if each is None else each.p for each in found])
            for found in (pairs, against_best(best, entries, "auc").values())
        )
        for rule, p in zip(told, (alone, holm(alone), largest), strict=True):
            told[rule] += [(p[:-1] < 0.05).any(), p[-1] < 0.05]
    shown = "; ".join(f"{rule} {equal / done:.1%}, {worse / done:.1%}" for rule, (equal, worse) in told.items())
    print(f"{clips:4d} clips, {done} trials: any equal, the worse one told apart by {shown}")


def holm(p: Floats) -> Floats:
    """P-values `(comparisons,)` corrected for being several: Holm, Scandinavian Journal of Statistics 6, 1979."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


if __name__ == "__main__":
    main()
