"""Windows with pictures of their people, from a filmed dataset to what a detector reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray

from stages import normalize, segment
from stages.core.errors import VideoError
from stages.core.loading import load_windows, pictures_of, read_windows
from stages.core.paths import Project, clip_file, split_file
from stages.core.schemas import TRACKS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.storage import sha256_file
from stages.core.tables import write
from stages.core.tubes import ROW, places_file, tubes_file
from stages.core.windows import Windows
from stages.pose.video import frames

Colour = tuple[int, int, int]

LENGTH, SIZE, SIDE = 20, (160, 96), 40
CLIPS = {"a": "train", "b": "train", "c": "test"}
"""And nothing to validate with."""
LEFT, RIGHT = (20, 60, 150), (150, 60, 20)
"""What people pass before, RGB."""
OFF = 6
"""How far a colour may be off after the codec."""
EACH = 7
"""Windows of a track: of 4 samples, one every other frame of 20."""


def shirt(clip: str, track: int, frame: int) -> Colour:
    """The colour of a person, RGB: who they are and what time it is."""
    return 40 + 60 * list(CLIPS).index(clip), 40 + 120 * track, 10 * frame


def corner(track: int, frame: int, speed: int) -> tuple[int, int]:
    """Left and top of a person, who is a square."""
    return 4 + speed * frame, 4 + 48 * track


def film(project: Project, clip: str, speed: int, count: int = LENGTH) -> None:
    """Two people who walk to the right, one below the other."""
    path = project.raw("d") / "videos" / f"{clip}.avi"
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, SIZE)
    for frame in range(count):
        image = np.empty((*SIZE[::-1], 3), dtype=np.uint8)
        image[:, : SIZE[0] // 2], image[:, SIZE[0] // 2 :] = LEFT, RIGHT
        for track in (0, 1):
            x, y = corner(track, frame, speed)
            image[y : y + SIDE, x : x + SIDE] = shirt(clip, track, frame)
        writer.write(image[..., ::-1])
    writer.release()


def track(project: Project, clip: str, speed: int, reach: float, away: tuple[int, ...] = ()) -> None:
    """Their poses, which reach so far from the middle of a square to its edges; some are 1000 px away."""
    inside = stream(0, "joints").uniform(-1, 1, size=(17, 2))
    inside[5:7] = (-1, -1), (1, 1)
    people, keypoints = [], []
    for number in (0, 1):
        for frame in range(LENGTH):
            middle = np.array(corner(number, frame, speed)) + SIDE / 2 + 1000 * (number in away)
            people.append((clip, frame, 9.0, 9.0, 9.0, 9.0, 1.0, number))
            keypoints.append(np.hstack([middle + reach * SIDE / 2 * inside, np.ones((17, 1))]))
    table = pd.DataFrame(people, columns=["clip", "frame", *"xywh", "score", "track"])
    rows = Rows(table, np.array(keypoints, dtype=np.float32), pose_meta("coco17"))
    write(clip_file(project.tracks("d"), clip), TRACKS, rows)


def make(folder: Path, *, speed: int, reach: float, **held: Any) -> Project:
    here = Project(folder)
    spec = {"rate": 10.0, "length": 4, "layout": "openpose18", "crops": held}
    here.params.write_text(yaml.safe_dump({"windows": {"w": spec}}))
    for clip in CLIPS:
        film(here, clip, speed)
        track(here, clip, speed, reach)
    (here.raw("d") / "dataset.yaml").write_text("name: d\nsource: here\nlicence: CC0\n")
    (here.raw("d") / "labels.csv").write_text("clip,start_frame,end_frame\n")
    rows = [f"{clip},{split},videos/{clip}.avi,1,here,20,160,96,{LENGTH}\n" for clip, split in CLIPS.items()]
    (here.raw("d") / "clips.csv").write_text("clip,split,path,camera,scene,fps,width,height,frames\n" + "".join(rows))
    return here


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Joints keep to the middle of a person, so that nothing else is in their box over a window."""
    return make(tmp_path, speed=1, reach=0.3, size=16)


def run(project: Project) -> None:
    segment.run(project, "d", "w")
    normalize.run(project, "d", "w")


def windows(project: Project, split: str) -> Windows:
    path = split_file(project.normalized("d", "w"), split)
    return load_windows(path, "d", split, pictures=pictures_of(project, "d", "w"))


def seen(found: Windows) -> NDArray[np.float64]:
    """Mean colours of all pictures, `(N, T, 3)` RGB."""
    return np.stack([found.frames(row).mean(axis=(2, 3)) for row in range(len(found))])


def worn(found: Windows) -> NDArray[np.float64]:
    """What they must be, by the windows' index."""
    rows = found.index[["clip", "track", "start_frame"]].itertuples(index=False)
    return np.array(
        [[shirt(clip, person, int(start) + 2 * sample) for sample in range(4)] for clip, person, start in rows], float
    )


def places_of(*people: tuple[str, int]) -> list[tuple[str, int, int]]:
    return [(clip, person, 2 * number) for clip, person in people for number in range(EACH)]


def listed(found: Windows) -> list[tuple[str, int, int]]:
    rows = found.index[["clip", "track", "start_frame"]].itertuples(index=False)
    return [(str(clip), int(person), int(start)) for clip, person, start in rows]


def test_windows_hold_their_people_at_their_times_in_order(project: Project) -> None:
    run(project)
    train, test = windows(project, "train"), windows(project, "test")
    assert listed(train) == places_of(("a", 0), ("a", 1), ("b", 0), ("b", 1))
    assert listed(test) == places_of(("c", 0), ("c", 1))
    for found in (train, test):
        assert found.picture == (3, 16, 16)
        assert found.poses.shape == (len(found), 2, 4, 18)
        assert found.frames(0).shape == (4, 3, 16, 16)
        np.testing.assert_allclose(seen(found), worn(found), atol=OFF)
    assert len(windows(project, "validation")) == 0


def test_poses_are_those_of_windows_without_pictures(project: Project) -> None:
    run(project)
    with_pictures = windows(project, "train")
    project.params.write_text(yaml.safe_dump({"windows": {"w": {"rate": 10.0, "length": 4, "layout": "openpose18"}}}))
    run(project)
    assert pictures_of(project, "d", "w") is None
    plain = windows(project, "train")
    np.testing.assert_array_equal(plain.poses, with_pictures.poses)
    assert set(with_pictures.index.columns) - set(plain.index.columns) == {ROW}


def test_a_row_of_the_table_is_a_row_of_the_arrays(project: Project) -> None:
    run(project)
    folder, found = project.normalized("d", "w"), windows(project, "train")
    tubes, places = np.load(tubes_file(folder, "train")), np.load(places_file(folder, "train"))
    assert tubes.shape == (4 * EACH, 4, 3, 16, 16)
    assert places.shape == (4 * EACH, 3, 32, 32)
    assert found.index[ROW].tolist() == list(range(4 * EACH))
    for row in range(len(found)):
        np.testing.assert_array_equal(found.frames(row), tubes[row])
        np.testing.assert_array_equal(found.scene(row), places[row])
    some = np.array([20, 3])
    np.testing.assert_array_equal(found.take(some).frames(0), tubes[20])
    np.testing.assert_array_equal(found.take(some).scene(1), places[3])
    assert np.load(tubes_file(folder, "validation")).shape == (0, 4, 3, 16, 16)
    assert np.load(places_file(folder, "validation")).shape == (0, 3, 32, 32)


def test_every_row_group_finds_its_own_pictures(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.core.tables.ROWS_PER_GROUP", 5)
    run(project)
    path = split_file(project.normalized("d", "w"), "train")
    pieces = list(read_windows(path, "d", "train", pictures=pictures_of(project, "d", "w")))
    assert [len(piece) for piece in pieces] == [5, 5, 4] * 2  # the clips' windows are cut one by one
    assert [place for piece in pieces for place in listed(piece)] == listed(windows(project, "train"))
    tubes = np.load(tubes_file(path.parent, "train"))
    for number, piece in zip((0, 5, 10, 14, 19, 24), pieces, strict=True):
        np.testing.assert_allclose(seen(piece), worn(piece), atol=OFF)
        np.testing.assert_array_equal(piece.frames(3), tubes[number + 3])


def test_who_is_outside_the_frame_is_left_out_and_told(project: Project, said: pytest.LogCaptureFixture) -> None:
    track(project, "a", 1, 0.3, away=(0,))
    track(project, "c", 1, 0.3, away=(0, 1))
    run(project)
    assert "train: 21 windows normalized, 7 dropped as flatter than 1 px or outside the frame" in said.text
    assert "test: 0 windows normalized, 14 dropped as flatter than 1 px or outside the frame" in said.text
    found = windows(project, "train")
    assert listed(found) == places_of(("a", 1), ("b", 0), ("b", 1))
    assert len(np.load(tubes_file(project.normalized("d", "w"), "train"))) == 3 * EACH
    np.testing.assert_allclose(seen(found), worn(found), atol=OFF)
    assert len(windows(project, "test")) == 0


def test_places_show_what_people_passed_before(tmp_path: Path) -> None:
    project = make(tmp_path, speed=4, reach=1.0, size=8, scene_size=16)
    run(project)
    for split, people in (("train", 4), ("test", 2)):
        found = windows(project, split)
        last = np.flatnonzero(found.index["start_frame"] == 12)  # until then everything was free at some time
        assert len(last) == people
        for row in last.tolist():
            scene = found.scene(row).transpose(1, 2, 0).astype(float)
            np.testing.assert_allclose(scene[:, :8], np.broadcast_to(LEFT, (16, 8, 3)), atol=OFF)
            np.testing.assert_allclose(scene[:, 8:], np.broadcast_to(RIGHT, (16, 8, 3)), atol=OFF)


def test_a_place_is_that_of_a_windows_last_frame(tmp_path: Path) -> None:
    project = make(tmp_path, speed=4, reach=1.0, size=8, scene="masked", scene_size=16)
    run(project)
    found = windows(project, "test")
    wall = np.broadcast_to(RIGHT, (16, 3))
    for row in np.flatnonzero(found.index["track"] == 0).tolist():
        start = int(found.index["start_frame"][row])
        stands = 4 + 4 * (start + 6) + SIDE + 8  # how far right they and the margin reach then
        first = max(-(-stands // 10), 8)  # of a place's columns right of them, before the right wall
        scene = found.scene(row).transpose(1, 2, 0).astype(float)
        for column in range(first, 16):
            np.testing.assert_allclose(scene[:, column], wall, atol=OFF)
        if first > 8:
            assert np.abs(scene[4, first - 1] - wall[0]).max() > 2 * OFF  # painted


def test_a_short_video_is_refused_and_what_was_there_stays(project: Project) -> None:
    run(project)
    folder = project.normalized("d", "w")
    before = {path.name: sha256_file(path) for path in folder.iterdir()}
    assert len(before) == 9
    film(project, "c", 1, count=16)
    with pytest.raises(VideoError, match=r"16 frames could be decoded, but clips\.csv declares 20") as caught:
        normalize.run(project, "d", "w")
    assert caught.value.where.endswith("c.avi")
    assert {path.name: sha256_file(path) for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["w"]


def test_a_clip_is_decoded_once_for_everybody_in_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def counting(path: Path, *, expected: int | None = None) -> Any:
        decoded.append(path.stem)
        return frames(path, expected=expected)

    monkeypatch.setattr("stages.pose.crops.frames", counting)
    run(project)
    assert decoded == ["a", "b", "c"]


def without_footage(project: Project) -> None:
    described = (project.raw("d") / "dataset.yaml").read_text()
    (project.raw("d") / "dataset.yaml").write_text(described + "modality: poses\n")


def test_without_footage_there_are_no_windows(project: Project) -> None:
    without_footage(project)
    run(project)
    assert pictures_of(project, "d", "w") is None
    for split in ("train", "validation", "test"):
        assert len(windows(project, split)) == 0


def test_without_footage_segment_says_so(project: Project, said: pytest.LogCaptureFixture) -> None:
    without_footage(project)
    segment.run(project, "d", "w")
    for split in ("train", "validation", "test"):
        assert f"{split}: no windows, as the spec is for footage" in said.text
