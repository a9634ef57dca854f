"""The four networks by name, at the published size or a tiny one."""

from __future__ import annotations

from torch import nn

from stages.core.skeleton import NTU25, OPENPOSE18, Layout
from stages.detectors.agcn import Agcn
from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.layers.recognition.skeletons import Task
from stages.detectors.ms_g3d import MsG3d
from stages.detectors.shift_gcn import ShiftGcn
from stages.detectors.st_gcn import StGcn

KINDS: dict[str, type[Recogniser]] = {kind.name: kind for kind in (StGcn, Agcn, MsG3d, ShiftGcn)}
TINY = {"window": "second", "width": 0.125, "depth": 3}

STREET = Task(OPENPOSE18, ("x", "y"), 2)
STREET_SURE = Task(OPENPOSE18, ("x", "y", "confidence"), 2)
NTU60 = Task(NTU25, ("x", "y", "z"), 60)
KINETICS = Task(OPENPOSE18, ("x", "y", "confidence"), 400)

PATH = Layout("path", ("a", "b", "c", "d"), ((0, 1), (1, 2), (2, 3)), (0, 1, 2, 3), 0)
"""Four joints in a row."""


def published(name: str, task: Task) -> nn.Module:
    """The paper's network, of one stream."""
    kind = KINDS[name]
    return kind(kind.Params(window="second", preset="published"))._network(task, "joint")


def tiny(name: str, task: Task, stream: str = "joint") -> nn.Module:
    """A small one of the same form."""
    kind = KINDS[name]
    return kind(kind.Params.model_validate(TINY))._network(task, stream)


def size(network: nn.Module) -> int:
    """Learned numbers."""
    return sum(weight.numel() for weight in network.parameters())
