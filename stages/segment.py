"""TRACKS → SEGMENTS: tracks resampled to the window spec's rate, and cut into windows that point into them.

Windows of whole frames are cut from the clips themselves, and follow nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.core.cutting import Entries, cut, frame_entries, track_entries, window_labels, window_places
from stages.core.dataset import SPLITS, Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.params import load_section
from stages.core.paths import Project, clip_file, entries_file, split_file
from stages.core.person_labels import Accounts, Whereabouts, entry_states, person_labels
from stages.core.progress import log
from stages.core.schemas import ENTRIES, SEGMENTS, TRACKS, pose_meta
from stages.core.skeleton import layout as joint_layout
from stages.core.storage import atomic_folder
from stages.core.tables import Pieces, read, read_meta, writing
from stages.core.truth import regions
from stages.core.windows import FRAME, WindowSpec


def run(project: Project, dataset: str, window: str) -> None:
    """Cut the windows of one spec from every clip of a dataset.

    Raises:
        DatasetError: the dataset's files contradict one another, or its clips' poses differ in coordinates or unit.
        SchemaError: a TRACKS table is missing or of another version.
    """
    spec = load_section(project, f"windows.{window}", WindowSpec)
    data = load_dataset(project, dataset)
    meta = _form(project, data, spec)
    accounts = Accounts(data, _comparable_regions(data, meta))
    with atomic_folder(project.segments(dataset, window)) as folder:
        for split in SPLITS:
            with (
                writing(entries_file(folder, split), ENTRIES, meta) as entries,
                writing(split_file(folder, split), SEGMENTS, {**meta, "samples": str(spec.samples)}) as segments,
            ):
                shape = (1, 1) if spec.frames else (len(joint_layout(meta["layout"])), len(meta["coordinates"]) + 1)
                _segment_split(project, data, split, spec, shape, accounts, entries, segments)


def _form(project: Project, data: Dataset, spec: WindowSpec) -> dict[str, str]:
    """Metadata of the windows: their layout, and what the poses of all clips are measured in."""
    if spec.frames:
        return {"layout": FRAME, "coordinates": FRAME, "units": "frames", "channels": FRAME}
    forms: dict[tuple[str, str, str], str] = {}
    for clip in data.clips["clip"]:
        meta = read_meta(clip_file(project.tracks(data.name), clip), TRACKS)
        forms.setdefault((meta["coordinates"], meta["units"], spec.layout or meta["layout"]), clip)
    if len(forms) > 1:
        listed = ", ".join(f"{of[0]} in {of[1]}, {of[2]} ({clip!r})" for of, clip in forms.items())
        raise DatasetError(
            f"the clips' poses differ: {listed}",
            where=str(project.tracks(data.name)),
            fix="put clips of one kind into one dataset",
        )
    coordinates, units, layout = next(iter(forms))
    return pose_meta(layout, coordinates, units)


def _comparable_regions(data: Dataset, meta: Mapping[str, str]) -> pd.DataFrame | None:
    """Abnormal regions, where poses can be compared with them."""
    found = regions(data)
    if found is None or (meta["coordinates"], meta["units"]) == ("xy", "px"):
        return found
    log.info(
        f"{data.name}: regions are in px, poses {meta['coordinates']} in {meta['units']}: "
        f"who is abnormal follows from labels.csv"
    )
    return None


def _segment_split(
    project: Project,
    data: Dataset,
    split: str,
    spec: WindowSpec,
    shape: tuple[int, int],
    accounts: Accounts,
    entries_out: Pieces,
    segments_out: Pieces,
) -> None:
    stride = spec.stride_train if split == "train" else spec.stride_score
    nobody = np.empty(0, dtype=np.int64)
    nothing = np.empty((0, *shape), np.float32)
    empty = Entries(nobody, nobody, nobody.astype(bool), nothing)
    first_row = 0
    # The empty first piece gives a split without clips, or without people, a table of the right shape.
    _append(entries_out, "", empty)
    nothing_known = Whereabouts(np.empty(0, np.float32), pd.DataFrame(), pd.DataFrame())
    segments_out.append(_segments("", empty, nobody, nobody, spec, 1.0, nothing_known).assign(first_row=nobody))
    if not spec.cuts(data.description.task, filmed=data.filmed):
        what = "footage" if spec.looks and not data.filmed else f"datasets of task {spec.task}"
        log.info(f"{split}: no windows, as the spec is for {what}")
        return
    for _, clip in data.split(split).iterrows():
        entries, given = _entries(project, data, clip, spec)
        step = spec.step(clip["fps"])
        start, missing = cut(entries, spec, stride)
        known = accounts.of(clip["clip"], given=given)
        _append(entries_out, clip["clip"], entries)
        windows = _segments(clip["clip"], entries, start, missing, spec, step, known)
        segments_out.append(windows.assign(first_row=start + first_row))
        first_row += len(entries.track)
        _tell(clip, spec, entries, windows)


def _entries(project: Project, data: Dataset, clip: Any, spec: WindowSpec) -> tuple[Entries, bool]:
    """What one clip's windows are cut from, and whether who is who in it came with the data."""
    if spec.frames:
        return frame_entries(int(clip["frames"]), spec, clip["fps"]), False
    tracks = read(clip_file(project.tracks(data.name), clip["clip"]), TRACKS)
    return track_entries(tracks, spec, clip["fps"]), tracks.meta.get("tracker") == "given"


def _append(out: Pieces, clip: str, entries: Entries) -> None:
    columns = {"track": entries.track, "sample": entries.sample, "filled": entries.filled}
    out.append(pd.DataFrame({"clip": clip, **columns}), entries.keypoints)


def _segments(
    clip: str, entries: Entries, start: Any, missing: Any, spec: WindowSpec, step: float, known: Whereabouts
) -> pd.DataFrame:
    places = window_places(clip, entries, start, missing, spec.samples, step)
    end_frame = (entries.sample[start + spec.samples - 1] + 1) * step
    labels = window_labels(known.truth, places["start_frame"].to_numpy(), end_frame)
    if spec.frames:
        nobody = pd.array([pd.NA] * len(places), dtype="Int32")
        return places.assign(track=nobody, label=labels, person_label=nobody.astype("Int8"))
    return places.assign(
        label=labels,
        person_label=person_labels(entry_states(entries, step, known), entries.filled, start, spec.samples),
    )


def _tell(clip: Any, spec: WindowSpec, entries: Entries, windows: pd.DataFrame) -> None:
    people = len(np.unique(entries.track))
    if spec.frames:
        log.info(
            f"{clip['clip']}: {len(windows)} windows of {spec.samples} of {len(entries.track)} frames, "
            f"{int((windows['label'] == 1).sum())} touch abnormal frames"
        )
        if not len(windows):
            log.warning(f"{clip['clip']}: shorter than a window, so nothing in it is scored")
        return
    log.info(
        f"{clip['clip']}: {len(entries.track)} entries of {people} people "
        f"({int(entries.filled.sum())} filled in gaps), {len(windows)} windows of {spec.samples} samples, "
        f"{int((windows['missing'] > 0).sum())} of them with unseen samples, "
        f"{int((windows['label'] == 1).sum())} touch abnormal frames, "
        f"{int((windows['person_label'] == 1).sum())} follow somebody abnormal"
    )
