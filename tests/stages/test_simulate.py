"""Stage simulate: a data set whose files agree, made once, the same to the byte by any number of processes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import simulate
from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError, ParamsError, StorageError
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, REGIONS, TRACKS
from stages.core.storage import sha256_file
from stages.core.tables import read
from stages.core.truth import regions
from stages.pose.video import frames
from stages.simulation.places import PLACES
from stages.simulation.planning import SimulateParams, plans
from stages.simulation.world import Plan

CLIPS = {"hall_a_train_000", "hall_a_validation_000", "hall_a_test_003"}
FRAMES = 16


def few(params: SimulateParams) -> tuple[Plan, ...]:
    """Three short clips of the small benchmark, one of them abnormal."""
    return tuple(replace(plan, frames=FRAMES, people=4) for plan in plans(params) if plan.clip in CLIPS)


def fewer(params: SimulateParams) -> tuple[Plan, ...]:
    return few(params)[1:]


def project(root: Path, **params: object) -> Project:
    root.mkdir(exist_ok=True)
    text = {"datasets": ["simulated"], "simulate": {"workers": 1, **params}}
    (root / "params.yaml").write_text(yaml.safe_dump(text))
    return Project(root)


def hashes(project: Project) -> dict[str, str]:
    folder = project.raw("simulated")
    return {str(path.relative_to(folder)): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The three clips, filmed, by one process."""
    place = project(tmp_path_factory.mktemp("simulated") / "made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "plans", few)
        simulate.run(place)
    return place


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "plans", few)


def test_the_data_set_loads_and_says_what_was_planned(made: Project) -> None:
    data = load_dataset(made, "simulated")
    assert set(data.clips["clip"]) == CLIPS
    assert data.filmed
    assert data.description.modality == "poses"
    row = data.clip("hall_a_validation_000")
    assert (row["scene"], row["camera"], row["split"], row["frames"]) == ("hall", "hall_a", "validation", FRAMES)
    assert data.clips["abnormal"].tolist() == [int(clip == "hall_a_test_003") for clip in data.clips["clip"]]


def test_every_clip_has_poses_truth_and_a_film_of_the_right_length(made: Project) -> None:
    data = load_dataset(made, "simulated")
    for clip in CLIPS:
        poses, tracks = read(data.file(clip), POSES), read(clip_file(data.folder / "truth" / "tracks", clip), TRACKS)
        assert len(tracks) > 0.5 * len(poses) > 0
        assert poses.frame["track"].isna().all()
        assert max(poses.frame["frame"].max(), tracks.frame["frame"].max()) < FRAMES
        video = data.video(clip)
        assert video is not None
        assert sum(image.shape == (240, 320, 3) for _, image in frames(video, expected=FRAMES)) == FRAMES
        with np.load(data.folder / "truth" / "masks" / f"{clip}.npz") as masks:
            assert masks["ids"].shape == (FRAMES, 240, 320)


def test_the_cameras_calibration_stands_beside(made: Project) -> None:
    found = json.loads((made.raw("simulated") / "cameras.json").read_text())
    wanted = next(camera for place in PLACES for camera in place.cameras if camera.name == "hall_a")
    assert found["hall_a"]["position"] == list(wanted.position)
    assert found["hall_a"]["focal"] == wanted.focal


def test_labels_agree_with_regions(made: Project) -> None:
    data = load_dataset(made, "simulated")
    found = regions(data)
    assert found is not None
    assert len(found)
    for clip in CLIPS:
        odd = np.zeros(FRAMES)
        odd[found["frame"][found["clip"] == clip]] = 1
        np.testing.assert_array_equal(data.frame_labels(clip), odd)
    assert set(found["track"]) == set(data.labels["track"])
    assert set(found["kind"]) == set(data.labels["kind"]) == {data.clip("hall_a_test_003")["kind"]}


def test_masks_show_abnormal_people_where_their_regions_are(made: Project) -> None:
    data = load_dataset(made, "simulated")
    found = regions(data)
    assert found is not None
    with np.load(data.folder / "truth" / "masks" / "hall_a_test_003.npz") as masks:
        ids = masks["ids"]
    inside = total = 0
    sides = found[["x1", "y1", "x2", "y2"]].to_numpy().astype(int)
    for frame, track, (x1, y1, x2, y2) in zip(found["frame"], found["track"], sides, strict=True):
        mask = ids[frame] == track + 1
        inside, total = inside + mask[y1 : y2 + 1, x1 : x2 + 1].sum(), total + mask.sum()
    assert total > 0
    assert inside / total > 0.95


def test_two_processes_write_the_same_bytes(made: Project, tmp_path: Path) -> None:
    other = project(tmp_path / "other", workers=2)
    simulate.run(other)
    assert hashes(other) == hashes(made)


def test_nothing_is_made_twice(made: Project, said: pytest.LogCaptureFixture) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.raw("simulated").rglob("*.mp4")}
    simulate.run(made)
    assert {path: path.stat().st_mtime_ns for path in made.raw("simulated").rglob("*.mp4")} == before
    assert "is unchanged, its poses and films are kept" in said.text


def unfilmed(root: Path, **params: object) -> Project:
    place = project(root, render=False, **params)
    simulate.run(place)
    return place


def test_without_films_the_same_poses(made: Project, tmp_path: Path) -> None:
    place = unfilmed(tmp_path / "bare")
    names = hashes(place)
    assert not [name for name in names if name.endswith((".mp4", ".npz"))]
    same = [name for name in names if name.startswith(("poses/", "truth/tracks/"))]
    assert {name: names[name] for name in same} == {name: hashes(made)[name] for name in same}
    assert not load_dataset(place, "simulated").filmed


def test_what_a_stopped_run_left_out_is_made_the_same(tmp_path: Path) -> None:
    place = unfilmed(tmp_path / "bare")
    before, folder = hashes(place), place.raw("simulated")
    clip_file(folder / "truth" / "regions", "hall_a_test_003").unlink()
    clip_file(folder / "poses", "hall_a_train_000").unlink()
    (folder / "poses" / ".x.parquet.tmp-999999999").touch()
    simulate.run(place)
    assert hashes(place) == before


def test_clips_no_longer_planned_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    place = unfilmed(tmp_path / "bare")
    gone = few(SimulateParams())[0].clip
    monkeypatch.setattr(simulate, "plans", fewer)
    simulate.run(place)
    assert "3 files of clips that are no longer planned are removed" in said.text
    assert not [name for name in hashes(place) if gone in name]
    assert set(load_dataset(place, "simulated").clips["clip"]) == CLIPS - {gone}


def test_other_noise_makes_other_poses_of_the_same_people(tmp_path: Path) -> None:
    place = unfilmed(tmp_path / "bare")
    before = hashes(place)
    unfilmed(tmp_path / "bare", noise={"level": 2.0})
    after = hashes(place)
    assert all(after[name] != before[name] for name in before if name.startswith("poses/"))
    assert all(after[name] == before[name] for name in before if name.startswith("truth/tracks/"))


def test_noisy_identities_come_with_the_poses(tmp_path: Path) -> None:
    place = unfilmed(tmp_path / "bare", ids="noisy")
    for clip in CLIPS:
        rows = read(clip_file(place.raw("simulated") / "poses", clip), POSES).frame
        assert rows["track"].notna().all()
        assert not rows.duplicated(["frame", "track"]).any()


def test_a_data_set_not_asked_for_is_an_empty_folder(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    place = unfilmed(tmp_path / "bare")
    place.params.write_text("datasets: [demo]\n")
    simulate.run(place)
    assert place.raw("simulated").is_dir()
    assert not hashes(place)
    assert "'simulated' is not among `datasets`" in said.text
    with pytest.raises(DatasetError):
        load_dataset(place, "simulated")


def test_nothing_abnormal_gives_empty_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "plans", lambda params: tuple(plan for plan in few(params) if not plan.kinds))
    data = load_dataset(unfilmed(tmp_path / "bare"), "simulated")
    assert data.labels.empty
    assert len(read(data.folder / "regions.parquet", REGIONS)) == 0
    assert pd.isna(data.clips["kind"]).all()


def test_a_wrong_parameter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"simulate\.noise\.spred.*'spread'"):
        simulate.run(project(tmp_path, noise={"spred": 0.1}))


def test_other_code_makes_every_clip_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    place = unfilmed(tmp_path / "bare")
    said.clear()
    monkeypatch.setattr(simulate, "fingerprint", lambda: "of other code")
    simulate.run(place)
    assert "unchanged" not in said.text


def test_a_dead_process_does_not_leave_a_clip_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    place = unfilmed(tmp_path / "bare")
    regions = clip_file(place.raw("simulated") / "truth" / "regions", "hall_a_test_003")
    monkeypatch.setattr(simulate, "fingerprint", lambda: "of other code")
    monkeypatch.setattr(simulate, "observe", die)
    with pytest.raises(KeyboardInterrupt):
        simulate.run(place)
    assert not regions.exists()


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.params.write_text("datasets: [simulated]\n")
    project.raw("simulated").parent.mkdir(parents=True)
    project.raw("simulated").touch()
    with pytest.raises(StorageError, match="no folder can be made"):
        simulate.run(project)


def test_a_missing_package_is_named_before_any_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    project.params.write_text("datasets: [simulated]\nsimulate: {workers: 2}\n")
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr(simulate, "spread", lambda *_: pytest.fail("processes were started"))
    with pytest.raises(ModuleNotFoundError, match="cv2"):
        simulate.run(project)
