"""`normotion calibrate`: cameras that are calibrated at a time, footage under several names, with holes, or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import calibrate
from pipelines.__main__ import main
from stages.live import judging
from stages.live.calibration import Calibration, keep
from stages.live.model import Model
from stages.live.normal_footage import scored
from tests.live.people import SIZE
from tests.pipelines.test_run import Finder, video

av = pytest.importorskip("av")

OFTEN = ("--false-alarms", "2000/hour")


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(judging, "estimator", lambda _: Finder())
    monkeypatch.chdir(tmp_path)


def cameras(path: str = "calibration.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())["cameras"]
    return found


def test_two_calibrations_at_a_time_lose_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video(tmp_path / "a.mp4", 60)
    assert main(["calibrate", "a.mp4", "--camera", "hall", "--out", "other.json", *OFTEN]) == 0

    def meanwhile(*args: Any, **options: Any) -> Any:
        """Another one ends while this one scores."""
        model = Model.shipped()
        hall = Calibration.load(Path("other.json"), model)
        keep(Path("calibration.json"), "hall", hall.cameras["hall"], model, hall.alarms)
        return scored(*args, **options)

    monkeypatch.setattr(calibrate, "scored", meanwhile)
    assert main(["calibrate", "a.mp4", "--camera", "gate", *OFTEN]) == 0
    assert set(cameras()) == {"gate", "hall"}


def test_footage_is_known_under_any_of_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = video(tmp_path / "foot" / "a.mp4", 60)
    (tmp_path / "below").mkdir()
    (tmp_path / "link.mp4").symlink_to(path)
    monkeypatch.chdir(tmp_path / "below")
    assert main(["calibrate", "../foot", *OFTEN]) == 0
    first = cameras()["camera"]
    for names in ([str(tmp_path / "foot")], ["../foot", str(path), "../link.mp4"]):
        monkeypatch.setattr(Finder, "__call__", lambda *_: pytest.fail("scored anew"))
        assert main(["calibrate", *names, *OFTEN]) == 0
        assert cameras()["camera"] == first


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nosuch.mp4"], "there is no such file"),
        (["a.mp4", "nosuch"], "there is no such file"),
        (["http://cam:secret@host/live"], "http://cam:***@host/live"),
        (["0"], "an address or a webcam's number"),
    ],
)
def test_what_is_no_footage_is_refused_in_words(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video(tmp_path / "a.mp4", 20)
    monkeypatch.setattr(Finder, "__call__", lambda *_: pytest.fail("judged before all was looked at"))
    assert main(["calibrate", *words]) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert "Traceback" not in said
    assert "secret" not in said
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_footage_in_which_nobody_is_scored_gives_no_threshold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video(tmp_path / "night.mp4", 60, empty=True)
    video(tmp_path / "day.mp4", 60)
    assert main(["calibrate", "night.mp4"]) == 1
    assert "nobody in the footage is seen for as long as a window lasts" in capsys.readouterr().err
    assert not Path("calibration.json").exists()
    assert main(["calibrate", "night.mp4", "day.mp4", *OFTEN]) == 0
    assert cameras()["camera"]["hours"] == pytest.approx(12 / 3600)


def test_footage_with_a_hole_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "gate.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in [*range(40), *range(400, 460)]:  # 36 seconds were not recorded
            frame = av.VideoFrame.from_ndarray(np.zeros((*SIZE[::-1], 3), dtype=np.uint8), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert main(["calibrate", "gate.mkv", *OFTEN]) == 0
    assert cameras()["camera"]["hours"] == pytest.approx(10 / 3600)


def test_what_is_promised_is_told_where_alarms_ring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """3 / h at most, by the rule of three: six seconds promise 1,797 an hour."""
    video(tmp_path / "a.mp4", 60)
    assert main(["calibrate", "a.mp4", "--camera", "gate"]) == 0
    assert "gave 0 alarms over it; at most 1,797 false alarms an hour (95 %)" in capsys.readouterr().err
    assert main(["run", "a.mp4", "--out", "out", "--no-film", "--calibration", "calibration.json"]) == 0
    assert (
        "calibrated for gate: 1 false alarm a day asked for, for which 0.00167 h of normal footage are too short: they "
        "promise at most 1,797 false alarms an hour (95 %)"
    ) in (tmp_path / "out" / "page.html").read_text()


@pytest.mark.parametrize("threshold", ["nan", "inf", "-inf"])
def test_a_threshold_that_is_not_finite_is_refused(
    threshold: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video(tmp_path / "a.mp4", 20)
    assert main(["run", "a.mp4", f"--threshold={threshold}"]) == 1
    assert "a threshold is a finite number" in capsys.readouterr().err
