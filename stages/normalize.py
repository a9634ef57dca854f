"""SEGMENTS → NORMALIZED: the values a detector reads, window by window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stages.core.dataset import SPLITS
from stages.core.normalization import NormalizeParams, normalize_people
from stages.core.params import load_section
from stages.core.paths import Project, entries_file, split_file
from stages.core.progress import log
from stages.core.schemas import ENTRIES, NORMALIZED, SEGMENTS, Rows
from stages.core.skeleton import layout
from stages.core.storage import atomic_folder
from stages.core.tables import Pieces, read_groups, read_meta, read_rows, writing
from stages.core.windows import WindowSpec


def run(project: Project, dataset: str, window: str) -> None:
    """Normalize the windows of one spec of a dataset.

    Raises:
        SchemaError: a SEGMENTS or ENTRIES table is missing or of another version.
    """
    spec = load_section(project, f"windows.{window}", WindowSpec)
    params = load_section(project, "normalize", NormalizeParams)
    source = project.segments(dataset, window)
    with atomic_folder(project.normalized(dataset, window)) as folder:
        for split in SPLITS:
            _normalize_split(source, split, spec, params, folder)


def _normalize_split(source: Path, split: str, spec: WindowSpec, params: NormalizeParams, folder: Path) -> None:
    meta = read_meta(split_file(source, split), SEGMENTS)
    channels = spec.normalization.channels(meta["coordinates"])
    about = {"layout": meta["layout"], "channels": ",".join(channels), "units": spec.normalization.unit(meta["units"])}
    least = params.least(meta["units"])
    dropped = total = 0
    with writing(split_file(folder, split), NORMALIZED, about) as out:
        for windows in read_groups(split_file(source, split), SEGMENTS):
            kept = _normalize_group(windows, entries_file(source, split), spec, least, out)
            total, dropped = total + len(windows), dropped + len(windows) - kept
    log.info(
        f"{split}: {total - dropped} windows normalized, {dropped} dropped as flatter than {least:g} {meta['units']}"
    )


def _normalize_group(windows: Rows, entries: Path, spec: WindowSpec, least: float, out: Pieces) -> int:
    """Normalize one row group, whose windows lie close together among the entries; returns how many were kept."""
    first = windows.frame["first_row"].to_numpy()
    low, high = (int(first.min()), int(first.max()) + spec.samples) if len(first) else (0, 0)
    keypoints = read_rows(entries, ENTRIES, low, high).arrays
    values = keypoints[first[:, None] - low + np.arange(spec.samples)]  # (N, T, V, coordinates and confidence)
    keep, normalized = normalize_people(values, spec.normalization, least, layout(windows.meta["layout"]))
    out.append(windows.frame[keep].drop(columns="first_row"), normalized)
    return int(keep.sum())
