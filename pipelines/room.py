"""Whether there is room for what is about to be made: a full cache disk is found out too late, if at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from stages.core.errors import PipelineError
from stages.core.paths import Project

GIB = 2**30


def demand_room(project: Project, least_free: float) -> None:
    """Refuse to begin where a disk is nearly full.

    Args:
        project: its own disk and that of DVC's cache are looked at.
        least_free: GiB that must be free on each.

    Raises:
        PipelineError: names the disk and what is free.
    """
    for folder in (project.root, cache_folder(project)):
        free = shutil.disk_usage(_existing(folder)).free / GIB
        if free < least_free:
            raise PipelineError(
                f"{free:.2f} GiB are free, and a rebuild wants {least_free:g}",
                where=str(folder),
                fix="make room (`dvc gc -w` drops unused cache objects), or set pipelines.least_free in params.yaml",
            )


def cache_folder(project: Project) -> Path:
    """Where DVC keeps this project's objects.

    Raises:
        PipelineError: DVC's configuration cannot be read.
    """
    from dvc.config import Config, ConfigError

    try:
        config = Config(str(project.root / ".dvc"))
    except ConfigError as error:
        raise PipelineError(f"DVC's configuration cannot be read: {error}", fix="mend .dvc/config") from error
    return Path(config.get("cache", {}).get("dir") or project.root / ".dvc" / "cache")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
