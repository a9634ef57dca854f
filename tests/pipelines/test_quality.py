"""`normotion quality`: from tables to figures and a page that opens in a browser."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines import quality
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, TRACKS, Rows, pose_meta
from stages.core.tables import writing
from tests.pipelines.helpers import open_browser

CLIPS = {"door_1": "door", "door_2": "door", "yard_1": "yard"}


def people(clip: str, frames: range, tracks: int, seed: int = 0) -> Rows:
    """`tracks` people side by side, 50 px tall, in each of `frames`."""
    count = len(frames) * tracks
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "clip": clip, "frame": np.repeat(np.array(frames, np.int32), tracks),
            "x": 20.0 * np.tile(np.arange(tracks), len(frames)), "y": 100.0, "w": 15.0, "h": 50.0, "score": 0.9,
            "track": pd.array(np.tile(np.arange(tracks), len(frames)), dtype="Int32"),
        }
    )  # fmt: skip
    values = random.uniform(0.5, 1.0, (count, 17, 3)).astype(np.float32)
    values[:, 10, 2] = 0.1
    return Rows(frame, values, pose_meta("coco17"))


def put(project: Project, clip: str, pieces: list[Rows]) -> None:
    for schema, folder in ((POSES, project.poses("toy")), (TRACKS, project.tracks("toy"))):
        with writing(clip_file(folder, clip), schema, pieces[0].meta) as out:
            for piece in pieces:
                out.append(piece.frame, piece.values)


@pytest.fixture
def toy(tmp_path: Path) -> Project:
    """Two cameras, three clips of 40 frames: two people always, one in half of the frames, nobody."""
    project = Project(tmp_path)
    folder = project.raw("toy")
    folder.mkdir(parents=True)
    (folder / "dataset.yaml").write_text("{name: A toy., source: made, licence: none, modality: poses}")
    rows = [f"{clip},test,poses/{clip}.parquet,{camera},x,10,640,480,40" for clip, camera in CLIPS.items()]
    (folder / "clips.csv").write_text("\n".join(["clip,split,path,camera,scene,fps,width,height,frames", *rows]))
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\ndoor_2,10,29\n")
    put(project, "door_1", [people("door_1", range(40), 2)])
    put(project, "door_2", [people("door_2", range(20), 1)])
    put(project, "yard_1", [people("yard_1", range(0), 1)])
    return project


def out(project: Project) -> Path:
    return project.root / "reports" / "quality" / "toy"


def told(project: Project) -> dict[str, Any]:
    quality.run(project, "toy")
    loaded: dict[str, Any] = json.loads((out(project) / "quality.json").read_text())
    return loaded


def test_figures_by_clip_camera_and_joint(toy: Project) -> None:
    found = told(toy)
    assert found["all"]["frames_with_tracks"] == 60 / 120
    assert {clip: row["frames_with_tracks"] for clip, row in found["clips"].items()} == {
        "door_1": 1.0, "door_2": 0.5, "yard_1": 0.0,
    }  # fmt: skip
    assert found["cameras"]["door"]["frames_with_tracks"] == 0.75
    assert found["clips"]["door_2"]["abnormal_frames_with_tracks"] == 0.5  # 10 to 19 of 10 to 29
    assert found["all"]["joints"]["right_wrist"] == {"confidence": 0.1, "unsure": 1.0}
    texts = [advice["text"] for advice in found["advice"]]
    assert texts[0] == "Nobody at all was found in clip yard_1 (40 frames)."
    assert texts[1] == "In 50 % of the frames labelled abnormal of clip door_2 nobody is tracked."
    assert "50 % of the frames of clip door_2 have nobody." in texts
    assert "Unsure joints: 10 right wrist (100 %)." in texts


def test_the_table_has_a_row_per_clip(toy: Project) -> None:
    quality.run(toy, "toy")
    table = pd.read_csv(out(toy) / "clips.csv").set_index("clip")
    assert list(table.index) == list(CLIPS)
    assert table.loc["door_1", "poses"] == 80
    assert table.loc["door_2", "camera"] == "door"
    assert table.loc["door_1", "confidence_right_wrist"] == 0.1
    assert table["confidence_right_wrist"].isna()["yard_1"]


def test_equal_inputs_give_equal_bytes(toy: Project) -> None:
    quality.run(toy, "toy")
    first = {path.name: path.read_bytes() for path in out(toy).iterdir()}
    quality.run(toy, "toy")
    assert {path.name: path.read_bytes() for path in out(toy).iterdir()} == first
    assert set(first) == {"clips.csv", "index.html", "quality.json"}


def test_what_is_grave_is_a_warning_in_the_log(toy: Project, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "normotion"):
        quality.run(toy, "toy")
    levels = {record.message.split(" ")[0]: record.levelname for record in caplog.records}
    assert (levels["Nobody"], levels["Unsure"]) == ("WARNING", "INFO")
    assert "the page about poses and tracks is" in caplog.text


def test_a_missing_table_leaves_the_last_page(toy: Project) -> None:
    quality.run(toy, "toy")
    before = (out(toy) / "quality.json").read_bytes()
    clip_file(toy.tracks("toy"), "door_2").unlink()
    with pytest.raises(SchemaError, match="no tracks table") as error:
        quality.run(toy, "toy")
    assert "dvc repro" in error.value.fix
    assert (out(toy) / "quality.json").read_bytes() == before
    with pytest.raises(DatasetError, match="no dataset 'toys'"):
        quality.run(toy, "toys")


def peak(project: Project, thousands: int) -> int:
    """Bytes held at most while a clip of so many thousand frames, two people in each, is measured."""
    put(
        project, "door_1", [people("door_1", range(start * 1000, start * 1000 + 1000), 2) for start in range(thousands)]
    )
    path = project.raw("toy") / "clips.csv"
    path.write_text("\n".join([*path.read_text().splitlines()[:1], f"door_1,test,p,door,x,10,640,480,{thousands}000"]))
    (project.raw("toy") / "labels.csv").write_text("clip,start_frame,end_frame\n")
    tracemalloc.start()
    quality.run(project, "toy")
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_keypoints_are_held_a_row_group_at_a_time(toy: Project) -> None:
    peak(toy, 1)  # imports what it needs
    short, long = peak(toy, 5), peak(toy, 25)
    keypoints = 40_000 * 17 * 3 * 4  # bytes of those that the longer one has more
    assert long - short < 0.6 * keypoints  # frame, id and box of each tracked person


@pytest.mark.ui
def test_the_page_opens_without_complaint_and_fits_a_phone(toy: Project) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    quality.run(toy, "toy")
    with sync_api.sync_playwright() as playwright:
        browser = open_browser(playwright)
        complaints: list[str] = []
        for width in (390, 1200):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("request", lambda request: complaints.append(request.url))
            tab.goto((out(toy) / "index.html").as_uri())
            assert tab.title() == "Poses and tracks of toy"
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.locator(".joints svg circle").count() == 17
            assert tab.locator(".strip").count() == 3
        assert complaints == [(out(toy) / "index.html").as_uri()] * 2  # nothing else is asked for, nothing refused
        browser.close()
