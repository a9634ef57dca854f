"""Drift of a project's new clips: which figures of their poses lie apart from those learned from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stages.core.dataset import load_dataset
from stages.core.paths import Project, clip_file
from stages.core.pipelines_params import DriftParams
from stages.core.schemas import TRACKS
from stages.core.tables import read_groups
from stages.pose.drift import Shift, compare, join, sample


def drift(project: Project, dataset: str, new: Collection[str]) -> dict[str, Shift]:
    """Compare the tracks of new clips with those of all other training clips.

    Args:
        project: where; both must have been tracked.
        dataset: its name.
        new: names of the new clips.

    Raises:
        DatasetError: the dataset contradicts itself.
        SchemaError: a clip was not tracked yet.
    """
    clips = load_dataset(project, dataset).split("train")
    parts = {
        str(clip["clip"]): sample(clip, read_groups(clip_file(project.tracks(dataset), str(clip["clip"])), TRACKS))
        for _, clip in clips.iterrows()
    }
    before = join(part for name, part in parts.items() if name not in new)
    return compare(before, join(part for name, part in parts.items() if name in new))


def drifted(shifts: dict[str, Shift], params: DriftParams) -> list[str]:
    """Names of the figures that lie far enough apart, and not by chance."""
    return [name for name, shift in shifts.items() if shift.statistic >= params.least and shift.p <= params.p]


def table(dataset: str, shifts: dict[str, Shift], params: DriftParams) -> Sequence[str]:
    """Lines of a Markdown table."""
    far = drifted(shifts, params)
    return [
        f"| {dataset} | {name} | {shift.before:.3f} | {shift.now:.3f} | {shift.statistic:.2f} | {shift.p:.2g} | "
        f"{'**yes**' if name in far else 'no'} |"
        for name, shift in shifts.items()
    ]
