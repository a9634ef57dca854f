"""The page of one source that was judged: its film, its score over time, its alarms and why they rang."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup, escape

from stages.core.storage import atomic_file
from stages.show.svg import Floats, score_path
from stages.show.timeline import Truth, drawing

TEMPLATE = "run_page.html.jinja"
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
"""Seconds between the marks of the time axis: the shortest of them that gives few enough for a phone."""
NUMBERED = 0.02
"""Room for an alarm's number, in lengths of the timeline."""


@dataclass(frozen=True)
class Reason:
    """Why an alarm rang.

    Args:
        sentences: in words.
        drawing: inline SVG of the person and what is normal; empty where there is none.
    """

    sentences: tuple[str, ...] = ()
    drawing: str = ""


@dataclass(frozen=True)
class Alarm:
    """An alarm on the page.

    Args:
        start, end, peak: seconds.
        score: at its peak.
        rarity: how rare that is in normal footage, in words; empty where nobody knows.
        person: track of the most abnormal person, None where nobody was scored.
        picture: the frame at its peak as `data:` URI, heads hidden; empty where there is none.
        reason: why.
    """

    start: float
    end: float
    peak: float
    score: float
    rarity: str
    person: int | None
    picture: str
    reason: Reason


@dataclass(frozen=True)
class RunPage:
    """What stands on the page.

    Args:
        source: what was judged.
        facts: pairs of name and value, such as the model and how long it took.
        film: name of the film beside the page; empty where there is none.
        blurred: heads are hidden in it.
        unit: of the scores.
        seconds: how long the source is.
        raw: `(frames,)`, NaN where nobody was scored.
        smoothed: `(frames,)`, NaN where frames were lost.
        threshold: over which alarms ring.
        alarms: in order.
        people: rows of person, first and last second, highest raw score or a dash.
        notes: what to know before the figures are believed.
        following: commands to try next.
    """

    source: str
    facts: tuple[tuple[str, str], ...]
    film: str
    blurred: bool
    unit: str
    seconds: float
    raw: Floats
    smoothed: Floats
    threshold: float
    alarms: tuple[Alarm, ...]
    people: tuple[tuple[int, float, float, str], ...]
    notes: tuple[str, ...]
    following: tuple[str, ...]

    @property
    def highest(self) -> float:
        """The highest smoothed score."""
        return float(np.nanmax(self.smoothed, initial=-np.inf)) if len(self.smoothed) else 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """Lower and upper end of the score's axis."""
        known = np.concatenate([self.raw, self.smoothed, [self.threshold]])
        low, high = float(np.nanmin(known)), float(np.nanmax(known))
        margin = 0.05 * (high - low) or 1.0
        return low - margin, high + margin

    def height(self, score: float) -> float:
        """Where a score stands on the axis, 0 at the top, 100 at the bottom."""
        low, high = self.ends
        return 100 - (score - low) / (high - low) * 100

    def path(self, kind: str) -> str:
        """Of the `raw` or `smoothed` score, in a box of 1000 × 100."""
        scores = self.raw if kind == "raw" else self.smoothed
        return score_path(scores, self.ends) if len(scores) else ""

    def across(self, seconds: float) -> float:
        """Where a time stands in the box."""
        return seconds / self.seconds * 1000 if self.seconds else 0.0

    @property
    def levels(self) -> tuple[float, ...]:
        """Round scores that the axis names, three or four of them."""
        from matplotlib.ticker import MaxNLocator

        low, high = self.ends
        return tuple(float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high)

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds that the axis of time names: round ones, and the end."""
        step = next((step for step in STEPS if self.seconds <= 4 * step), max(STEPS) * (1 + self.seconds // 345600))
        return (*np.arange(0, 0.78 * self.seconds, step).tolist(), self.seconds)


def render(page: RunPage) -> str:
    """The page as HTML; needs no network, no scripts, and no other file than the film."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(clock=clock, coded=_coded)
    return environment.get_template(TEMPLATE).render(page=page)


def clock(seconds: float) -> str:
    """`1:02.5`, or `1:00:02` of what takes hours."""
    minutes, rest = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{int(rest):02d}" if hours else f"{minutes}:{rest:04.1f}"


def _coded(text: str) -> Markup:
    """A sentence with its commands, which stand between backticks, as code."""
    pieces = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(pieces)


def draw_run(path: Path, page: RunPage, fps: float) -> None:
    """Write timeline.png: the score over time, the threshold, and alarms shaded and numbered, where there is room.

    Args:
        path: the file to write.
        page: the same figures as on the page.
        fps: frames per second.

    Raises:
        StorageError: the disk is full or the folder cannot be written to.
    """
    from stages.show.palette import ABNORMAL, FAINT, LINES

    clip = Truth(page.source, fps, len(page.smoothed), (), known=True)
    seconds = (np.arange(clip.frames) + 0.5) / fps
    with atomic_file(path) as temporary, drawing(temporary, 9.0, 3.0) as figure:
        axes = figure.add_axes((0.075, 0.16, 0.905, 0.66))
        free = -np.inf
        for number, alarm in enumerate(page.alarms, start=1):
            # The edge, of a width in points, shows alarms of a day's film that are thinner than a pixel.
            axes.axvspan(alarm.start, alarm.end, facecolor=(ABNORMAL, 0.18), edgecolor=(ABNORMAL, 0.45), linewidth=0.8)
            if alarm.peak >= free:
                axes.text(
                    alarm.peak, 1.02, str(number), transform=axes.get_xaxis_transform(), ha="center", color=ABNORMAL
                )
                free = alarm.peak + NUMBERED * page.seconds
        axes.plot(seconds, page.raw, color=LINES[0], linewidth=0.7, alpha=0.55, label="raw")
        axes.plot(seconds, page.smoothed, color=LINES[0], linewidth=2.0, label="smoothed")
        axes.axhline(page.threshold, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), label="threshold")
        axes.set(xlim=(0, max(page.seconds, 1 / fps)), ylim=page.ends, xlabel="seconds", ylabel=f"score ({page.unit})")
        axes.set_title(page.source, loc="left", fontsize=11, fontweight="bold", pad=18)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.06), ncols=3, frameon=False, fontsize=8.5)
