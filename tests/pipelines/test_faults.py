"""Real processes broken at random moments: a plain `dvc repro` then ends right, with the bytes of an undisturbed run.

The tiny project's stages sleep a little and write in several steps, so that a kill can come in mid-write.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from pipelines.records import listed_runs
from stages.core.paths import Project
from tests.pipelines.helpers import ROOT, call, free_port, gone, linux, make, small_disk

pytestmark = [pytest.mark.faults, pytest.mark.slow, linux]
SEEDS = range(5)
SLOWLY = """
import atexit, os
_write = Path.write_text
def slowly(self, text):
    self.parent.mkdir(parents=True, exist_ok=True)
    with open(self, "w") as stream:
        for letter in text:
            stream.write(letter); stream.flush(); time.sleep(0.4 / len(text))
Path.write_text = slowly
"""


@pytest.fixture(scope="module")
def slow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make(tmp_path_factory.mktemp("faults") / "project")
    step = project.root / "step.py"
    step.write_text(step.read_text().replace("words = sys", SLOWLY + "words = sys", 1))
    return project.root


@pytest.fixture(scope="module")
def undisturbed(slow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run that nobody disturbs makes: path and bytes."""
    folder = Path(shutil.copytree(slow_template, tmp_path_factory.mktemp("undisturbed") / "project"))
    assert call(folder, "dvc", "repro").returncode == 0
    return outputs(folder)


@pytest.fixture
def project(slow_template: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(slow_template, tmp_path / "project")))


def outputs(folder: Path) -> dict[str, bytes]:
    """Everything that stages made, byte by byte, and what dvc.lock says of each stage, in whatever order."""
    files = [path for kind in ("data", "reports") for path in (folder / kind).rglob("*") if path.is_file()]
    own = [path for path in files if path.name not in {"lineage.html", ".gitignore"}]
    entries = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    lock = {f"dvc.lock {name}": json.dumps(entry, sort_keys=True).encode() for name, entry in entries.items()}
    return lock | {str(path.relative_to(folder)): path.read_bytes() for path in own}


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", *words], cwd=folder, env={**environment, "PATH": path},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0,
    )  # fmt: skip


def below(pid: int) -> list[int]:
    """All processes below one, at any depth."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def await_stage(pid: int, patience: float = 60) -> list[int]:
    """The processes of a run that has a stage at work."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = below(pid)
        if any("step.py stages" in command(child) and "sh -c" not in command(child) for child in found):
            return found
        time.sleep(0.01)
    raise AssertionError("no stage began")


def mends(folder: Path, undisturbed: dict[str, bytes]) -> None:
    """A plain `dvc repro` ends right, all is where DVC says, and every byte is that of an undisturbed run."""
    done = call(folder, "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert call(folder, "dvc", "status", "-q").returncode == 0
    assert outputs(folder) == undisturbed


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("whom", ["runner", "dvc", "stage"])
def test_kill_9(project: Project, undisturbed: dict[str, bytes], whom: str, seed: int) -> None:
    chance = random.Random(f"{whom} {seed}")
    process = start(project.root, "pipelines", "repro", "-j", "2")
    time.sleep(chance.uniform(0, 4))
    family = await_stage(process.pid)
    time.sleep(chance.uniform(0, 0.4))
    family = [*family, *below(process.pid)]
    marks = {"runner": "", "dvc": "landing.py", "stage": "step.py stages"}
    victims = [process.pid] if whom == "runner" else [pid for pid in family if marks[whom] in command(pid)]
    for pid in victims[:1]:
        os.kill(pid, signal.SIGKILL)
    if whom == "runner":
        process.wait(10)
        assert all(gone(pid) for pid in set(family))  # nobody goes on writing
    else:
        assert process.wait(60) in (0, 1)  # 0 where the victim was done already
    mends(project.root, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_runs_at_once(project: Project, undisturbed: dict[str, bytes], seed: int) -> None:
    first = start(project.root, "pipelines", "repro", "-j", "2")
    time.sleep(random.Random(seed).uniform(0, 3))
    await_stage(first.pid)
    second = call(project.root, "pipelines", "repro")
    assert second.returncode == 1
    assert f"another run is at work in this project (process {first.pid})" in second.stderr
    assert first.wait(120) == 0
    mends(project.root, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_person_and_the_runner(project: Project, undisturbed: dict[str, bytes], seed: int) -> None:
    """A plain `dvc repro` knows nothing of the runner's lock; DVC's own keeps them apart."""
    person = start(project.root, "dvc", "repro")
    time.sleep(random.Random(seed).uniform(0, 3))
    runner = start(project.root, "pipelines", "repro", "-j", "2")
    ends = (person.wait(120), runner.wait(120))
    assert set(ends) <= {0, 1, 255}  # whoever was in the way gives up or waits; neither breaks anything
    mends(project.root, undisturbed)


def test_a_full_cache_disk(project: Project, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "16k") as disk:
        assert call(project.root, "dvc", "cache", "dir", "--local", str(disk)).returncode == 0
        with project.params.open("a") as stream:
            stream.write("pipelines: {least_free: 0.0}\n")
        done = call(project.root, "pipelines", "repro")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        early = project.params.read_text().replace("least_free: 0.0", "least_free: 1.0")
        project.params.write_text(early)
        refused = call(project.root, "pipelines", "repro")
        assert "GiB are free, and a rebuild wants 1" in refused.stderr
    project.params.write_text(early.partition("pipelines:")[0])
    call(project.root, "dvc", "config", "--local", "--unset", "cache.dir")
    mends(project.root, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", ["object", "rwlock", "dvc.lock"])
def test_corruption(project: Project, undisturbed: dict[str, bytes], what: str, seed: int) -> None:
    """Cut off anywhere: a cache object heals by itself, locks by the doctor."""
    assert call(project.root, "dvc", "repro").returncode == 0
    chance = random.Random(f"{what} {seed}")
    if what == "object":
        objects = sorted(path for path in (project.root / ".dvc/cache/files").rglob("*") if path.is_file())
        victim = chance.choice(objects)
        shutil.rmtree(project.root / "data/models")  # what the workspace still holds would not be missed
    else:
        victim = project.root / {"rwlock": ".dvc/tmp/rwlock", "dvc.lock": "dvc.lock"}[what]
        if what == "rwlock":
            victim.write_text('{"read": {"/some/where": [{"pid": 1, "cmd": "dvc repro"}]}, "write": {}}')
    victim.chmod(0o644)
    content = victim.read_bytes()
    victim.write_bytes(content[: chance.randrange(1, len(content) - 1)])
    doctor = call(project.root, "pipelines", "doctor")
    assert "Traceback" not in doctor.stderr
    mends(project.root, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_prefects_server_killed_in_mid_flow(project: Project, undisturbed: dict[str, bytes], seed: int) -> None:
    port = free_port()
    own = project.params.read_text()
    project.params.write_text(f"{own}pipelines: {{prefect_port: {port}, cron: null, jobs: 2}}\n")
    server = start(project.root, "pipelines", "prefect")
    try:
        _await_server(port)
        flow = start(project.root, "pipelines", "flow")
        await_stage(flow.pid, patience=120)
        time.sleep(random.Random(seed).uniform(0, 1.5))
        for pid in [*below(server.pid), server.pid]:
            os.kill(pid, signal.SIGKILL)
        assert flow.wait(120) == 1  # it notices, and takes its stages along
    finally:
        server.kill()
        server.wait(10)
    project.params.write_text(own)
    mends(project.root, undisturbed)


def test_mlflow_down_costs_no_data(
    project: Project, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    begun = time.monotonic()
    done = call(project.root, "pipelines", "repro", "-j", "2")
    assert done.returncode == 1
    assert "2 runs are put aside in .normotion/spool until MLflow answers" in done.stderr
    assert time.monotonic() - begun < 120
    mends(project.root, undisturbed)


def test_a_removed_detector_is_gone_from_what_is_logged(project: Project) -> None:
    assert call(project.root, "dvc", "repro").returncode == 0
    project.params.write_text(project.params.read_text().replace("  - {dataset: street, detector: far}\n", ""))
    assert [run.detector for run in listed_runs(project)] == ["near"]
    done = call(project.root, "pipelines", "repro")
    assert done.returncode == 0, done.stderr
    page = (project.root / "reports/lineage.html").read_text()
    assert "near" in page
    assert "far" not in page


def _await_server(port: int) -> None:
    from pipelines.server import home_of

    end = time.monotonic() + 120
    while not home_of(port):
        assert time.monotonic() < end, "no server"
        time.sleep(0.2)
