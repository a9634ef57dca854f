"""`normotion convert KIND CHECKPOINT OUT`: another program's trained model as a model folder of ours."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from stages.core.errors import ModelError
from stages.core.params import nearest
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import atomic_folder

KINDS = {"stg-nf": "stages.detectors.stg_nf:StgNf"}
"""What can be converted, and the detector that reads it: a class with `from_official`, `save` and `name`."""


def run(project: Project, kind: str, checkpoint: str, out: str) -> None:  # noqa: ARG001 every verb is given it
    """Read a checkpoint, say what it is, and write it as the folder that the detector's `load` takes.

    Args:
        project: where the command was called; nothing of it is read or changed.
        kind: one of KINDS.
        checkpoint: the file, relative to the working directory.
        out: folder to make, likewise; it may exist if it is empty.

    Raises:
        ModelError: no such kind, the folder holds something, or the checkpoint is not one of that kind.
        StorageError: the disk is full, or the folder cannot be written to.
    """
    if kind not in KINDS:
        raise ModelError(f"{kind!r} cannot be converted; {nearest(kind, list(KINDS))}")
    source, folder = Path(checkpoint), Path(out).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError("there is something at OUT already", where=str(folder), fix="name a new or an empty folder")
    found: Any = resolve_name(KINDS[kind])
    model = found.from_official(source, device="cpu", log=log.info)
    with atomic_folder(folder) as temporary:
        model.save(temporary)
    log.info("written to %s, a model of %s for windows of that spec", folder, model.name)
