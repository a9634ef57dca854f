"""The poses and tracks of a whole dataset, counted: all clips, by split and by camera, and what stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stages.core.dataset import Dataset
from stages.core.paths import Project, clip_file
from stages.core.progress import bar
from stages.core.schemas import POSES, TRACKS
from stages.core.skeleton import LAYOUTS, Layout
from stages.core.tables import read_groups
from stages.pose.advice import Advice, advise
from stages.pose.quality import Tally, figures, joint_figures, measure, total


@dataclass(frozen=True)
class Survey:
    """What was counted.

    Args:
        whole: of all clips.
        splits: by split, in order of name.
        cameras: by camera, in order of name.
        advice: what stands out, grave things first.
    """

    whole: Tally
    splits: Mapping[str, Tally]
    cameras: Mapping[str, Tally]
    advice: tuple[Advice, ...]

    @property
    def rows(self) -> list[tuple[str, Tally]]:
        """All clips, then splits and cameras where there are several, each with its name."""
        splits = list(self.splits.items()) if len(self.splits) > 1 else []
        cameras = [(f"camera {name}", tally) for name, tally in self.cameras.items() if len(self.cameras) > 1]
        return [("all", self.whole), *splits, *cameras]

    @property
    def layout(self) -> Layout | None:
        """Of the joints; None where clips differ."""
        return next((known for known in LAYOUTS.values() if known.joints == self.whole.joints), None)


def survey(project: Project, data: Dataset) -> Survey:
    """Count what is in the POSES and TRACKS of every clip.

    Raises:
        SchemaError: those of a clip are missing or of another version.
    """
    tallies: dict[str, Tally] = {}
    for _, clip in bar(list(data.clips.iterrows()), what=f"measuring {data.name}", unit="clip"):
        name = str(clip["clip"])
        poses = read_groups(clip_file(project.poses(data.name), name), POSES)
        tracks = read_groups(clip_file(project.tracks(data.name), name), TRACKS)
        tallies[name] = measure(clip, data.frame_labels(name), poses, tracks).tally
    whole, cameras = total(list(tallies.values())), _by(data, tallies, "camera")
    advice = advise(
        figures(whole),
        joint_figures(whole),
        {name: figures(tally) for name, tally in tallies.items()},
        {name: joint_figures(tally) for name, tally in cameras.items()},
    )
    return Survey(whole, _by(data, tallies, "split"), cameras, tuple(advice))


def _by(data: Dataset, tallies: Mapping[str, Tally], column: str) -> dict[str, Tally]:
    groups = data.clips.groupby(column, sort=True)["clip"]
    return {str(name): total([tallies[str(clip)] for clip in clips]) for name, clips in groups}
