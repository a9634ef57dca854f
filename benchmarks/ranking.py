"""What a bootstrap over clips of every frame-level figure costs at ShanghaiTech's size.

    python -m benchmarks.ranking LABELS

LABELS is a folder with `shanghaitech_test_masks_abn1.npz`, one array of frame labels per clip. Scores are made up: all
different, or rounded so that many are equal, as where nobody is seen. Seconds are of the processor. The plain form has
scikit-learn compute two of the figures anew for each of a few replicates.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.evaluation.ranking import FIGURES, Ranking

PLAIN = 5
"""Replicates that the plain form computes."""


def labels(folder: Path) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each frame is abnormal, and the number of its clip."""
    with np.load(folder / "shanghaitech_test_masks_abn1.npz") as masks:
        parts = [masks[clip] == 1 for clip in masks.files]
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def plain(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], clip: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AUC and average precision of each weighting, `(B, 2)`."""
    found = []
    for row in weights:
        frames = row[clip]
        found.append(
            [measure(truth, scores, sample_weight=frames) for measure in (roc_auc_score, average_precision_score)]
        )
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("labels", type=Path)
    parser.add_argument("--replicates", type=int, default=1000)
    given = parser.parse_args()
    truth, clip = labels(given.labels)
    clips = int(clip.max()) + 1
    random = np.random.default_rng(0)
    made_up = random.normal(size=len(truth)) + 0.5 * truth
    weights = random.multinomial(clips, np.full(clips, 1 / clips), size=given.replicates).astype(np.float64)
    print(f"{len(truth)} frames, {clips} clips, {given.replicates} replicates, figures {', '.join(FIGURES)}")
    for name, scores in (("all different", made_up), ("many equal", np.maximum(made_up, 0).round(2))):
        start = time.process_time()
        ranking = Ranking(truth, scores, clip, clips)
        found = ranking.figures(weights)
        ours = time.process_time() - start
        start = time.process_time()
        expected = plain(truth, scores, clip, weights[:PLAIN])
        slow = (time.process_time() - start) * given.replicates / min(PLAIN, given.replicates)
        worst = np.abs(np.column_stack([found["auc"], found["ap"]])[:PLAIN] - expected).max()
        print(
            f"{name:<14} ours {ours:6.2f} s   plain, AUC and AP alone {slow:7.1f} s (from {PLAIN})   {slow / ours:.0f}×"
        )
        print(f"{'':<14} they differ by {worst:.1e}")


if __name__ == "__main__":
    main()
