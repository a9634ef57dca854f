"""The check stage: what a person gets wrong is told before any long work, all of it at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages import check
from stages.core.errors import DatasetError, ParamsError
from stages.core.paths import Project
from stages.pose import vouching
from tests.pose.mp4 import retime, turn
from tests.pose.test_video import lying, make
from tests.stages.demo import ROOT, Params, demo, own_params, save


@pytest.fixture
def params() -> Params:
    return own_params()


@pytest.fixture
def project(tmp_path: Path, params: Params) -> Project:
    return demo(tmp_path, params)


def mistakes(folder: Path, params: Params) -> str:
    with pytest.raises(ParamsError) as error:
        check.check_params(save(folder, params))
    return str(error.value)


def test_the_projects_own_params_and_demo_are_right(project: Project) -> None:
    check.run(project)
    clips = json.loads(project.checked("demo").read_text())["clips"]
    assert set(clips) == {"street_train", "street_fast", "roof_flip"}
    assert clips["roof_flip"]["sha256"].startswith("c473d620f5be")


def test_all_mistakes_of_all_sections_at_once(tmp_path: Path, params: Params) -> None:
    params["evaluate"] = {"landng": "centre"}
    params["train"]["seeds"] = "many"
    params["trakc"] = {}
    params["windows"]["second"]["secnods"] = 1
    params["detectors"]["knn"]["window"] = "minute"
    params["detectors"]["knnn"] = {}
    params["runs"].append({"dataset": "demo", "detector": "gcn"})
    params["runs"].append({"dataset": "dmeo", "detector": "knn"})
    params["runs"].append({"dataset": "demo", "detector": "knn"})
    text = mistakes(tmp_path, params)
    for expected in (
        "9 mistakes in params.yaml",
        "evaluate.landng: unknown parameter; did you mean 'landing'?",
        "train.seeds:",
        "trakc: unknown section; did you mean 'track'?",
        "windows.second.secnods: unknown parameter; did you mean 'seconds'?",
        "detectors.knn.window: 'minute' is not among segment.windows: second",
        "detectors.knnn: unknown detector; did you mean 'knn'?",
        "runs[2].detector: 'gcn' is not set up",
        "runs[3].dataset: 'dmeo' is not set up; did you mean 'demo'?",
        "runs[4]: {'dataset': 'demo', 'detector': 'knn'} stands there twice",
    ):
        assert expected in text


def test_pictures_are_for_those_who_read_them(tmp_path: Path, params: Params) -> None:
    params["windows"]["seen"] = {"seconds": 0.8, "patches": {"sise": 8}}
    params["detectors"]["knn"]["window"] = "seen"
    params["detectors"]["gepc_patches"] = {"window": "second"}
    params["segment"]["windows"] = ["second", "seen"]
    text = mistakes(tmp_path, params)
    assert "windows.seen.patches.sise: unknown parameter; did you mean 'size'?" in text
    assert "detectors.knn.window: knn reads coordinates, and 'seen' holds pictures of joints" in text
    assert (
        "detectors.gepc_patches.window: gepc_patches reads pictures of joints, and 'second' holds coordinates" in text
    )


def test_whole_frames_are_for_those_who_look_at_them(tmp_path: Path, params: Params) -> None:
    params["windows"]["film"] = {"seconds": 1.6, "frames": {"colour": "sepia"}}
    params["windows"]["both"] = {"seconds": 1.6, "frames": {}, "patches": {}}
    params["detectors"]["itae"] = {"window": "second"}
    params["detectors"]["knn"]["window"] = "film"
    params["segment"]["windows"] = ["second", "film"]
    text = mistakes(tmp_path, params)
    assert "windows.film.frames.colour: Input should be 'grey' or 'rgb'" in text
    assert "windows.both: give one of patches, frames and crops" in text
    assert "detectors.itae.window: itae reads whole frames, and 'second' holds coordinates; name a spec with" in text
    assert "detectors.knn.window: knn reads coordinates, and 'film' holds whole frames; name a spec without" in text


def test_pictures_of_people_are_for_those_who_look_at_them(tmp_path: Path, params: Params) -> None:
    params["windows"]["people"] = {"seconds": 0.8, "crops": {"size": 4}}
    params["detectors"]["mgenet"] = {"window": "second"}
    params["segment"]["windows"] = ["second", "people"]
    text = mistakes(tmp_path, params)
    assert "windows.people.crops.size: Input should be greater than or equal to 8" in text
    assert "detectors.mgenet.window: mgenet reads pictures of people, and 'second' holds coordinates" in text


def test_a_student_reads_windows_like_those_of_its_base(tmp_path: Path, params: Params) -> None:
    params["windows"]["people"] = {**params["windows"]["second"], "stride_train": 3, "crops": {"size": 48}}
    params["detectors"] |= {"mgenet": {"window": "people"}, "stg_nf": {"window": "people"}}
    params["runs"] = [{"dataset": "demo", "detector": "stg_nf"}]
    params["students"] = [{"dataset": "demo", "detector": "mgenet", "base": "stg_nf"}]
    params["segment"]["windows"] = ["second", "people"]
    check.check_params(save(tmp_path, params))  # who reads coordinates alone may read those beside pictures
    params["detectors"]["stg_nf"]["window"] = "second"
    check.check_params(save(tmp_path, params))
    params["windows"]["people"]["rate"] = 5.0
    text = mistakes(tmp_path, params)
    assert "students[0].base: stg_nf reads windows.second and mgenet windows.people, which differ in what a" in text


def test_a_detector_that_is_not_run_may_name_a_window_that_is_not_cut(tmp_path: Path, params: Params) -> None:
    params["windows"]["seen"] = {"seconds": 0.8, "patches": {}}
    params["detectors"]["gepc_patches"] = {"window": "seen"}
    check.run(demo(tmp_path, params))


def test_the_coarse_protocols_window_stands_in_for_the_detectors_own(project: Project, params: Params) -> None:
    params["windows"]["action"] = {"seconds": 0.8, "task": "actions"}
    params["segment"]["windows"] = ["action"]
    params["runs"], params["students"] = [], []
    params["coarse"] = {"runs": [{"dataset": "demo", "detector": "knn"}], "window": "action"}
    with pytest.raises(ParamsError) as caught:
        check.run(save(project.root, params))
    assert "detectors.knn.window" not in str(caught.value)
    params["coarse"]["window"] = None
    with pytest.raises(ParamsError, match=r"detectors\.knn\.window: 'second' is not among segment\.windows: action"):
        check.run(save(project.root, params))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("windows", [1, 2], "windows: must be a mapping of names to settings"),
        ("detectors", "all", "detectors: must be a mapping of names to settings"),
        ("segment", {"windows": ["hour"]}, "segment.windows: no window spec 'hour'"),
        ("runs", ["demo"], "runs[0]"),
        ("datasets", ["de mo"], "datasets: 'de mo' must be letters"),
        ("datasets", None, "datasets: name at least one"),
        ("runs", [], "runs: name at least one, or one in coarse.runs"),
    ],
)
def test_misshapen_sections(tmp_path: Path, params: Params, key: str, value: object, message: str) -> None:
    params[key] = value
    assert message in mistakes(tmp_path, params)


def test_videos_are_held_against_what_is_declared(project: Project) -> None:
    folder = project.raw("demo")
    clips = (folder / "clips.csv").read_text()
    clips = clips.replace("768,576,500", "640,576,500").replace("roof,30,1768", "roof,25,1768")
    (folder / "clips.csv").write_text(clips)
    (folder / "videos" / "street_fast.mp4").write_bytes(b"")
    with pytest.raises(DatasetError) as error:
        check.run(project)
    text = str(error.value)
    assert "street_train: clips.csv says width 640, the file says 768" in text
    assert "roof_flip: clips.csv says fps 25, the file says 30" in text
    assert "street_fast:" in text
    assert "empty" in text
    assert not project.checked("demo").exists()


@pytest.mark.parametrize("spoil", ["missing", "text", "truncated"])
def test_a_broken_video_is_named(project: Project, spoil: str) -> None:
    video = project.raw("demo") / "videos" / "roof_flip.mp4"
    whole = video.read_bytes()
    video.unlink()
    if spoil != "missing":
        video.write_bytes(b"this is no video" * 100 if spoil == "text" else whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="roof_flip"):
        check.run(project)


def declare(project: Project, path: Path, **measures: object) -> Project:
    """A dataset `own` of one clip, and params.yaml with it alone; `measures` replace those the file has."""
    row = {"fps": 10, "width": 64, "height": 48, "frames": 20, **measures}
    folder = project.raw("own")
    (folder / "dataset.yaml").write_text("{name: own, source: own, licence: none}")
    clips = {"clip": "walk", "split": "test", "path": path.name, "camera": "phone", "scene": "park", **row}
    pd.DataFrame([clips]).to_csv(folder / "clips.csv", index=False)
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    params = yaml.safe_load(project.params.read_text())
    params |= {"datasets": ["own"], "runs": [{"dataset": "own", "detector": "knn"}]}
    return save(project.root, params)


@pytest.fixture
def own(project: Project) -> Path:
    """Folder of a dataset that `declare` fills."""
    project.raw("own").mkdir()
    return project.raw("own")


def test_a_video_that_may_not_be_read_is_one_of_the_mistakes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(vouching, "sha256_file", refuse)
    (project.raw("demo") / "videos" / "street_fast.mp4").unlink()
    with pytest.raises(DatasetError, match="3 of the clips' files are not as declared") as error:
        check.run(project)
    assert "  - roof_flip: videos/roof_flip.mp4 cannot be read: Permission denied" in error.value.what
    assert "  - street_fast: the video is missing" in error.value.what


def test_a_phones_video_is_declared_as_it_is_seen(project: Project, own: Path) -> None:
    path = turn(make(own / "phone.mp4"), 90)
    check.run(declare(project, path, width=48, height=64))
    with pytest.raises(DatasetError, match="walk: clips.csv says width 64, the file says 48"):
        check.run(declare(project, path))


def test_a_variable_rate_is_told_before_hours_are_spent(project: Project, own: Path) -> None:
    path = retime(make(own / "web.mp4"), [0.1] * 10 + [0.4] * 10)
    with pytest.raises(DatasetError, match=r"walk: variable frame rate: frame 2 .*\(give it an even rate, `ffmpeg"):
        check.run(declare(project, path, fps=4))


def test_a_lying_header_is_settled_by_counting(project: Project, own: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = lying(own / "lie.avi", 33)  # 20 frames
    with caplog.at_level("WARNING", "normotion"):
        check.run(declare(project, path))
    assert "walk: its header claims 33 frames, 20 can be decoded as declared" in caplog.text
    with pytest.raises(DatasetError, match="walk: clips.csv says frames 25, the file says 33 and holds 20"):
        check.run(declare(project, path, frames=25))


def test_mistakes_of_all_datasets_are_told_at_once(project: Project, own: Path, params: Params) -> None:
    declare(project, make(own / "walk.mp4"), width=80)
    (project.raw("demo") / "videos" / "roof_flip.mp4").unlink()
    params["datasets"] = ["demo", "own"]
    with pytest.raises(DatasetError, match="2 of the clips' files are not as declared") as error:
        check.run(save(project.root, params))
    assert "roof_flip: the video is missing" in str(error.value)
    assert "walk: clips.csv says width 80, the file says 64" in str(error.value)
    assert str(project.raw("demo") / "clips.csv") in error.value.where
    assert str(own / "clips.csv") in error.value.where


def test_windows_must_be_possible_with_what_videos_give(project: Project, params: Params) -> None:
    params["windows"]["second"]["layout"] = "ntu25"
    with pytest.raises(ParamsError, match=r"windows.second: no conversion from layout 'coco17' to 'ntu25'.*'demo'"):
        check.run(save(project.root, params))


def test_limits_are_kept(project: Project, params: Params) -> None:
    params["check"] = {"max_frames": 300}
    with pytest.raises(DatasetError, match=r"street_train: 500 frames are more than check\.max_frames = 300"):
        check.run(save(project.root, params))


def test_a_failed_check_leaves_the_last_good_one(project: Project, params: Params) -> None:
    check.run(project)
    before = project.checked("demo").read_bytes()
    params["datasets"] = ["demo", "gone"]
    with pytest.raises(DatasetError, match="no dataset 'gone'"):
        check.run(save(project.root, params))
    assert project.checked("demo").read_bytes() == before


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, stages.check\n"
        "from pathlib import Path\n"
        "from stages.core.paths import Project\n"
        "stages.check.check_params(Project(Path('.')))\n"
        "print(sorted({'torch', 'onnxruntime', 'sklearn', 'matplotlib', 'mlflow', 'prefect'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_students_and_coarse_runs_are_part_of_the_whole(tmp_path: Path, params: Params) -> None:
    params["students"] = [
        {"dataset": "demo", "detector": "knn", "base": "stg_nf"},
        {"dataset": "demo", "detector": "stg_nf_supervised", "base": "gepc"},
    ]
    params["coarse"] = {"runs": [{"dataset": "gym", "detector": "knn"}], "over_windows": "median", "window": "minute"}
    text = mistakes(tmp_path, params)
    for expected in (
        "students[0]: knn on demo is runs[1] already",
        "students[1].base: 'gepc' on 'demo' is among neither runs nor students",
        "coarse.runs[0].dataset: 'gym' is not set up",
        "coarse.over_windows:",
        "coarse.window: 'minute' is not among segment.windows: second",
    ):
        assert expected in text


def test_a_dataset_of_frames_is_not_for_the_coarse_grained_protocol(project: Project, params: Params) -> None:
    params["coarse"] = {"runs": [{"dataset": "demo", "detector": "knn"}]}
    with pytest.raises(ParamsError, match=r"coarse\.runs\[0\]: 'demo' is of task frames; list the pair under runs"):
        check.run(save(project.root, params))
