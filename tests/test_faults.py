"""What breaks in the middle loses nothing good, and the same command goes on from there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES
from stages.core.tables import read
from tests.checkout import Checkout

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def start(checkout: Checkout, *command: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        command, cwd=checkout.root, env=checkout.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, process_group=0,
    )  # fmt: skip


def wait_for(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """All processes below one, at any depth."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(child) for child in found] + [deeper for child in found for deeper in children(int(child))]


def alive(pid: int) -> bool:
    """Whether a process still does something; a zombie that nobody has collected yet has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_extraction_goes_on_where_it_stopped(checkout: Checkout, sign: signal.Signals) -> None:
    poses = Project(checkout.root).poses("demo")
    process = start(checkout, "dvc", "repro")
    wait_for(clip_file(poses, "street_fast"))  # the first clip is done, the second one is at work
    time.sleep(1)
    below = children(process.pid)
    if sign == signal.SIGINT:
        os.killpg(process.pid, sign)
    else:
        process.kill()  # DVC alone: its stage must not go on writing
    said = process.communicate(timeout=60)[0]
    time.sleep(1)
    assert [pid for pid in below if alive(pid)] == []
    assert not clip_file(poses, "street_train").exists()
    assert "Traceback" not in said
    before = clip_file(poses, "street_fast").stat().st_mtime_ns
    said = checkout.run("dvc", "repro")
    assert "street_fast is unchanged, its poses are kept" in said
    assert clip_file(poses, "street_fast").stat().st_mtime_ns == before
    assert sorted(path.name for path in poses.iterdir()) == ["street_fast.parquet", "street_train.parquet"]
    assert "up to date" in checkout.run("dvc", "status")


def test_a_full_disk_is_named_and_what_was_good_stays(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("dvc", "repro", "track@demo")
    tracks = checkout.root / "data" / "tracks" / "demo"
    good = {path.name: path.read_bytes() for path in tracks.iterdir()}
    shutil.rmtree(tracks)
    tracks.mkdir()
    size = max(map(len, good.values())) * 3 // 2  # room for one clip, not for its successor beside it
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(tracks)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"this machine refuses a tmpfs mount: {mounted.stderr.strip()}")
    try:
        said = checkout.run("python", "-m", "stages", "track", "demo", ok=False)
        assert "the disk is full" in said
        assert "fix:" in said
        assert "Traceback" not in said
        kept = {path.name: path.read_bytes() for path in tracks.iterdir()}
        assert kept
        assert all(good[name] == content for name, content in kept.items())
    finally:
        subprocess.run(["umount", str(tracks)], check=True)


def test_a_truncated_video_stops_the_dag_before_any_work(checkout: Checkout) -> None:
    video = checkout.raw / "videos" / "street_fast.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 3])
    said = checkout.run("dvc", "repro", ok=False)
    assert "street_fast" in said
    assert "Traceback" not in said
    assert not Project(checkout.root).poses("demo").exists()


def test_the_same_input_gives_the_same_bytes_in_another_place(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Checkout(tmp_path_factory.mktemp("other"))
    for place in (checkout, other):
        place.repro()
    outputs = [path.relative_to(checkout.root) for path in checkout.root.glob("data/*/**/*") if path.is_file()]
    outputs += [path.relative_to(checkout.root) for path in checkout.root.glob("reports/**/*") if path.is_file()]
    outputs = [path for path in outputs if path.parts[1] != "raw"]
    assert len(outputs) > 20
    assert [
        str(path) for path in outputs if (checkout.root / path).read_bytes() != (other.root / path).read_bytes()
    ] == []
    assert len(read(clip_file(Project(other.root).poses("demo"), "street_train"), POSES)) > 50
