"""Where versions of the data are kept beside this machine: `normotion remote [PLACE]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipelines.environment import require, tool_environment
from pipelines.room import cache_folder
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

NAME = "storage"
"""What DVC calls it."""
EXTRAS = {"s3": "s3", "gs": "gs", "azure": "azure", "ssh": "ssh"}
"""The packages of DVC's that other kinds of places take, by the beginning of their address."""


def run(project: Project, *places: str) -> None:
    """Set the place where `dvc push` and `dvc pull` keep the data, and push what there is; a fresh clone has nothing.

    Args:
        project: where.
        places: a folder, or an address such as `s3://bucket/path`; without one the folder `<project>-storage` beside
            the project's.

    Raises:
        PipelineError: the place cannot be used, or lacks a package.
    """
    require("dvc", "pipeline")
    if len(places) > 1:
        raise PipelineError("one place at a time", fix="`normotion remote PLACE`")
    place = places[0] if places else str(project.root.parent / f"{project.root.name}-storage")
    scheme = place.partition("://")[0] if "://" in place else ""
    if scheme in EXTRAS:
        require(f"dvc_{EXTRAS[scheme]}", f"pipeline]' 'dvc[{EXTRAS[scheme]}")
    elif not scheme:
        place = str(Path(place).expanduser().absolute())
        Path(place).mkdir(parents=True, exist_ok=True)
    _dvc(project, "remote", "add", "--local", "--default", "--force", NAME, place)
    if not (cache_folder(project) / "files").is_dir():
        log.info("%s is where the data are kept; `dvc pull` gets them", place)
        return
    _dvc(project, "push")
    if _dvc(project, "status", "--cloud", "--quiet", check=False):
        raise PipelineError(f"not all of the data reached {place}", fix="make room there, then `dvc push`")
    log.info("%s holds the data; a fresh clone gets them by `normotion remote %s` and `dvc pull`", place, place)


def _dvc(project: Project, *words: str, check: bool = True) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=project.root, env=tool_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if check and done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise PipelineError(f"`dvc {' '.join(words)}` failed", where=said, fix="mend what it says and try again")
    return done.returncode
