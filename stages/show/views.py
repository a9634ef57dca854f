"""What the page is made of: datasets with their runs and clips, apart from how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from stages.core.dataset import Dataset
from stages.show.error_map import ErrorPicture
from stages.show.palette import Style
from stages.show.timeline import Curve, Truth

OPEN = 4
"""Clips of a dataset that are unfolded when the page opens."""


@dataclass(frozen=True)
class Entry:
    """A run in the leaderboard.

    Args:
        detector: its name.
        style: colour and dash of its lines.
        metrics: what `evaluate` wrote.
        roc: SVG paths of its ROC curves by kind, `raw` and `smoothed`.
        sha256: of the metrics file.
    """

    detector: str
    style: Style
    metrics: Mapping[str, Any]
    roc: Mapping[str, str]
    sha256: str


@dataclass(frozen=True)
class Difference:
    """A detector beside the best one of its dataset, by smoothed AUC.

    Args:
        detector: its name.
        difference: the best one's figure less its own.
        ends: of the interval of the difference; None where the two cannot be compared.
        p: probability of so large a difference among equals, corrected for all comparisons; None likewise.
        distinct: whether p is small enough to tell the two apart.
    """

    detector: str
    difference: float
    ends: tuple[float, float] | None
    p: float | None
    distinct: bool


@dataclass(frozen=True)
class Still:
    """A frame of a film strip.

    Args:
        frame: which.
        source: the picture as a data: URI.
        kind: what is labelled there; empty where the label has no kind, None where there is no label.
    """

    frame: int
    source: str
    kind: str | None


@dataclass(frozen=True)
class ClipView:
    """A test clip.

    Args:
        truth: its labels.
        curves: scores, one per detector.
        stills: its film strip; empty when the clip has none.
        scene: where it was taken.
        errors: its worst frame as detectors see it that can say where in a frame their score comes from.
    """

    truth: Truth
    curves: tuple[Curve, ...]
    stills: tuple[Still, ...]
    scene: str = ""
    errors: tuple[ErrorPicture, ...] = ()


@dataclass(frozen=True)
class DatasetView:
    """A dataset's part of the page.

    Args:
        dataset: description and clips.
        entries: runs, best first.
        clips: test clips.
        digests: sha256 of every clip's file.
        note: what the colours of the skeletons mean; empty where no people are drawn.
        differences: every other detector beside the best; empty where they cannot be compared.
        uncompared: why they cannot.
    """

    dataset: Dataset
    entries: tuple[Entry, ...]
    clips: tuple[ClipView, ...]
    digests: Mapping[str, str]
    note: str
    differences: tuple[Difference, ...] = ()
    uncompared: str = ""

    def tied(self, detector: str) -> bool:
        """Whether a detector cannot be told from the best."""
        return any(found.detector == detector and not found.distinct for found in self.differences)

    def opened(self) -> frozenset[str]:
        """Clips that are unfolded when the page opens."""
        shown = [clip.truth.clip for _, clips in self.scenes() for clip in clips]
        return frozenset(shown[:OPEN])

    def scenes(self) -> list[tuple[str, list[ClipView]]]:
        """Test clips by scene, both in order of name."""
        ordered = sorted(self.clips, key=lambda clip: clip.scene)
        return [(scene, list(clips)) for scene, clips in groupby(ordered, key=lambda clip: clip.scene)]


def ranked(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Best smoothed AUC first; those without one last, by name."""
    return tuple(sorted(entries, key=lambda entry: (-(entry.metrics["smoothed"]["auc"] or 0.0), entry.detector)))
