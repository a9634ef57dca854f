"""What params.yaml will do with one dataset: which windows are cut of it, who reads them, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.cutting import cut, frame_entries, resample
from stages.core.dataset import Dataset
from stages.core.pairs import ACTIONS, coarse, listed
from stages.core.params import dig, load_section, parse, read_params
from stages.core.paths import Project
from stages.core.windows import WindowSpec
from stages.detectors.registry import detector
from stages.evaluation.params import EvaluateParams
from stages.pose.estimators import ExtractParams


@dataclass(frozen=True)
class Plan:
    """The settings that one dataset meets.

    Args:
        listed: whether `datasets` names it.
        readers: by window spec, the detectors that read it on this dataset, in the order of the runs.
        specs: the window specs among `readers`, by name.
        supervised: those of the detectors that learn from labels too.
        extract: how poses are found.
        evaluate: the referee's rules for this dataset.
    """

    listed: bool
    readers: Mapping[str, Sequence[str]]
    specs: Mapping[str, WindowSpec]
    supervised: frozenset[str]
    extract: ExtractParams
    evaluate: EvaluateParams

    @property
    def detectors(self) -> list[str]:
        """All that run on it."""
        return [name for names in self.readers.values() for name in names]


def plan_of(project: Project, data: Dataset) -> Plan:
    """Read what params.yaml says about a dataset.

    Raises:
        ParamsError: a section is wrong.
    """
    raw = read_params(project)
    pairs = coarse(raw) if data.description.task == ACTIONS else listed(raw)[0]
    readers: dict[str, list[str]] = {}
    for pair in pairs.values():
        if pair.dataset == data.name:
            readers.setdefault(_window(raw, pair.detector, data), []).append(pair.detector)
    specs = {name: parse(dig(raw, f"windows.{name}"), f"windows.{name}", WindowSpec)[1] for name in readers}
    return Plan(
        data.name in (raw.get("datasets") or []),
        readers,
        {name: spec for name, spec in specs.items() if spec is not None},
        frozenset(name for names in readers.values() for name in names if detector(name).supervised),
        load_section(project, "extract", ExtractParams),
        load_section(project, "evaluate", EvaluateParams).on(data.name),
    )


def _window(raw: Mapping[str, Any], name: str, data: Dataset) -> str:
    """The window spec that a detector reads; for actions `coarse.window` may stand in for it."""
    instead = dig(raw, "coarse.window") if data.description.task == ACTIONS else None
    return str(instead or dig(raw, f"detectors.{name}.window"))


def span(spec: WindowSpec, fps: float) -> float:
    """Frames of a clip that a window covers."""
    return spec.samples * spec.step(fps)


def seconds(spec: WindowSpec, fps: float) -> float:
    """Seconds that a window covers."""
    return span(spec, fps) / fps


def fits(spec: WindowSpec, frames: int, fps: float, every: int = 1) -> bool:
    """Whether a clip has a window for the best case: one person who is found in every frame that is looked at.

    Tried on made-up tracks by the code that cuts, so that it cannot say otherwise.

    Args:
        spec: of the window.
        frames: of the clip.
        fps: of the clip.
        every: people are looked for in every n-th frame.
    """
    enough = int(4 * span(spec, fps) + 4 * every) + 2  # what a window needs shows in the first few of them
    length = min(frames, enough)
    if spec.frames:
        entries = frame_entries(length, spec, fps)
    else:
        seen = np.arange(0, length, every)
        entries = resample(np.zeros_like(seen), seen, np.zeros((len(seen), 1, 3), np.float32), spec, fps)
    return bool(len(cut(entries, spec, spec.stride_score)[0]))
