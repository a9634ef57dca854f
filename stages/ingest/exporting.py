"""`normotion export`: poses or tracks of a data set in a format that other programs read."""

from __future__ import annotations

import fnmatch
from pathlib import Path

from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError
from stages.core.params import nearest
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, TRACKS
from stages.core.storage import atomic_file
from stages.core.tables import read
from stages.ingest.formats.registry import writer

STAGES = {"poses": POSES, "tracks": TRACKS}


def run(
    project: Project,
    format_: str,
    dataset: str,
    *,
    out: str = "",
    stage: str = "tracks",
    clip: tuple[str, ...] = (),
    replace: bool = False,
) -> None:
    """Write one file per clip; the same tables give the same bytes.

    Args:
        project: where from.
        format_: one of WRITERS.
        dataset: whose poses.
        out: folder to write to; made where it does not exist.
        stage: `tracks`, or `poses` as they were before tracking.
        clip: patterns of the clips to write; none: all.
        replace: overwrite files of an earlier export.

    Raises:
        DatasetError: the data set, a clip or the format does not exist, a file is there already, or the format has no
            place for the joints, or none for people without a track.
        SchemaError: the stage's table of a clip is missing; files of clips before it are written.
        StorageError: the disk is full.
    """
    if not out:
        raise DatasetError("where to is not said", fix="give --out FOLDER")
    if stage not in STAGES:
        raise DatasetError(f"there is no stage {stage!r} to export; {nearest(stage, list(STAGES))}")
    chosen, folder = writer(format_), Path(out)
    names = _clips(load_dataset(project, dataset).clips["clip"].tolist(), clip)
    targets = {name: folder / chosen.file_name(name) for name in names}
    if not replace and (there := [path for path in targets.values() if path.exists()]):
        raise DatasetError(f"{len(there)} files are there already", where=str(there[0]), fix="add --replace")
    source = project.tracks(dataset) if stage == "tracks" else project.poses(dataset)
    people = 0
    for name, target in bar(targets.items(), what=f"exporting {dataset}", total=len(targets), unit=" clips"):
        table = clip_file(source, name)
        rows = read(table, STAGES[stage])
        data = chosen.write(rows, str(table))
        with atomic_file(target) as temporary:
            temporary.write_bytes(data)
        people += len(rows)
    log.info(f"{dataset}: {people} poses of {len(targets)} clips written to {folder} as {format_}")


def _clips(names: list[str], patterns: tuple[str, ...]) -> list[str]:
    """The clips that match any pattern, all without one."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise DatasetError(f"no clip matches {pattern!r}; {nearest(pattern, names)[:200]}")
    return [name for name in names if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
