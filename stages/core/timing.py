"""How long stages took on this machine: kept beside the project's data, and never part of what a stage makes.

Equal inputs give equal bytes, and seconds are equal never; so they lie in `.normotion/took`, which neither git nor DVC
looks at, and whoever shows them says that they are of one machine.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from stages.core.errors import StorageError
from stages.core.paths import Project
from stages.core.storage import write_text


def keep(project: Project, verb: str, arguments: Sequence[str], seconds: float) -> None:
    """Note how long a stage worked, over what was noted of it before.

    Where the note cannot be written it is left out: the stage's own work is done and good.

    Args:
        project: where.
        verb: the stage's.
        arguments: of the verb, such as dataset and detector.
        seconds: that the work took, without the start of Python.
    """
    with contextlib.suppress(OSError, StorageError):
        write_text(_file(project, verb, arguments), json.dumps({"seconds": round(seconds, 3)}))


def took(project: Project, verb: str, arguments: Sequence[str]) -> float | None:
    """Seconds that a stage's last run on this machine took; None where it never ran, or only on another one."""
    try:
        return float(json.loads(_file(project, verb, arguments).read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(project: Project, verb: str, arguments: Sequence[str]) -> Path:
    return project.root / ".normotion" / "took" / f"{'/'.join([verb, *arguments])}.json"
