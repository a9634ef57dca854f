"""Which stages have nothing to do: DVC says for whom something changed, dvc.lock whether what a stage made is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from pipelines.dag import Stage
from pipelines.runner import Runner
from stages.core.paths import Project


class Freshness:
    """Knows, while stages are brought up to date, which of the rest need no look.

    Several threads may ask and tell at the same time.

    Args:
        runner: inside its context.

    Raises:
        PipelineError: DVC cannot tell what changed.
    """

    def __init__(self, runner: Runner) -> None:
        self._project = runner.project
        self._changed = runner.changed()
        self._before = _outputs(self._project)
        self._moved: set[str] = set()

    def holds(self, stage: Stage) -> bool:
        """Whether nothing changed for a stage whose upstream is done: DVC would skip it."""
        return stage.name not in self._changed and self._moved.isdisjoint(stage.upstream)

    def ran(self, stage: Stage) -> None:
        """Tell that a stage was run: those below it are looked at where what it made is new."""
        if _outputs(self._project).get(stage.name) != self._before.get(stage.name):
            self._moved.add(stage.name)


def _outputs(project: Project) -> dict[str, Sequence[Any]]:
    """What dvc.lock says that each stage made; empty where it says nothing, or cannot be read."""
    try:
        text = (project.root / "dvc.lock").read_text(encoding="utf-8")
        stages = _Loader(text).get_single_data()["stages"]
        return {name: stage.get("outs", []) for name, stage in stages.items()}
    except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return {}


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Safe as any, and in C where there is one: dvc.lock is read after each stage."""
