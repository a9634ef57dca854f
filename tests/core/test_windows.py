"""Window specs and the windows a detector is given; paths, seeds and errors beside them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from stages.core.errors import DatasetError, ParamsError, VideoError
from stages.core.paths import Project, find_project, inside
from stages.core.seeding import derive, stream
from stages.core.windows import Windows, WindowSpec


@pytest.mark.parametrize(
    ("kwargs", "samples", "step"),
    [
        ({"seconds": 0.8, "rate": 10.0}, 8, 3.0),
        ({"seconds": 1.2, "rate": 10.0}, 12, 3.0),
        ({"length": 24, "rate": None}, 24, 1.0),  # as published: entries as they come
        ({"length": 6, "rate": 15.0}, 6, 2.0),
    ],
)
def test_lengths_and_steps(kwargs: dict[str, float], samples: int, step: float) -> None:
    spec = WindowSpec(**kwargs)  # type: ignore[arg-type]
    assert spec.samples == samples
    assert spec.step(fps=30) == step


@pytest.mark.parametrize("kwargs", [{}, {"seconds": 1.0, "length": 8}, {"seconds": 1.0, "rate": None}, {"length": 0}])
def test_contradictions_are_refused(kwargs: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        WindowSpec(**kwargs)  # type: ignore[arg-type]


def windows() -> Windows:
    index = pd.DataFrame({"clip": list("abc"), "start_frame": [0, 1, 2]})
    return Windows(index, np.arange(3 * 2 * 4 * 5, dtype=np.float32).reshape(3, 2, 4, 5), ("x", "y"), "openpose18")


def test_take_keeps_rows_together() -> None:
    some = windows().take(np.array([2, 0]))
    assert some.index["clip"].tolist() == ["c", "a"]
    np.testing.assert_array_equal(some.poses, windows().poses[[2, 0]])
    assert len(windows().take(windows().index["clip"].to_numpy() == "b")) == 1


def test_frames_need_a_reader() -> None:
    with pytest.raises(DatasetError, match="poses only"):
        windows().frames(0)


def test_the_project_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "a" / "b") == Project(tmp_path)


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"no params\.yaml here or in any folder above"):
        find_project(tmp_path)


def test_paths_stay_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "videos/a.mp4") == tmp_path / "videos" / "a.mp4"
    with pytest.raises(DatasetError, match="leaves"):
        inside(tmp_path, "videos/../../a.mp4")


def test_streams_are_independent_and_repeat() -> None:
    assert stream(0, "knn").random() == stream(0, "knn").random()
    assert len({derive(0), derive(1), derive(0, "knn"), derive(0, "stg_nf"), derive(0, "k", "nn")}) == 5
    assert 0 <= derive(7, "x") < 2**63


def test_errors_survive_another_process() -> None:
    error = pickle.loads(pickle.dumps(VideoError("no video", where="a.mp4", fix="give one")))
    assert str(error) == "no video\n  where: a.mp4\n  fix:   give one"
    assert isinstance(error, VideoError)
