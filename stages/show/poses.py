"""Poses and tracks in short: what every detector had to work with. `normotion quality DATASET` tells the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.show.figures import DASH
from stages.show.palette import heat
from stages.show.quality import duration, percent, plain
from stages.show.skeleton_chart import chart
from stages.show.views import PoseView

WORST = 5
"""Joints that are named, the least sure first."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Args:
        heading: above it.
        of: what stands in it, of one group's figures.
    """

    heading: str
    of: Callable[[Mapping[str, Any]], str]


def _share(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda figures: percent(figures[name])


COLUMNS = (
    Column("clips", lambda figures: f"{figures['clips']:,}"),
    Column("length", lambda figures: duration(figures["seconds"])),
    Column("frames with people tracked", _share("frames_with_tracks")),
    Column("abnormal frames with people tracked", _share("abnormal_frames_with_tracks")),
    Column("poses in tracks", _share("poses_in_tracks")),
    Column("tracks", lambda figures: f"{figures['tracks']:,}"),
    Column("median track", lambda figures: duration(figures["track_median_seconds"])),
    Column("tracks under 1 s", _share("tracks_short")),
    Column("fragments", lambda figures: f"{figures['fragments']:,}"),
    Column("median height", lambda figures: pixels(figures["height_median_px"])),
    Column("people under 60 px", _share("people_small")),
)


def pixels(value: int | None) -> str:
    """`137 px`, or a dash for None."""
    return DASH if value is None else f"{value} px"


def drawing(view: PoseView) -> str:
    """The skeleton, each joint coloured by the share of people in whom it is unsure: SVG; empty without a layout."""
    if view.layout is None:
        return ""
    shares = [view.joints[name] for name in view.layout.joints]
    colours = ["#{:02x}{:02x}{:02x}".format(*heat(value)) for value in shares]
    picture = chart(view.layout, colours, [f"unsure in {percent(value)} of people" for value in shares])
    return picture.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)  # a page's own elements need no namespace


def least_sure(view: PoseView) -> str:
    """The joints that are least sure, in words; empty where none is ever unsure."""
    found = sorted(((value, name) for name, value in view.joints.items() if value), reverse=True)[:WORST]
    return ", ".join(f"{plain(name)} in {percent(value)}" for value, name in found)
