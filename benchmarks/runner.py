"""What the runner costs beside DVC, and what running stages in parallel brings: `python -m benchmarks.runner`.

On a project of seven stages (check, then train, score and evaluate of two detectors) whose work is busy waiting on one
core. Times are of this machine and mean nothing elsewhere; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.rebuild import clock

ROOT = Path(__file__).resolve().parents[1]
STEP = """
import sys, time
from pathlib import Path
words = sys.argv[1:]
end = time.process_time() + float(Path("work").read_text())
while time.process_time() < end:
    pass
out = Path("out", *words)
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(" ".join(words) + Path("salt").read_text())
"""
DVC = """
stages:
  check: {cmd: python step.py check, deps: [salt], outs: [out/check]}
"""
ITEM = """
  train_{n}: {{cmd: python step.py train {n}, deps: [out/check], outs: [out/train/{n}]}}
  score_{n}: {{cmd: python step.py score {n}, deps: [out/train/{n}], outs: [out/score/{n}]}}
  evaluate_{n}: {{cmd: python step.py evaluate {n}, deps: [out/score/{n}], outs: [out/evaluate/{n}]}}
"""
REBUILD = """
import sys
from pathlib import Path
from pipelines.rebuild import rebuild
from pipelines.runner import Runner
from stages.core.paths import Project
with Runner(Project(Path.cwd())) as runner:
    rebuild(runner, int(sys.argv[1])).demand()
"""


def make(folder: Path, seconds: float) -> None:
    """A project whose stages take that many seconds of one core each."""
    (folder / "step.py").write_text(STEP)
    (folder / "dvc.yaml").write_text(DVC + "".join(ITEM.format(n=number) for number in (0, 1)))
    (folder / "params.yaml").write_text("{}")
    (folder / "work").write_text(str(seconds))
    (folder / "salt").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    run(folder, "-m", "dvc", "init", "-q")


def run(folder: Path, *words: str) -> float:
    """Seconds that a Python command takes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, "DVC_NO_ANALYTICS": "true"}
    begun = time.monotonic()
    subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, capture_output=True)
    return time.monotonic() - begun


def measure(folder: Path, salt: str, *words: str) -> float:
    """Seconds that a rebuild of everything takes."""
    (folder / "salt").write_text(salt)
    return run(folder, *words)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="work of each stage on one core")
    seconds = parser.parse_args(argv).seconds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, 0.0)
        plain = measure(folder, "a", "-m", "dvc", "repro", "-q")
        ours = measure(folder, "b", "-c", REBUILD, "1")
        idle_plain, idle = run(folder, "-m", "dvc", "repro", "-q"), run(folder, "-c", REBUILD, "1")
        (folder / "work").write_text(str(seconds))
        serial = measure(folder, "c", "-c", REBUILD, "1")
        parallel = measure(folder, "d", "-c", REBUILD, "2")
    found = {
        "seven empty stages, dvc repro, s": round(plain, 2),
        "seven empty stages, runner, s": round(ours, 2),
        "runner's cost per stage, s": round((ours - plain) / 7, 2),
        "nothing to do, dvc repro, s": round(idle_plain, 2),
        "nothing to do, runner, s": round(idle, 2),
        f"stages of {seconds:g} s, one at a time": clock(serial),
        f"stages of {seconds:g} s, two at a time": clock(parallel),
        "two at a time / one at a time": round(parallel / serial, 2),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
