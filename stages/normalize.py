"""SEGMENTS → NORMALIZED: the values a detector reads, window by window."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.dataset import SPLITS, Dataset, load_dataset
from stages.core.normalization import NormalizeParams, normalize_people
from stages.core.params import load_section
from stages.core.paths import Project, entries_file, split_file
from stages.core.progress import log
from stages.core.schemas import ENTRIES, NORMALIZED, SEGMENTS, Rows
from stages.core.skeleton import layout
from stages.core.storage import atomic_folder
from stages.core.tables import Pieces, read, read_groups, read_meta, read_rows, writing
from stages.core.windows import FRAME, CropParams, PatchParams, WindowSpec

PATCH = "patch"
"""How the channels of pictures begin, a number each."""
WEIGHTS = "patches.safetensors"
"""The network that looked at the patches, beside the windows."""
Mask = NDArray[np.bool_]
Shown = Callable[[Rows, NDArray[np.float32]], Mask]
"""Which windows, with keypoints `(N, T, V, 3)`, show their person, `(N,)`."""


def run(project: Project, dataset: str, window: str) -> None:
    """Normalize the windows of one spec of a dataset.

    Raises:
        SchemaError: a SEGMENTS or ENTRIES table is missing or of another version.
        DatasetError, VideoError, ParamsError, TrainingError: the spec wants pictures, and there is no footage, it
            cannot be read, or no network sees anything in it.
    """
    spec = load_section(project, f"windows.{window}", WindowSpec)
    params = load_section(project, "normalize", NormalizeParams)
    source = project.segments(dataset, window)
    data = load_dataset(project, dataset) if spec.patches or spec.crops else None
    with atomic_folder(project.normalized(dataset, window)) as folder:
        if data is not None and data.filmed and spec.patches:
            _look_and_normalize(project.root, data, spec, spec.patches, params, source, folder)
        elif data is not None and data.filmed and spec.crops:
            _normalize_and_cut(data, spec, spec.crops, params, source, folder)
        else:
            for split in SPLITS:
                _normalize_split(source, split, spec, params, folder)


def _normalize_and_cut(
    data: Dataset, spec: WindowSpec, crops: CropParams, params: NormalizeParams, source: Path, folder: Path
) -> None:
    """The same with pictures of the people beside where they are; who is not within the frame is left out."""
    from stages.pose.crops import boxes, write_tubes

    sizes = data.clips.set_index("clip")[["width", "height"]]

    def shown(windows: Rows, keypoints: NDArray[np.float32]) -> Mask:
        size = sizes.loc[windows.frame["clip"]].to_numpy(dtype=np.int64)
        return np.asarray(boxes(keypoints, crops.margin, size).any(axis=1))

    for split in SPLITS:
        first = _normalize_split(source, split, spec, params, folder, shown=shown)
        write_tubes(folder, split, read(entries_file(source, split), ENTRIES), first, data, spec, crops)


def _look_and_normalize(
    root: Path, data: Dataset, spec: WindowSpec, patches: PatchParams, params: NormalizeParams, source: Path,
    folder: Path,
) -> None:  # fmt: skip
    """The same with what is seen around the joints in place of where they are."""
    from safetensors.torch import save

    from stages.compute.threads import threads
    from stages.pose.patches.looking import extractor, features

    with threads(patches.threads), tempfile.TemporaryDirectory(dir=folder) as held:
        train = read(entries_file(source, "train"), ENTRIES)
        network = extractor(train, data, spec, patches, root)
        (folder / WEIGHTS).write_bytes(save(dict(network.weights())))
        for split in SPLITS:
            entries = train if split == "train" else read(entries_file(source, split), ENTRIES)
            seen = features(entries, data, spec, network, Path(held) / f"{split}.npy")
            _normalize_split(source, split, spec, params, folder, seen)


def _normalize_split(
    source: Path,
    split: str,
    spec: WindowSpec,
    params: NormalizeParams,
    folder: Path,
    seen: NDArray[np.float16] | None = None,
    shown: Shown | None = None,
) -> NDArray[np.int64]:
    """Write one split; returns the first rows of the windows that are in it."""
    meta = read_meta(split_file(source, split), SEGMENTS)
    channels, unit = _measured(spec, meta, seen)
    about = {"layout": meta["layout"], "channels": ",".join(channels), "units": unit}
    least = 0.0 if spec.frames else params.least(meta["units"])
    total, kept = 0, list[NDArray[np.int64]]()
    with writing(split_file(folder, split), NORMALIZED, about) as out:
        for windows in read_groups(split_file(source, split), SEGMENTS):
            kept.append(_normalize_group(windows, entries_file(source, split), spec, least, out, seen, shown))
            total += len(windows)
    rows = np.concatenate([np.empty(0, dtype=np.int64), *kept])
    why = f"flatter than {least:g} {meta['units']}" + (" or outside the frame" if shown else "")
    log.info(f"{split}: {len(rows)} windows normalized, {total - len(rows)} dropped as {why}")
    return rows


def _measured(
    spec: WindowSpec, meta: Mapping[str, str], seen: NDArray[np.float16] | None
) -> tuple[tuple[str, ...], str]:
    """Names of the channels and the unit of what the windows hold."""
    if seen is not None:
        return tuple(f"{PATCH}{number}" for number in range(seen.shape[2])), "features"
    if spec.frames:
        return (FRAME,), meta["units"]
    return spec.normalization.channels(meta["coordinates"]), spec.normalization.unit(meta["units"])


def _normalize_group(
    windows: Rows, entries: Path, spec: WindowSpec, least: float, out: Pieces, seen: NDArray[np.float16] | None,
    shown: Shown | None,
) -> NDArray[np.int64]:  # fmt: skip
    """Normalize one row group, whose windows lie close together among the entries; the first rows of those kept."""
    first = windows.frame["first_row"].to_numpy(dtype=np.int64)
    low, high = (int(first.min()), int(first.max()) + spec.samples) if len(first) else (0, 0)
    keypoints = read_rows(entries, ENTRIES, low, high).arrays
    rows = first[:, None] + np.arange(spec.samples)
    values = keypoints[rows - low]  # (N, T, V, coordinates and confidence)
    if spec.frames:
        out.append(windows.frame.drop(columns="first_row"), np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
        return first
    keep, normalized = normalize_people(values, spec.normalization, least, layout(windows.meta["layout"]))
    if seen is not None:
        normalized = np.ascontiguousarray(seen[rows[keep]].transpose(0, 3, 1, 2), dtype=np.float32)
    if shown is not None:
        visible = shown(windows, values)
        normalized, keep = normalized[visible[keep]], keep & visible
    out.append(windows.frame[keep].drop(columns="first_row"), normalized)
    return first[keep]
