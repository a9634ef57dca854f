"""Tables: they pass the doors of core, agree with one another, and hold what the view says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.schemas import POSES, REGIONS, TRACKS, Rows
from stages.core.tables import read, write
from stages.simulation import records
from stages.simulation.detection import detect
from stages.simulation.identities import identities
from stages.simulation.noise import NoiseParams
from stages.simulation.observation import observe
from tests.simulation.figures import actor, take

TAKE = take(
    [
        actor(3, (0.0, 0.0), 20, start=5, kind="fall", abnormal=True),
        actor(8, (1.5, 0.0), 40),
        actor(9, (9.0, 0.0), 40, kind="run", abnormal=True),  # out of the frame
    ]
)
VIEW = observe(TAKE)


def test_poses_pass_the_door_with_and_without_identities(tmp_path: Path) -> None:
    found = detect(VIEW, NoiseParams())
    write(tmp_path / "free.parquet", POSES, records.poses(VIEW, found, None))
    write(tmp_path / "named.parquet", POSES, records.poses(VIEW, found, identities(VIEW, found, NoiseParams())))
    free, named = (read(tmp_path / f"{name}.parquet", POSES) for name in ("free", "named"))
    assert free.frame["track"].isna().all()
    assert {3, 8} <= set(named.frame["track"])
    assert free.arrays.shape == (len(found.frames), 17, 3)
    assert free.meta["layout"] == "coco17"
    np.testing.assert_allclose(free.frame["w"], found.boxes[:, 2] - found.boxes[:, 0], atol=1e-4)


def test_tracks_are_the_exact_truth_of_who_is_in_view(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", TRACKS, records.tracks(VIEW))
    rows = read(tmp_path / "t.parquet", TRACKS)
    assert rows.frame.groupby("track").size().to_dict() == {3: 20, 8: 40}
    first = rows.frame.index[rows.frame["track"] == 3][0]
    np.testing.assert_allclose(rows.arrays[first, :, :2], VIEW.keypoints[5, 0], rtol=1e-6)
    np.testing.assert_array_equal(rows.arrays[first, :, 2], VIEW.visible[5, 0])


def test_regions_are_the_abnormal_people_in_view(tmp_path: Path) -> None:
    found = records.regions(VIEW)
    write(tmp_path / "r.parquet", REGIONS, Rows(found))
    assert read(tmp_path / "r.parquet", REGIONS).frame["frame"].tolist() == list(range(5, 25))
    assert set(found["track"]) == {3}
    assert set(found["kind"]) == {"fall"}
    assert (found["x2"] > found["x1"]).all()
    np.testing.assert_allclose(found[["x1", "y1", "x2", "y2"]].to_numpy()[0], VIEW.boxes[5, 0], rtol=1e-6)


def test_nothing_abnormal_gives_no_region_but_its_columns(tmp_path: Path) -> None:
    calm = observe(take([actor(0, (0.0, 0.0), 40)]))
    found = records.regions(calm)
    write(tmp_path / "r.parquet", REGIONS, Rows(found))
    assert len(read(tmp_path / "r.parquet", REGIONS)) == 0
    assert records.intervals(found).columns.tolist() == list(records.LABELS)
    assert records.intervals(found).empty


def test_intervals_are_stretches_of_one_person_doing_one_thing() -> None:
    # Track 1 falls in 3–5, is out of view in 6, falls in 7, then runs in 8–9; track 2 of the same clip runs in 4.
    rows = [("a", 1, frame, "fall") for frame in (3, 4, 5, 7)] + [("a", 1, frame, "run") for frame in (8, 9)]
    rows += [("a", 2, 4, "run"), ("b", 2, 5, "run")]
    found = pd.DataFrame(rows, columns=["clip", "track", "frame", "kind"]).sample(frac=1, random_state=0)
    assert records.intervals(found).to_numpy().tolist() == [
        ["a", 3, 5, 1, "fall"],
        ["a", 4, 4, 2, "run"],
        ["a", 7, 7, 1, "fall"],
        ["a", 8, 9, 1, "run"],
        ["b", 5, 5, 2, "run"],
    ]
