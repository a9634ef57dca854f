"""Scores over time: what is drawn of a clip, and the picture of one detector's scores of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.dataset import Dataset
from stages.show.palette import ABNORMAL, DASHES, FAINT, INK, Style

Floats = NDArray[np.float64]

DPI = 120


@dataclass(frozen=True)
class Interval:
    """A stretch of a clip that people labelled abnormal.

    Args:
        start: first frame.
        end: last frame, inclusive.
        kind: what happens; empty where nobody said.
    """

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Truth:
    """What is known about a clip.

    Args:
        clip: its name.
        fps: frames per second.
        frames: how many there are.
        intervals: labelled abnormal, in order of start.
        known: False where the clip is abnormal, but nobody said when.
    """

    clip: str
    fps: float
    frames: int
    intervals: tuple[Interval, ...]
    known: bool

    def kind(self, frame: int) -> str | None:
        """What was labelled at a frame; empty where the label has no kind, None where there is no label."""
        return next((found.kind for found in self.intervals if found.start <= frame <= found.end), None)


@dataclass(frozen=True)
class Curve:
    """A detector's frame scores of one clip.

    Args:
        name: the detector's.
        raw: `(seeds, frames)`, higher = more abnormal.
        smoothed: `(seeds, frames)`.
        scored: `(frames,)`, False where nobody was scored and `raw` is a filling.
        style: colour and dash.
        ends: lower and upper end of its axis.
        note: a few words beside its name, such as its AUC.
    """

    name: str
    raw: Floats
    smoothed: Floats
    scored: NDArray[np.bool_]
    style: Style
    ends: tuple[float, float]
    note: str = ""


def truth(dataset: Dataset, clip: str) -> Truth:
    """What clips.csv and labels.csv say about a clip."""
    row = dataset.clip(clip)
    labels = dataset.labels[dataset.labels["clip"] == clip].sort_values(["start_frame", "end_frame"])
    kinds = labels["kind"].fillna("").astype(str)
    ends = zip(labels["start_frame"], labels["end_frame"], kinds, strict=True)
    intervals = tuple(Interval(int(start), int(end), kind) for start, end, kind in ends)
    known = not np.isnan(dataset.frame_labels(clip)).all()
    return Truth(clip, float(row["fps"]), int(row["frames"]), intervals, known)


def axis(frames: pd.DataFrame) -> tuple[float, float]:
    """Ends of a score axis for FRAME_SCORES: all smoothed scores, all raw ones but the outermost 1 %, some air."""
    if frames.empty:
        return 0.0, 1.0
    low = min(float(frames["smoothed"].min()), float(frames["raw"].quantile(0.005)))
    high = max(float(frames["smoothed"].max()), float(frames["raw"].quantile(0.995)))
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def curve(frames: pd.DataFrame, name: str, look: Style, ends: tuple[float, float], note: str = "") -> Curve:
    """The curve of one clip's FRAME_SCORES, sorted by seed and frame; see `Curve` for the rest."""
    seeds = frames["seed"].nunique()
    raw, smoothed = (frames[kind].to_numpy(dtype=np.float64).reshape(seeds, -1) for kind in ("raw", "smoothed"))
    scored = np.asarray(frames["scored"].to_numpy().reshape(seeds, -1).any(axis=0))
    return Curve(name, raw, smoothed, scored, look, ends, note)


def draw_timeline(path: Path, clip: Truth, curve: Curve, unit: str) -> None:
    """Write a PNG: raw scores thin, smoothed thick, labelled intervals shaded and named, seconds along the bottom.

    Args:
        path: the file to write.
        clip: the truth to shade.
        curve: of one detector; of several seeds the mean is drawn, and a band from the lowest to the highest.
        unit: of the scores.
    """
    with drawing(path, 9.0, 3.0) as figure:
        axes = figure.add_axes((0.075, 0.16, 0.905, 0.66))
        shade(axes, clip)
        name_kinds(axes, clip)
        plot(axes, clip, curve)
        axes.set_ylabel(f"score ({unit})" if unit else "score")
        axes.set_xlabel("seconds")
        axes.set_title(f"{clip.clip} · {curve.name}", loc="left", fontsize=11, fontweight="bold", pad=18)
        handles, _ = axes.get_legend_handles_labels()
        axes.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.06), ncols=4, frameon=False, fontsize=8.5
        )


@contextlib.contextmanager
def drawing(path: Path, width: float, height: float) -> Iterator[Any]:
    """Give a matplotlib figure of that size in inches and write it to `path` (PNG) at the end.

    Needs no screen, ignores the user's own settings and leaves out time and version: equal pictures are equal bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        figure = Figure(figsize=(width, height), dpi=DPI)
        yield figure
        figure.savefig(path, dpi=DPI, format="png", metadata={"Software": None})


_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "path.simplify": False,
    "text.parse_math": False,
}


def shade(axes: Any, clip: Truth) -> None:
    """Shade the labelled intervals; hatch a clip that is abnormal nobody said when. Sets the time axis."""
    for number, found in enumerate(clip.intervals):
        label = "labelled abnormal" if number == 0 else None
        left, right = found.start / clip.fps, (found.end + 1) / clip.fps
        axes.axvspan(left, right, color=ABNORMAL, alpha=0.16, linewidth=0, label=label)
        axes.axvline(left, color="white", linewidth=0.8)
    if not clip.known:
        label = "abnormal, nobody said when"
        axes.axvspan(
            0,
            clip.frames / clip.fps,
            facecolor="none",
            edgecolor=FAINT,
            hatch="//",
            alpha=0.4,
            linewidth=0,
            label=label,
        )
    axes.set_xlim(0, clip.frames / clip.fps)


def name_kinds(axes: Any, clip: Truth) -> None:
    """Write each interval's kind above it, or upright inside it where it would not fit lying."""
    inches = axes.bbox.width / axes.figure.dpi
    for found in clip.intervals:
        lying = 0.072 * len(found.kind) < inches * (found.end + 1 - found.start) / clip.frames
        axes.text(
            (found.start + found.end + 1) / 2 / clip.fps, 1.02 if lying else 0.97, found.kind,
            transform=axes.get_xaxis_transform(), ha="center", va="bottom" if lying else "top",
            rotation=0 if lying else 90, fontsize=8.5, color=ABNORMAL,
        )  # fmt: skip


def plot(axes: Any, clip: Truth, curve: Curve) -> None:
    """Draw raw scores thin and broken where nobody was scored, smoothed ones thick; sets the score axis."""
    seconds = (np.arange(clip.frames) + 0.5) / clip.fps
    raw = np.where(curve.scored, curve.raw.mean(axis=0), np.nan)
    dashes = (0, tuple(map(float, curve.style.dash.split()))) if curve.style.dash in DASHES[1:] else "-"
    if len(curve.smoothed) > 1:
        low, high = curve.smoothed.min(axis=0), curve.smoothed.max(axis=0)
        axes.fill_between(seconds, low, high, color=curve.style.colour, alpha=0.2, linewidth=0, label="all seeds")
    axes.plot(seconds, raw, color=curve.style.colour, linewidth=0.7, alpha=0.55, label="raw")
    axes.plot(
        seconds,
        curve.smoothed.mean(axis=0),
        color=curve.style.colour,
        linewidth=2.0,
        linestyle=dashes,
        label="smoothed",
    )
    axes.set_ylim(*curve.ends)
    nobody = np.where(curve.scored, np.nan, curve.ends[0])
    if not curve.scored.all():
        axes.plot(seconds, nobody, color=FAINT, linewidth=4, solid_capstyle="butt", label="nobody scored")
