"""The check stage on datasets of poses: their tables, and the windows and detectors that are to read them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import check
from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError, ParamsError
from stages.core.paths import Project
from stages.core.schemas import POSES, Rows, pose_meta
from stages.core.skeleton import layout
from stages.core.storage import sha256_file
from stages.core.tables import write
from stages.detectors.base import Modality
from stages.detectors.registry import detector
from tests.stages.demo import Params, demo, own_params, save


@pytest.fixture
def params() -> Params:
    return own_params()


@pytest.fixture
def project(tmp_path: Path, params: Params) -> Project:
    return demo(tmp_path, params)


def poses(
    project: Project, clips: dict[str, dict[str, Any]], *, skeleton: str = "coco17", coordinates: str = "xy"
) -> Project:
    """A dataset `given` of imported poses: two people in frames 0, 1 and 4 of each clip, spoiled as told."""
    folder = project.raw("given")
    for clip, changes in clips.items():
        columns: dict[str, Any] = {
            "clip": clip, "frame": [0, 0, 1, 1, 4, 4], "x": 1.0, "y": 2.0, "w": 10.0, "h": 20.0, "score": 0.9,
            "track": pd.array([0, 1] * 3, dtype="Int32"),
        }  # fmt: skip
        values = np.ones((6, len(layout(skeleton)), len(coordinates) + 1), np.float32)
        meta = pose_meta(skeleton, coordinates, "px" if coordinates == "xy" else "m")
        frame = pd.DataFrame({**columns, **{name: values for name, values in changes.items() if name in columns}})
        write(folder / "poses" / f"{clip}.parquet", POSES, Rows(frame, values, meta))
    (folder / "dataset.yaml").write_text("{name: given, source: a tool, licence: none, modality: poses}")
    rows = [f"{clip},train,poses/{clip}.parquet,cam,park,25,640,480,5" for clip in clips]
    (folder / "clips.csv").write_text("\n".join(["clip,split,path,camera,scene,fps,width,height,frames", *rows]))
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    params = yaml.safe_load(project.params.read_text())
    params |= {"datasets": ["given"], "runs": [{"dataset": "given", "detector": "knn"}]}
    return save(project.root, params)


def beside(project: Project, video: Path, frames: int) -> Project:
    """The dataset `given` with footage beside its poses, `frames` long by its own account."""
    folder = poses(project, {"a": {}}).raw("given")
    (folder / "videos").mkdir()
    shutil.copy(video, folder / "videos" / "a.mp4")
    clips = pd.read_csv(folder / "clips.csv").assign(video="videos/a.mp4", fps=10, width=768, height=576, frames=frames)
    clips.to_csv(folder / "clips.csv", index=False)
    return project


def test_footage_beside_poses_is_held_to_what_is_declared(project: Project) -> None:
    here = beside(project, project.raw("demo") / "videos" / "street_fast.mp4", 195)
    check.run(here)
    told = json.loads(here.checked("given").read_text())["clips"]["a"]
    assert told["video"] == "videos/a.mp4"
    assert told["video_sha256"] == sha256_file(here.raw("given") / "videos" / "a.mp4")


def test_footage_of_another_length_is_refused(project: Project) -> None:
    with pytest.raises(DatasetError, match="a: clips.csv says frames 190, the file says 195"):
        check.run(beside(project, project.raw("demo") / "videos" / "street_fast.mp4", 190))


def test_imported_poses_are_vouched_for(project: Project) -> None:
    check.run(poses(project, {"a": {}, "b": {}}))
    found = json.loads(project.checked("given").read_text())["clips"]
    digest = sha256_file(project.raw("given") / "poses" / "a.parquet")
    assert found["a"] == {"path": "poses/a.parquet", "sha256": digest, "camera": "cam"}
    assert set(found) == {"a", "b"}


def test_every_bad_file_of_poses_is_listed_with_its_place(project: Project) -> None:
    here = poses(
        project,
        {
            "late": {"frame": [0, 0, 1, 1, 5, 5]},
            "other": {"clip": "elsewhere"},
            "twice": {"track": pd.array([0, 0] * 3, dtype="Int32")},
            "cut": {},
            "gone": {},
            "text": {},
            "good": {},
        },
    )
    folder = project.raw("given") / "poses"
    (folder / "gone.parquet").unlink()
    (folder / "text.parquet").write_text("frame,x,y\n0,1,2\n")
    whole = (folder / "cut.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="6 of the clips' files are not as declared") as error:
        check.run(here)
    lines = {line.split(":")[0].strip(" -"): line for line in error.value.what.splitlines()[1:]}
    assert set(lines) == {"late", "other", "twice", "cut", "gone", "text"}
    assert "lies past the last frame, 4" in lines["late"]
    assert "frame 5" in lines["late"]
    assert "is of another clip than 'other'" in lines["other"]
    assert "frame 0" in lines["twice"]
    assert "not a readable Parquet file" in lines["cut"]
    assert "there is no poses table" in lines["gone"]
    assert all("`normotion import`" in line for line in lines.values())
    assert "dvc repro" not in error.value.what  # would not bring back what people gave
    assert not project.checked("given").exists()


def test_damage_within_a_table_is_found(project: Project) -> None:
    here = poses(project, {"a": {}})
    path = project.raw("given") / "poses" / "a.parquet"
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)  # the first page
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="a: it does not hold what poses are"):
        check.run(here)


def test_windows_must_be_possible_with_the_poses_there_are(project: Project, params: Params) -> None:
    here = poses(project, {"a": {}}, skeleton="ntu25", coordinates="xyz")
    chosen = yaml.safe_load(here.params.read_text())
    chosen["windows"]["second"]["normalization"]["frame_size"] = [856, 480]
    with pytest.raises(ParamsError, match=r"windows.second: normalization.frame_size has no sense for xyz"):
        check.run(save(project.root, chosen))
    with pytest.raises(ParamsError, match=r"windows.second: no conversion .*'ntu25' to 'openpose18'.*'given'.*'a'"):
        check.run(poses(save(project.root, params), {"a": {}}, skeleton="ntu25", coordinates="xyz"))
    assert not project.checked("given").exists()
    params["windows"]["second"]["layout"] = "ntu25"
    check.run(poses(save(project.root, params), {"a": {}}, skeleton="ntu25", coordinates="xyz"))


def test_poses_of_one_dataset_are_of_one_kind(project: Project) -> None:
    poses(project, {"flat": {}})
    flat = project.raw("given") / "poses" / "flat.parquet"
    kept = flat.read_bytes()
    here = poses(project, {"flat": {}, "solid": {}}, skeleton="ntu25", coordinates="xyz")
    flat.write_bytes(kept)
    with pytest.raises(DatasetError, match=r"the clips' poses differ: xy in px \(flat\), xyz in m \(solid\)"):
        check.run(here)


def test_rgb_detectors_are_refused_on_poses(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    poses(project, {"a": {}})
    seeing = type("Seeing", (detector("knn"),), {"needs": frozenset({Modality.RGB})})
    monkeypatch.setattr(check, "detector", lambda _: seeing)
    raw = {"runs": [{"dataset": name, "detector": "knn"} for name in ("given", "demo")]}
    datasets = {name: load_dataset(project, name) for name in ("given", "demo")}
    assert check.check_pairs(raw, datasets) == ["knn needs rgb, which dataset 'given' lacks"]


def actions(project: Project, **changes: Any) -> Params:
    """A dataset `given` of two actions beside the demo, and the params that put it through the coarse protocol."""
    kinds = {"wave_a": "wave", "wave_b": "wave", "walk_a": "walk", "walk_b": "walk"}
    poses(project, {clip: {} for clip in kinds})
    folder = project.raw("given")
    table = pd.read_csv(folder / "clips.csv").assign(kind=list(kinds.values()))
    table["split"] = ["train", "test"] * 2
    table.to_csv(folder / "clips.csv", index=False)
    about = folder / "dataset.yaml"
    about.write_text(about.read_text().replace("modality: poses", "modality: poses, task: actions"))
    (folder / "splits.yaml").write_text("splits: [{name: hands, classes: [wave], meaningful: true}]")
    runs = {"coarse": {"runs": [{"dataset": "given", "detector": "knn"}]}}
    return {**own_params(), "datasets": ["demo", "given"], **runs, **changes}


def test_a_dataset_of_actions_is_vouched_for(project: Project) -> None:
    check.run(save(project.root, actions(project)))
    assert project.checked("given").is_file()


def test_a_dataset_of_actions_is_not_judged_by_frames(project: Project) -> None:
    run = {"dataset": "given", "detector": "knn"}
    with pytest.raises(ParamsError, match=r"runs\[0\]: 'given' is of task actions.*list the pair under coarse\.runs"):
        check.run(save(project.root, actions(project, runs=[run])))


def test_splits_that_cannot_be_are_told_before_any_work(project: Project) -> None:
    params = actions(project)
    (project.raw("given") / "splits.yaml").write_text("splits: [{name: hands, classes: [wawe]}]")
    with pytest.raises(DatasetError, match="hands: no clip shows 'wawe'; did you mean 'wave'"):
        check.run(save(project.root, params))


def test_rgb_detectors_are_refused_by_the_coarse_protocol_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = actions(project)
    seeing = type("Seeing", (detector("knn"),), {"needs": frozenset({Modality.RGB})})
    monkeypatch.setattr(check, "detector", lambda _: seeing)
    datasets = {name: load_dataset(project, name) for name in ("given", "demo")}
    assert check.check_pairs(params, datasets) == ["knn needs rgb, which dataset 'given' lacks"]
