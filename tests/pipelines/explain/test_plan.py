"""What params.yaml will do with a dataset, read as the stages read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.explain.plan import fits, plan_of, seconds, span
from stages.core.cutting import cut, resample
from stages.core.dataset import load_dataset
from stages.core.windows import FrameParams, WindowSpec
from tests.stages.demo import demo, own_params

SECOND = WindowSpec(rate=10.0, seconds=0.8)


def test_a_window_covers_its_time_at_every_rate() -> None:
    assert [span(SECOND, fps) for fps in (10.0, 30.0, 5.0)] == [8.0, 24.0, 4.0]
    assert seconds(SECOND, 30.0) == pytest.approx(0.8)
    consecutive = WindowSpec(rate=None, length=24)
    assert span(consecutive, 25.0) == 24.0
    assert seconds(consecutive, 25.0) == pytest.approx(0.96)


@pytest.mark.parametrize(
    ("frames", "fps", "every", "wanted"),
    [
        (8, 10.0, 1, True),
        (7, 10.0, 1, False),
        (22, 30.0, 1, True),  # samples at frames 0, 3 … 21
        (21, 30.0, 1, False),
        (1000, 10.0, 2, False),  # every other sample is filled in, and two of eight may be
        (1000, 30.0, 3, True),
        (0, 10.0, 1, False),
    ],
)
def test_whether_a_clip_has_a_window(frames: int, fps: float, every: int, wanted: bool) -> None:
    if frames:
        seen = np.arange(0, frames, every)
        entries = resample(np.zeros_like(seen), seen, np.zeros((len(seen), 1, 3), np.float32), SECOND, fps)
        assert (len(cut(entries, SECOND, 1)[0]) > 0) == wanted  # of all its frames, not of the first few
    assert fits(SECOND, frames, fps, every) == wanted


def test_windows_of_whole_frames_follow_nobody() -> None:
    scene = WindowSpec(rate=10.0, seconds=1.6, stride_score=8, frames=FrameParams())
    assert fits(scene, 46, 30.0)
    assert not fits(scene, 45, 30.0)  # samples at frames 0, 3 … 45: the sixteenth is the 46th frame


def test_who_reads_what_on_a_dataset(tmp_path: Path) -> None:
    params = own_params()
    params["windows"]["half"] = {**params["windows"]["second"], "seconds": 0.4}
    params["segment"]["windows"] = ["second", "half"]
    params["detectors"]["knn"]["window"] = "half"
    params["runs"].append({"dataset": "demo", "detector": "stg_nf_supervised"})
    params["evaluate"]["of"] = {"demo": {"bootstrap": {"least_clips": 3}}}
    project = demo(tmp_path, params)
    found = plan_of(project, load_dataset(project, "demo"))
    assert found.listed
    assert found.readers == {"second": ["stg_nf", "stg_nf_supervised"], "half": ["knn"]}
    assert found.specs["half"].samples == 4
    assert found.supervised == {"stg_nf_supervised"}
    assert found.evaluate.bootstrap.least_clips == 3


def test_a_dataset_that_nobody_named_is_read_by_nobody(tmp_path: Path) -> None:
    params = own_params() | {"datasets": ["other"], "runs": []}
    project = demo(tmp_path, params)
    found = plan_of(project, load_dataset(project, "demo"))
    assert not found.listed
    assert found.detectors == []
