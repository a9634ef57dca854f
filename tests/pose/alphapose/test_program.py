"""AlphaPose as a program of its own: a small script stands in for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import BackendError
from stages.core.params import parse
from stages.core.storage import sha256_file
from stages.pose.alphapose.program import Program, ProgramParams, program
from stages.pose.base import ClipEstimator, PeopleParams
from stages.pose.estimators import ExtractParams, estimator, fingerprint

SCRIPT = """
import json, os, sys, time
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert Path(options["--checkpoint"]).read_text() == "weights", "no weights"
assert Path(options["--video"]).is_file(), "no video"
{body}
print("loading", file=sys.stdout)
(Path(options["--outdir"]) / "alphapose-results.json").write_text(Path("people.json").read_text())
"""


def person(frame: int, x: float, score: float, **more: Any) -> dict[str, Any]:
    """One entry of AlphaPose's results, all joints of which lie on a line."""
    keypoints = [value for joint in range(17) for value in (x + joint, 10.0 + 2 * joint, 1.25)]
    entry = {"image_id": f"{frame}.jpg", "category_id": 1, "keypoints": keypoints, "score": score}
    return {**entry, "box": [x - 1, 9.0, 18.0, 34.0], **more}


def installed(tmp_path: Path, found: Any, body: str = "", **changes: Any) -> ProgramParams:
    """A folder that looks as if AlphaPose was installed there."""
    folder = tmp_path / "AlphaPose"
    folder.mkdir(exist_ok=True)
    (folder / "demo.py").write_text(SCRIPT.replace("{body}", body))
    (folder / "people.json").write_text(json.dumps(found))
    (folder / "net.pth").write_text("weights")
    (tmp_path / "street.mp4").write_text("a video")
    command = (sys.executable, "demo.py", "--checkpoint", "{checkpoint}", "--video", "{video}", "--outdir", "{out}")
    given = {"folder": folder, "config": None, "checkpoint": Path("net.pth"), "command": command, **changes}
    return ProgramParams.model_validate(given)


def ready(section: ProgramParams) -> Program:
    return program(PeopleParams(), section)


def test_people_come_frame_by_frame_the_surest_first(tmp_path: Path) -> None:
    found = [person(2, 50, 1.0), person(0, 10, 2.5), person(2, 80, 3.1)]
    find = estimator(ExtractParams(backend="alphapose_program", alphapose_program=installed(tmp_path, found)))
    assert isinstance(find, ClipEstimator)
    crowds = list(find.clip(tmp_path / "street.mp4", 4))
    assert [frame for frame, _ in crowds] == [0, 1, 2, 3]
    assert [len(crowd) for _, crowd in crowds] == [1, 0, 2, 0]
    third = crowds[2][1]
    np.testing.assert_allclose(third.scores, [3.1, 1.0])
    np.testing.assert_allclose(third.boxes, [[79, 9, 18, 34], [49, 9, 18, 34]])
    np.testing.assert_allclose(third.keypoints[0, 16], [96, 42, 1.25])
    assert {third.boxes.dtype, third.scores.dtype, third.keypoints.dtype} == {np.dtype(np.float32)}


def test_nobody_in_a_whole_video(tmp_path: Path) -> None:
    crowds = list(ready(installed(tmp_path, [])).clip(tmp_path / "street.mp4", 3))
    assert [len(crowd) for _, crowd in crowds] == [0, 0, 0]
    assert crowds[0][1].keypoints.shape == (0, 17, 3)


def test_boxes_that_older_versions_leave_out_are_the_joints_extent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = person(0, 10, 2.5)
    del entry["box"]
    with caplog.at_level("INFO", logger="normotion"):
        ((_, crowd),) = ready(installed(tmp_path, [entry])).clip(tmp_path / "street.mp4", 1)
    assert crowd.boxes.tolist() == [[10, 10, 16, 32]]  # x from 10 to 26, y from 10 to 42
    assert "those of 1 people are the extents of their joints" in caplog.text


def test_a_program_that_fails_says_its_last_words(tmp_path: Path) -> None:
    body = "for n in range(30): print('line', n, file=sys.stderr)\nsys.exit(3)"
    with pytest.raises(BackendError, match="AlphaPose ended with status 3") as error:
        list(ready(installed(tmp_path, [], body)).clip(tmp_path / "street.mp4", 1))
    assert "line 29" in error.value.where
    assert "line 22" in error.value.where
    assert "line 21" not in error.value.where  # the last eight alone
    assert "street.mp4" in error.value.where
    assert "demo.py" in error.value.where


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    body = (
        "import subprocess; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "Path('child').write_text(str(child.pid)); time.sleep(60)"
    )
    section = installed(tmp_path, [], body, timeout=1.5)
    start = time.monotonic()
    with pytest.raises(BackendError, match=r"AlphaPose took longer than 1\.5 s"):
        list(ready(section).clip(tmp_path / "street.mp4", 1))
    assert time.monotonic() - start < 20
    child = int((tmp_path / "AlphaPose" / "child").read_text())
    wait_until(lambda: _gone(child))


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "ZX"


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    section = installed(tmp_path, [], command=("no-such-python", "{video}", "{out}"))
    with pytest.raises(BackendError, match="cannot start 'no-such-python'") as error:
        list(ready(section).clip(tmp_path / "street.mp4", 1))
    assert "alphapose_program.command" in error.value.fix


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([person(4, 10, 1.0)], "somebody in frame 4, but the video has 4 frames"),
        ([person(1, 10, 1.0), person(0, 10, 1.0, image_id=-1)], "somebody in frame -1, but the video has 4 frames"),
        ([person(1, 10, -1.0)], "somebody in frame 1 a negative score or a box of negative size"),
        ([person(2, 10, 1.0, box=[1, 1, 5, -1])], "somebody in frame 2 a negative score or a box of negative size"),
        ([person(0, 10, 1.0, keypoints=[1.0] * 54)], "results are damaged: keypoints must be 51 numbers"),
        ([{**person(0, 10, 1.0), "score": None}], "results are damaged"),
        ({"0.jpg": []}, "results are damaged"),
    ],
    ids=["frame", "before", "below", "box", "joints", "score", "format"],
)
def test_results_that_cannot_be_are_refused(tmp_path: Path, found: Any, message: str) -> None:
    with pytest.raises(BackendError, match=message) as error:
        list(ready(installed(tmp_path, found)).clip(tmp_path / "street.mp4", 4))
    assert error.value.where
    assert error.value.fix


def test_a_peak_below_zero_is_a_joint_not_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entry = person(0, 10, 2.5)
    entry["keypoints"][2] = -0.01
    with caplog.at_level("INFO", logger="normotion"):
        ((_, crowd),) = ready(installed(tmp_path, [entry])).clip(tmp_path / "street.mp4", 1)
    assert crowd.keypoints[0, :2].tolist() == [[10, 10, 0], [11, 12, 1.25]]
    assert "street.mp4: AlphaPose gave 1 joints a confidence below 0, which is taken for 0" in caplog.text


def test_nothing_lives_on_when_we_are_killed(tmp_path: Path, root: Path) -> None:
    """As a pool's workers are on Ctrl-C: no `finally` of ours is run then."""
    body = (
        "import subprocess; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "Path('child').write_text(f'{child.pid} {os.getpid()}'); time.sleep(60)"
    )
    section = installed(tmp_path, [], body)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "section.json").write_text(section.model_dump_json())
    code = (
        "import sys; from pathlib import Path; from stages.pose.alphapose.program import ProgramParams, program\n"
        "section = ProgramParams.model_validate_json(Path('section.json').read_text())\n"
        "list(program(None, section).clip(Path('street.mp4'), 1))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path / "scratch")}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    told = tmp_path / "AlphaPose" / "child"
    try:
        wait_until(lambda: told.is_file() and told.read_text().count(" ") == 1)
    finally:
        parent.kill()
        parent.wait()
    for pid in told.read_text().split():
        wait_until(lambda pid=pid: _gone(int(pid)))  # type: ignore[misc]
    wait_until(lambda: not os.listdir(tmp_path / "scratch"))


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "body", ["sys.exit(0)", "(Path(options['--outdir'])/'alphapose-results.json').write_text('[{');os._exit(0)"]
)
def test_results_that_are_missing_or_cut_short_are_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(BackendError, match="left no alphapose-results.json|results are damaged"):
        list(ready(installed(tmp_path, [], body)).clip(tmp_path / "street.mp4", 1))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    list(ready(installed(tmp_path, [person(0, 1, 1.0)])).clip(tmp_path / "street.mp4", 1))
    with pytest.raises(BackendError):
        list(ready(installed(tmp_path, [], "sys.exit(1)")).clip(tmp_path / "street.mp4", 1))
    assert os.listdir(scratch) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="alphapose_program.folder is not set"):
        ready(ProgramParams())
    with pytest.raises(BackendError, match="AlphaPose's folder is not there"):
        ready(ProgramParams(folder=tmp_path / "gone"))
    with pytest.raises(BackendError, match="alphapose_program.checkpoint names a file that is not there"):
        ready(installed(tmp_path, [], checkpoint=Path("other.pth")))


def test_a_command_must_say_where_video_and_results_go() -> None:
    problems, _ = parse({"command": ["python", "demo.py", "{video}"]}, "extract.alphapose_program", ProgramParams)
    assert "must say where {out} go" in problems[0]
    problems, _ = parse({"config": None}, "extract.alphapose_program", ProgramParams)
    assert "command asks for {config}, which is null" in problems[0]


def test_the_fingerprint_knows_command_and_weights_but_not_the_folder(tmp_path: Path) -> None:
    def of(section: ProgramParams) -> str:
        return fingerprint(ExtractParams(backend="alphapose_program", alphapose_program=section))

    (tmp_path / "b").mkdir()
    section = installed(tmp_path, [])
    plain = of(section)
    assert of(installed(tmp_path / "b", [], timeout=5.0)) == plain
    assert of(installed(tmp_path, [], command=(*section.command, "--flip", "1"))) != plain
    (tmp_path / "AlphaPose" / "net.pth").write_text("other weights")
    assert of(section) != plain
    assert sha256_file(tmp_path / "AlphaPose" / "net.pth") in ready(section).version
