"""Extraction on a real Ray cluster on this machine, with the real networks, and workers that are killed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages import extract
from stages.core.errors import DatasetError, PassingError, PipelineError
from stages.core.incremental import quarantine
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES
from stages.core.tables import read
from stages.pose.engines.base import WorkParams, spread
from stages.pose.engines.cluster import Cluster
from tests.checkout import cut
from tests.pose.engines.chores import chores, do
from tests.stages.footage import reader

ray = pytest.importorskip("ray", reason="the ray extra is not installed")
pytestmark = [pytest.mark.ray, pytest.mark.slow]

SPANS = {"one": (0, 12), "two": (12, 12), "three": (24, 12), "four": (36, 30)}
"""First frame and number of frames of the clips, all of the demo's `street_train`."""


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Project:
    here = Project(tmp_path)
    raw = here.raw("street")
    (raw / "videos").mkdir(parents=True)
    for clip, span in SPANS.items():
        cut("street_train", raw / "videos" / f"{clip}.mp4", *span)
    (raw / "labels.csv").write_text("clip,start_frame,end_frame\n")
    shutil.copy2(root / "data" / "raw" / "demo" / "dataset.yaml", raw)
    declared = pd.read_csv(root / "data" / "raw" / "demo" / "clips.csv").set_index("clip").loc["street_train"]
    rows = [
        {**declared, "clip": clip, "path": f"videos/{clip}.mp4", "frames": count} for clip, (_, count) in SPANS.items()
    ]
    pd.DataFrame(rows).to_csv(raw / "clips.csv", index=False)
    set_params(here)
    return here


def set_params(project: Project, **section: object) -> None:
    engine = {"engine": "ray", "workers": 2, "threads": 1, "tile_above": None}
    project.params.write_text(yaml.safe_dump({"extract": {**engine, **section}}))


def times(project: Project) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in project.poses("street").glob("*.parquet")}


def test_a_killed_worker_loses_its_clip_alone(project: Project, said: pytest.LogCaptureFixture) -> None:
    folder = project.poses("street")
    seen: dict[str, int] = {}

    def kill() -> None:
        pid = reader(project.raw("street") / "videos" / "four.mp4")
        while not times(project):  # `four` is the longest: another clip is done while it is in work
            time.sleep(0.01)
        seen.update(times(project))
        seen["pid"] = pid
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    extract.run(project, "street")
    killer.join()
    after = times(project)
    assert set(after) == set(SPANS)
    assert "four" not in seen
    assert seen.items() <= {**after, "pid": seen["pid"]}.items()
    assert [line for line in said.messages if "its worker died" in line] == [
        "four: its worker died (WorkerCrashedError); try 2 of 3 follows"
    ]
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{clip}.parquet" for clip in SPANS)
    found = read(clip_file(folder, "four"), POSES)
    assert found.frame["frame"].between(0, SPANS["four"][1] - 1).all()
    with pytest.raises(ProcessLookupError):
        os.kill(seen["pid"], 0)
    before = times(project)
    extract.run(project, "street")  # nothing is left to do, and nothing is started
    assert times(project) == before
    set_params(project, engine="local", workers=None)
    extract.run(project, "street")  # nor does another engine make anything anew
    assert times(project) == before


def test_broken_clips_are_set_aside_and_the_rest_is_done(project: Project) -> None:
    video = project.raw("street") / "videos" / "three.mp4"
    whole = video.read_bytes()
    video.write_bytes(b"milk, bread, eggs\n" * 99)
    with pytest.raises(DatasetError, match=r"1 of 4 clips were set aside.*\n  - three: this is no video"):
        extract.run(project, "street", keep_going=True)
    assert set(times(project)) == {"one", "two", "four"}
    assert quarantine(project.poses("street")).exists()
    before = times(project)
    video.write_bytes(whole)
    extract.run(project, "street", keep_going=True)
    assert {clip: times(project)[clip] for clip in before} == before
    assert set(times(project)) == set(SPANS)
    assert not quarantine(project.poses("street")).exists()


def test_death_is_counted_and_troubles_come_back(tmp_path: Path) -> None:
    items = chores(tmp_path, "good", "deadly", "broken", "deadly once")
    troubles = {item.name: trouble for item, trouble in spread(Cluster(do, WorkParams(workers=2)), items, 1)}
    assert (troubles["good"], troubles["deadly once"]) == (None, None)
    assert isinstance(troubles["deadly"], PipelineError)
    assert str(troubles["broken"]) == "it is broken\n  where: broken\n  fix:   mend it"
    assert [item.attempts() for item in items] == [1, 2, 1, 2]
    assert not ray.is_initialized()


def test_a_cluster_that_is_not_there_is_named() -> None:
    with pytest.raises(PassingError, match="no Ray cluster answers") as error:
        Cluster(do, WorkParams(address="127.0.0.1:1"))
    assert error.value.where == "extract.address = 127.0.0.1:1"
