"""The page that compares all runs: one self-contained HTML file without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field

from stages.core.params import Section
from stages.show import (
    alarms,
    breakdown,
    coarse,
    cost,
    curves,
    figures,
    leaderboard,
    parts,
    poses,
    protocols,
    suite_chart,
    svg,
)  # fmt: skip
from stages.show.coarse_result import Coarse
from stages.show.film import columns as across
from stages.show.palette import Style
from stages.show.suite_result import Result
from stages.show.views import DatasetView

TEMPLATE = "page.html.jinja"


class ReportParams(Section):
    """The `report` section.

    Args:
        title: at the top of the page.
        film_frames: frames in a clip's film strip.
        films: test clips of a dataset that get a film strip, in order of name; the others show scores alone.
    """

    title: str = "Which detector finds abnormal behaviour best?"
    film_frames: int = Field(default=6, ge=1, le=12)
    films: int = Field(default=24, ge=0)


def render(
    title: str,
    views: Sequence[DatasetView],
    suites: Sequence[Result] = (),
    styles: Mapping[str, Style] | None = None,
    actions: Sequence[Coarse] = (),
) -> str:
    """The page as HTML; needs no network, no scripts and no other file.

    Args:
        title: at its top.
        views: its datasets, in order.
        suites: results of ablation suites, in order.
        styles: of the detectors in their figures; without it by order of appearance.
        actions: results of the coarse-grained protocol, in order.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        interval=figures.interval,
        number=figures.number,
        percent=figures.percent,
        signed=figures.signed,
        raw_path=svg.raw_path,
        smoothed_path=svg.smoothed_path,
    )
    environment.globals.update(
        columns=leaderboard.columns,
        main=leaderboard.MAIN,
        every=leaderboard.EVERY,
        tied=leaderboard.TIED,
        clip_columns=leaderboard.CLIP_COLUMNS,
        reading=leaderboard.reading,
        frame_figure=figures.frame_figure,
        breakdowns=breakdown.breakdowns,
        scale=breakdown.scale,
        height=breakdown.height,
        protocol_rows=protocols.protocols,
        parts_of=parts.parts,
        calibrated=alarms.calibration,
        charts=curves.charts,
        band_note=curves.band_note,
        costs=cost.costs,
        pose_columns=poses.COLUMNS,
        joints_of=lambda view: Markup(poses.drawing(view)),  # noqa: S704 made here, of escaped names
        least_sure=poses.least_sure,
        published_coarse=coarse.PUBLISHED,
        across=across,
        picture=lambda result: Markup(suite_chart.svg(result, styles)),  # noqa: S704 made here, of escaped names
    )
    return environment.get_template(TEMPLATE).render(
        title=title, views=views, suites=suites, actions=coarse.tables(actions, styles or {})
    )
