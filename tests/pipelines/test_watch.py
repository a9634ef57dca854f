"""`normotion watch`: its words, its exit status, and a real camera that is cut, comes back, and is left by SIGTERM."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipelines.__main__ import main
from pipelines.watch import told
from stages.live.watch import Latency, Status
from tests.live.streams import Rtsp, bars, film
from tests.live.test_webhook import kept, server

ROOT = Path(__file__).resolve().parents[2]
STATUS = Status(
    frames=100, looked=90, dropped=10, reconnects=0, silence=0.1, people=2, windows=80, alarms=1, ringing=False,
    delay=2.7, pose=Latency(0.1, 0.2), scoring=Latency(0.0021, 0.0049), total=Latency(0.15, 0.3),
)  # fmt: skip


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pipelines", "watch", *words]


def watch(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, timeout=120, env=environment)


@contextmanager
def watching(*words: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as lines:
        process = subprocess.Popen(command(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=lines, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=10)


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


def test_a_status_in_words() -> None:
    assert told(STATUS) == (
        "100 frames, 10 dropped, 2 people, quiet, 1 alarms before, pose 100 ms (95 %: 200), scoring 2 ms (95 %: 5), "
        "in all 150 ms (95 %: 300)"
    )
    worse = told(replace(STATUS, ringing=True, reconnects=3, silence=12.4))
    assert "3 reconnects" in worse
    assert "ALARM" in worse
    assert worse.endswith("no frame for 12 s")
    nothing = replace(STATUS, pose=Latency(math.nan, math.nan))
    assert "pose unknown" in told(nothing)
    assert "nobody can be scored" in told(replace(STATUS, blind=True))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.mp4",), "no such file"),
        (("97",), "cannot be opened"),
        (("rtsp://me:secret@127.0.0.1:9/1",), "rtsp://me:***@127.0.0.1:9/1"),
        (("FILM", "--every", "0"), "--every is a whole number"),
        (("FILM", "--every", "9", "--jsonl", "a.jsonl"), "people are looked for 1.11111 times a second"),
        (("FILM", "--queue", "many"), "--queue is a whole number"),
        (("FILM", "--threshold", "high"), "a threshold is a number"),
        (("FILM", "--webhook", "file:///etc/passwd"), "no web address"),
        (("FILM", "--calibration", "none.json"), "no calibration"),
        (("FILM", "--model", "nowhere/at/all"), "no model"),
        (("FILM", "--jsonl", "."), "cannot write"),
        (("FILM", "--jsonl", "a.mp4"), "holds no lines of JSON"),
        (("FILM", "--csv", "a.mp4"), "holds another table"),
        (("FILM", "--webhook", "http://127.0.0.1:9", "--undelivered", "a.mp4"), "holds no lines of JSON"),
    ],
)
def test_what_does_not_fit_is_told_in_words(
    tmp_path: Path, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    file = str(film(tmp_path / "a.mp4", 5))
    before = Path(file).read_bytes()
    assert main(["watch", *(file if word == "FILM" else word for word in words)]) == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert "secret" not in shown
    assert Path(file).read_bytes() == before


def fill(process: int) -> None:
    """Fill the pipe that somebody's standard output is, through a writing end of our own."""
    writing = os.open(f"/proc/{process}/fd/1", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b" " * 65536)
    os.close(writing)


@pytest.mark.slow
def test_a_file_is_watched_to_its_end_outside_a_project(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 40)
    # Nobody is in it: every frame has the floor of normal footage, and a threshold below that rings all the time.
    done = watch("a.mp4", "--threshold", "-1000", "--csv", "out/alarms.csv", "--jsonl", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["state"] for each in states] == ["rings", "over"]
    assert (states[1]["start_frame"], states[1]["end_frame"]) == (0, 39)
    assert len(pd.read_csv(tmp_path / "out" / "alarms.csv")) == 1
    assert "ended after 40 frames, 0 dropped" in done.stderr
    assert "no model was named" in done.stderr


@pytest.mark.slow
def test_a_file_that_breaks_off_gives_what_it_has_and_status_1(tmp_path: Path) -> None:
    parts = [film(tmp_path / "1.ts", 30).read_bytes(), film(tmp_path / "2.ts", 10, size=(320, 240)).read_bytes()]
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    done = watch("both.ts", "--threshold", "-1000", cwd=tmp_path)
    assert done.returncode == 1
    assert "320 × 240" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["end_frame"] == 29


@pytest.mark.slow
@pytest.mark.parametrize("hooked", [True, False])
def test_who_reads_the_standard_output_goes_and_the_webhook_gets_its_alarms(tmp_path: Path, hooked: bool) -> None:
    film(tmp_path / "a.mp4", 40)
    reading, writing = os.pipe()
    os.close(reading)
    with server() as found, os.fdopen(writing) as output:
        words = command("a.mp4", "--threshold", "-1000", "--jsonl", "-", *(["--webhook", found.address] * hooked))
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            words, cwd=tmp_path, stdout=output, stderr=subprocess.PIPE, text=True, timeout=120, env=environment
        )
        assert [each["state"] for each in found.got] == ["rings", "over"] * hooked
    assert done.returncode == 1
    assert ("standard output did not get every alarm" if hooked else "nobody is left who takes alarms") in done.stderr
    assert done.stderr.count("takes no alarms any more") == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
@pytest.mark.faults
def test_a_reader_who_hangs_keeps_nobody_from_ending_the_watch(tmp_path: Path) -> None:
    camera, log = Rtsp().start(), tmp_path / "log"
    with watching(camera.address, "--threshold", "-1000", log=log) as process:
        fill(process.pid)  # long before it has its model and rings
        wait_until(lambda: "nobody takes what is written" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 1
    camera.cut()
    assert '"state": "rings"' in log.read_text()  # the log is the last place that is left
    assert '"state": "over"' in log.read_text()


@pytest.mark.slow
@pytest.mark.faults
def test_a_camera_is_cut_comes_back_and_is_left_by_sigterm_while_it_rings(tmp_path: Path) -> None:
    camera, log = Rtsp().start(), tmp_path / "log"
    files = ("--jsonl", str(tmp_path / "a.jsonl"), "--csv", str(tmp_path / "a.csv"))
    with (
        server(*[None] * 20) as hangs,
        watching(
            camera.address, "--threshold", "-1000", *files, "--webhook", hangs.address,
            "--undelivered", str(tmp_path / "u.jsonl"), log=log,
        ) as process,
    ):  # fmt: skip
        wait_until(lambda: (tmp_path / "a.jsonl").exists() and bool((tmp_path / "a.jsonl").read_text()))
        camera.cut()
        wait_until(lambda: "opened again" in log.read_text())
        time.sleep(1.0)
        camera.start()
        wait_until(lambda: camera.clients >= 2)
        wait_until(lambda: "1 reconnects" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        camera.cut()
    rings, over = (json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines())
    assert (rings["state"], over["state"]) == ("rings", "over")  # one alarm, over the cut
    assert rings["id"] == over["id"]
    assert over["end_seconds"] - over["start_seconds"] > 3
    assert pd.read_csv(tmp_path / "a.csv")["end_frame"].tolist() == [over["end_frame"]]
    assert kept(tmp_path / "u.jsonl") == [rings["id"]] * 2  # the webhook hung all the time
    text = log.read_text()
    assert "2 messages were not delivered" in text
    assert str(tmp_path / "u.jsonl") in text
    assert "ended after" in text.splitlines()[-1]
    assert "Traceback" not in text


@pytest.mark.slow
@pytest.mark.faults
def test_a_silent_camera_is_left_by_ctrl_c(tmp_path: Path) -> None:
    camera, log = Rtsp().start(), tmp_path / "log"
    with watching(camera.address, "--threshold", "-1000", log=log) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["state"] == "rings"
        camera.silent.set()
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0
        assert json.loads(process.stdout.readline())["state"] == "over"
    camera.cut()
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
@pytest.mark.faults
def test_a_camera_takes_another_size_in_mid_stream(tmp_path: Path) -> None:
    camera, log = Rtsp().start(), tmp_path / "log"
    with watching(camera.address, "--threshold", "-1000", log=log) as process:
        assert process.stdout is not None
        found = [json.loads(process.stdout.readline())]
        camera.draw = bars((320, 240))
        found += [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        found.append(json.loads(process.stdout.readline()))
    camera.cut()
    assert [each["state"] for each in found] == ["rings", "over", "rings", "over"]
    assert found[0]["id"] == found[1]["id"] != found[2]["id"] == found[3]["id"]
    assert "from 160 × 120 at 10/s to 320 × 240 at 10/s" in log.read_text()
