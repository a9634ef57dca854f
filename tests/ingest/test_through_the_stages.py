"""A clip of every format, by its reader's own tests' samples, through `import`, `extract` and `track`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages import extract, track
from stages.core.paths import Project, clip_file
from stages.core.schemas import TRACKS
from stages.core.tables import read
from stages.ingest import importing
from stages.ingest.formats.registry import READERS

FRAMES = 6
CLIP = "S001C001P001R001A001"


def joints(frame: int, count: int = 17) -> list[float]:
    """Somebody 60 px wide and high who walks 2 px a frame to the right."""
    places = [(200 + 2 * frame + 15 * (joint % 5), 100 + 15 * (joint % 4)) for joint in range(count)]
    return [value for x, y in places for value in (float(x), float(y), 0.9)]


def alphapose(folder: Path) -> None:
    people = [{"image_id": f"{f}.jpg", "category_id": 1, "keypoints": joints(f), "score": 2.5} for f in range(FRAMES)]
    (folder / f"{CLIP}.json").write_bytes(orjson.dumps(people))


def tracked_person(folder: Path) -> None:
    frames = {f"{frame:04d}": {"keypoints": joints(frame), "scores": 2.5} for frame in range(FRAMES)}
    (folder / f"{CLIP}.json").write_bytes(orjson.dumps({"0": frames}))


def mped_rnn(folder: Path) -> None:
    (folder / CLIP).mkdir()
    rows = ([frame, *(value for at, value in enumerate(joints(frame)) if at % 3 < 2)] for frame in range(FRAMES))
    (folder / CLIP / "0.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))


def coco(folder: Path) -> None:
    people = [{"image_id": f, "category_id": 1, "keypoints": joints(f), "score": 0.5} for f in range(FRAMES)]
    (folder / f"{CLIP}.json").write_bytes(orjson.dumps(people))


def kinetics(folder: Path) -> None:
    def body(frame: int) -> dict[str, Any]:
        values = joints(frame, 18)
        pose = [share for x, y in zip(values[::3], values[1::3], strict=True) for share in (x / 640, y / 480)]
        return {"pose": pose, "score": values[2::3]}

    frames = [{"frame_index": frame + 1, "skeleton": [body(frame)]} for frame in range(FRAMES)]
    (folder / f"{CLIP}.json").write_bytes(orjson.dumps({"data": frames, "label": "walking", "label_index": 1}))


def ntu(folder: Path) -> None:
    lines = [str(FRAMES)]
    for frame in range(FRAMES):
        values = joints(frame, 25)
        lines += ["1", "72057594037931101 0 1 1 1 1 0 0 0 2", "25"]
        lines += [
            f"0.{at} 0.5 3 0 0 {x} {y} 0 0 0 0 2"
            for at, (x, y) in enumerate(zip(values[::3], values[1::3], strict=True))
        ]
    (folder / f"{CLIP}.skeleton").write_text("\n".join(lines))


def parquet(folder: Path) -> None:
    columns = {"frame": list(range(FRAMES)), "keypoints": [joints(frame) for frame in range(FRAMES)]}
    pq.write_table(pa.table(columns), folder / f"{CLIP}.parquet")


SAMPLES = {write.__name__: write for write in (alphapose, tracked_person, mped_rnn, coco, kinetics, ntu, parquet)}
GIVEN: dict[str, Any] = {"fps": "30", "size": "640x480", "test": ("*",)}


@pytest.mark.parametrize("name", READERS)
def test_from_a_file_to_tracks(tmp_path: Path, name: str) -> None:
    (tmp_path / "params.yaml").write_text("datasets: [one]\nextract: {}\ntrack: {}\n")
    project, source = Project(tmp_path), tmp_path / "source"
    source.mkdir()
    SAMPLES[name](source)
    given = GIVEN | {"ntu": {"size": "1920x1080"}, "parquet": {"layout": "coco17"}}.get(name, {})
    importing.run(project, name, str(source), dataset="one", **given)
    extract.run(project, "one")
    track.run(project, "one")
    tracks = read(clip_file(project.tracks("one"), CLIP), TRACKS)
    assert tracks.frame["frame"].tolist() == list(range(FRAMES))
    assert tracks.frame["track"].nunique() == 1  # one person, whose id was given or found
    if name != "ntu":  # whose coordinates are metres
        assert tracks.arrays[:, 0, 0].tolist() == pytest.approx([200.0 + 2 * frame for frame in range(FRAMES)])
    assert tracks.frame["x"].tolist() == pytest.approx([200.0 + 2 * frame for frame in range(FRAMES)])
