"""The stages and who needs whom, read from DVC: dvc.yaml is the only place that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pipelines.environment import require
from stages.core.errors import PipelineError
from stages.core.params import nearest
from stages.core.paths import Project


@dataclass(frozen=True)
class Stage:
    """One node of the graph.

    Args:
        name: DVC's address, e.g. `train@run0`.
        cmd: the command DVC runs for it.
        upstream: names of the stages whose outputs it reads, sorted.
    """

    name: str
    cmd: str
    upstream: tuple[str, ...] = ()


def read_dag(project: Project) -> list[Stage]:
    """The project's stages, each after all it needs.

    Raises:
        PipelineError: there is no DVC project, or dvc.yaml makes no sense.
    """
    require("dvc", "pipeline")
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(project.root)) as repo:
            graph = repo.index.graph
            stages = [
                Stage(_address(stage, project), _text(stage.cmd), _upstream(graph, stage, project))
                for stage in repo.index.stages
                if stage.cmd
            ]
    except DvcException as error:
        raise PipelineError(f"DVC cannot read the graph: {error}", where=str(project.root), fix=_FIX) from error
    return in_order(stages)


def in_order(stages: Iterable[Stage]) -> list[Stage]:
    """Sort stages so that each comes after its upstream ones; ties keep the given order.

    Raises:
        graphlib.CycleError: two stages need each other.
    """
    known = {stage.name: stage for stage in stages}
    sorter = TopologicalSorter({stage.name: stage.upstream for stage in known.values()})
    place = {name: number for number, name in enumerate(known)}
    sorter.prepare()
    order: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        order.extend(known[name] for name in ready)
        sorter.done(*ready)
    return order


def wanted(stages: Sequence[Stage], targets: Sequence[str]) -> list[Stage]:
    """Stages that are asked for and all they need, in the given order; all of them where none is asked for.

    Args:
        stages: each after those it needs.
        targets: names such as `train@run0`, or `train` for all of that family.

    Raises:
        PipelineError: there is no such stage.
    """
    if not targets:
        return list(stages)
    names = [stage.name for stage in stages]
    families = {name.partition("@")[0] for name in names}
    if unknown := [target for target in targets if target not in {*names, *families}]:
        hint = nearest(unknown[0], [*names, *families])
        raise PipelineError(f"no stage {unknown[0]!r}; {hint}", fix="`dvc stage list` shows them")
    found: set[str] = set()
    for stage in reversed(stages):
        asked = stage.name in targets or stage.name.partition("@")[0] in targets
        if asked or stage.name in found:
            found |= {stage.name, *stage.upstream}
    return [stage for stage in stages if stage.name in found]


_FIX = "mend dvc.yaml (`dvc stage list` shows how far DVC understands it), or run `dvc init` in a new checkout"


def _text(cmd: str | list[str]) -> str:
    return cmd if isinstance(cmd, str) else "\n".join(cmd)


def _address(stage: Any, project: Project) -> str:
    """DVC's address as seen from the project's root; its own `addressing` is relative to the working directory."""
    file = Path(stage.path).resolve().relative_to(project.root.resolve())
    return str(stage.name) if file == Path("dvc.yaml") else f"{file}:{stage.name}"


def _upstream(graph: Any, stage: Any, project: Project) -> tuple[str, ...]:
    """Names of the stages directly above; data tracked by a `.dvc` file has no command and is no stage of ours."""
    return tuple(sorted(_address(needed, project) for needed in graph.successors(stage) if needed.cmd))
