"""What the page is made of: datasets with their runs and clips, apart from how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from stages.core.dataset import Dataset
from stages.core.skeleton import Layout
from stages.show.error_map import ErrorPicture
from stages.show.palette import Style
from stages.show.timeline import Curve, Truth

OPEN = 4
"""Clips of a dataset that are unfolded when the page opens."""


@dataclass(frozen=True)
class Lines:
    """A curve of a detector as SVG paths, in a box of 100 × 100.

    Args:
        raw: of its raw scores; empty where it is undefined.
        smoothed: likewise.
        band: area in which that of smoothed scores lies; empty where there is none.
    """

    raw: str = ""
    smoothed: str = ""
    band: str = ""


@dataclass(frozen=True)
class Model:
    """What a trained model takes, apart from time.

    Args:
        parameters: learned numbers.
        size: bytes on disk, of one seed's.
        windows: it learned from.
    """

    parameters: int
    size: int
    windows: int


@dataclass(frozen=True)
class Entry:
    """A run in the leaderboard.

    Args:
        detector: its name.
        style: colour and dash of its lines.
        metrics: what `evaluate` wrote.
        sha256: of the metrics file.
        roc: its ROC curves.
        pr: its precision-recall curves.
        bandless: why they have no band; empty where they have one.
        model: that of its first seed; None where there is none to look at.
    """

    detector: str
    style: Style
    metrics: Mapping[str, Any]
    sha256: str
    roc: Lines = Lines()
    pr: Lines = Lines()
    bandless: str = ""
    model: Model | None = None


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
class PoseView:
    """How good the poses and tracks are that detectors had to work with.

    Args:
        rows: name of a group of clips and its figures (`stages.pose.quality.figures`): all clips, splits, cameras.
        joints: share of people in whom each joint is unsure; empty where clips differ in layout.
        layout: of the joints; None likewise.
        advice: what stands out, each a sentence and what follows from it, grave things first.
    """

    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    joints: Mapping[str, float | None]
    layout: Layout | None
    advice: tuple[tuple[str, str], ...]


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
        poses: quality of poses and tracks; None where nobody looked.
    """

    dataset: Dataset
    entries: tuple[Entry, ...]
    clips: tuple[ClipView, ...]
    digests: Mapping[str, str]
    note: str
    differences: tuple[Difference, ...] = ()
    uncompared: str = ""
    poses: PoseView | None = None

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
