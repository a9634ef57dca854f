"""A project as small as it can be, and ways to run and watch processes in it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.environment import QUIET
from stages.core.paths import Project

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux can tell a child of its parent's death"
)

STEP = '''
"""python step.py stages VERB ARGUMENT...: write the verb's output from its inputs."""
import json, sys, time
from pathlib import Path

words = sys.argv[2:]
name = "-".join(words)
print(f"working on {name}", flush=True)
if Path(f"break-{name}").exists():
    sys.exit(f"{name} is broken on purpose")
if Path(f"slow-{name}").exists():
    Path(f"started-{name}").touch()
    time.sleep(60)
    Path(f"finished-{name}").touch()
if words[0] == "check":
    out, text = Path("data/checked.txt"), "checked"
elif words[0] == "train":
    out, text = Path("data/models", *words[1:], "seed-0", "fit.json"), {"windows": 7, "curves": {"loss": [3, 2, 1.5]}}
elif words[0] == "score":
    out, text = Path("data/scores", *words[1:]), Path("data/models", *words[1:], "seed-0", "fit.json").read_text()
elif words[0] == "evaluate":
    own = {kind: {"auc": 0.75, "ap": 0.5, "eer": None} for kind in ("raw", "smoothed")}
    out = Path("reports/metrics", *words[1:]).with_suffix(".json")
    text = {**own, "seeds": {"0": own}, "coverage": {"frames": 0.9}, "counts": {"frames": 10}}
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(text if isinstance(text, str) else json.dumps(text))
'''

DVC = """
stages:
  check:
    cmd: python step.py stages check
    deps: [step.py]
    outs: [data/checked.txt]
  evaluate:
    matrix: {run: "${runs}"}
    cmd: python step.py stages evaluate ${item.run.dataset} ${item.run.detector}
    deps: ["data/scores/${item.run.dataset}/${item.run.detector}"]
    params: [evaluate]
    outs: ["reports/metrics/${item.run.dataset}/${item.run.detector}.json": {cache: false}]
  train:
    matrix: {run: "${runs}"}
    cmd: python step.py stages train ${item.run.dataset} ${item.run.detector}
    deps: [data/checked.txt]
    params: ["detectors.${item.run.detector}", train]
    outs: ["data/models/${item.run.dataset}/${item.run.detector}"]
  score:
    matrix: {run: "${runs}"}
    cmd: python step.py stages score ${item.run.dataset} ${item.run.detector}
    deps: ["data/models/${item.run.dataset}/${item.run.detector}"]
    outs: ["data/scores/${item.run.dataset}/${item.run.detector}"]
"""

PARAMS = """
runs:
  - {dataset: street, detector: near}
  - {dataset: street, detector: far}
detectors:
  near: {k: 5, window: second}
  far: {depth: {layers: 3}}
train: {seeds: [0]}
evaluate: {sigma: 2.5}
"""


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m WORDS` in a folder, with this checkout importable."""
    environment = {
        **os.environ,
        **QUIET,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def make(folder: Path) -> Project:
    """A fresh git and DVC repository with the tiny graph: check, then train, score and evaluate of two runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("step.py", STEP), ("dvc.yaml", DVC), ("params.yaml", PARAMS)):
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("/data\n/reports\n/mlflow.db\n/mlartifacts\n/.prefect\n/break-*\n/slow-*\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    done = call(folder, "dvc", "init", "-q")
    assert done.returncode == 0, done.stderr
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "."], [*author, "commit", "-q", "-m", "start"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return Project(folder)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, `16k` or so; skips where nobody may mount one."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def await_file(path: Path, patience: float = 20) -> None:
    """Return as soon as a file is there."""
    end = time.monotonic() + patience
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def gone(pid: int, patience: float = 10.0) -> bool:
    """Whether a process ends within some seconds; one that nobody collects (a zombie) counts when they are over."""
    end = time.monotonic() + patience
    state = ""
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return state == "Z"


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def open_browser(playwright: Any) -> Any:
    """Headless Chromium: Playwright's own or the system's; skips where there is neither."""
    for path in (None, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        with contextlib.suppress(Exception):
            return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    pytest.skip("no Chromium: `playwright install chromium` brings one")
