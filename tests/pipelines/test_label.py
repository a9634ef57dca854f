"""`normotion label` as a process: it says where the page is, stops cleanly, and says what was done."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipelines.label import PORT
from tests.live.labelling.films import dataset, film
from tests.pipelines.helpers import free_port


@contextmanager
def labelling(root: Path, folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command at work in a folder that is no project, and the address of its page."""
    command = [sys.executable, "-m", "pipelines", "label", *words, "--no-open"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines: list[str] = []
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/\S+/", "".join(lines))):
            line = process.stderr.readline()
            assert line, "".join(lines)
            lines.append(line)
        yield process, found.group(0)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def put(url: str, *intervals: dict[str, Any]) -> None:
    with urllib.request.urlopen(f"{url}labels/0") as answer:
        version = json.load(answer)["version"]
    body = json.dumps({"version": version, "intervals": intervals}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}labels/0", body, method="PUT")) as answer:
        assert answer.status == 200


def refused(root: Path, folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "pipelines", "label", *words, "--no-open"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_it_says_what_was_done(number: int, root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi", 30)
    with labelling(root, tmp_path, "gate.avi") as (process, url):
        put(url, {"start": 3, "end": 9, "kind": "fall"})
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 interval in 1 of 1 clips are in labels.csv" in said
    assert "next: `normotion run gate.avi --out gate`" in said
    assert (tmp_path / "labels.csv").read_text() == "clip,start_frame,end_frame,kind\ngate,3,9,fall\n"


def test_nothing_marked_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi", 30)
    with labelling(root, tmp_path, "gate.avi", "--port", str(free_port())) as (process, _):
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert (process.returncode, sorted(path.name for path in tmp_path.iterdir())) == (0, ["gate.avi"])
    assert "nothing was changed" in said


def test_of_a_dataset_the_next_command_is_check(root: Path, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi"}, "clip,start_frame,end_frame\n")
    with labelling(root, tmp_path, "gate") as (process, url):
        put(url, {"start": 3, "end": 9})
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert "next: `normotion check`" in said
    assert "labels.csv.bak" in said
    assert (folder / "labels.csv").read_text() == "clip,start_frame,end_frame\none,3,9\n"


def test_a_port_that_is_taken(root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi", 12)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = str(taken.getsockname()[1])
        assert f"port {asked} is taken" in refused(root, tmp_path, "gate.avi", "--port", asked)
    assert "'70000' is no port" in refused(root, tmp_path, "gate.avi", "--port", "70000")


def test_without_a_port_another_is_taken(root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi", 12)
    with labelling(root, tmp_path, "gate.avi") as (_, first), labelling(root, tmp_path, "gate.avi") as (_, second):
        ports = [int(re.findall(r":(\d+)/", url)[0]) for url in (first, second)]
    assert len(set(ports)) == 2
    assert PORT not in ports[1:]


def test_damaged_labels_are_refused_and_not_touched(root: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.avi", 12)
    (tmp_path / "labels.csv").write_text("clip,start_frame,end_frame\ngate,1,\n")
    said = refused(root, tmp_path, "gate.avi")
    assert "labels.csv line 2: clip, start_frame and end_frame must not be empty" in said
    assert (tmp_path / "labels.csv").read_text() == "clip,start_frame,end_frame\ngate,1,\n"
    assert "no such file: none.avi" in refused(root, tmp_path, "none.avi")
