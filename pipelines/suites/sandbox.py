"""A project folder of its own for the jobs that share their windows: the stages run in it as DVC would run them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from pipelines.environment import tool_environment
from pipelines.records import FIT_FILE
from pipelines.runner import LAST_LINES, TETHER, stop
from pipelines.suites.plan import DECODE, MEASURE, PREPARE, Job, code_root
from stages.core.errors import PipelineError
from stages.core.paths import Project, seed_folder
from stages.core.progress import log
from stages.core.storage import write_text

PREPARED = "prepared.json"
"""Says that the windows are cut, and how long that took."""
SCORED = "scored.txt"
"""Says whose scores are there: a job that is judged otherwise alone need not be trained again."""


def suites_folder(project: Project) -> Path:
    """Where suites work, and keep what finished jobs measured: `.normotion/suites`, not in git."""
    return project.root / ".normotion" / "suites"


class Sandbox:
    """A project with rearranged data and overridden parameters; the project it is made from is only read.

    Args:
        project: the real one.
        job: the first of those that share its windows.
    """

    def __init__(self, project: Project, job: Job) -> None:
        self._code = code_root(project)
        self.project = Project(suites_folder(project) / f"work-{job.data_key[:16]}")

    def measure(self, job: Job) -> dict[str, Any]:
        """Run a job's stages.

        Returns:
            `seconds` from tracks to figures, less what an earlier job had done; `metrics` as `evaluate` wrote them;
            `fits` by seed as `train` did.

        Raises:
            PipelineError: a stage failed; says which and why.
            NormotionError: the data cannot be rearranged.
        """
        # Nobody looks at timelines of variants, and no figure depends on them.
        params = {**job.params, "evaluate": {**(job.params.get("evaluate") or {}), "timelines": False}}
        write_text(self.project.params, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
        seconds = self._prepare(job)
        start = time.monotonic()
        train, score, evaluate = MEASURE
        scored = self.project.root / SCORED
        if not scored.is_file() or scored.read_text(encoding="utf-8").strip() != job.model_key:
            scored.unlink(missing_ok=True)
            for detector in (*job.bases, job.detector):
                self._stage(train, job.trained_on, detector)
            if job.trained_on != job.dataset:
                self._hand_over(job)
            self._stage(score, job.dataset, job.detector)
            write_text(scored, job.model_key)
        self._stage(evaluate, job.dataset, job.detector)
        metrics = _json(self.project.metrics(job.dataset, job.detector))
        model = self.project.model(job.dataset, job.detector)
        fits = {str(seed): _json(seed_folder(model, seed) / FIT_FILE) for seed in job.params["train"]["seeds"]}
        return {"seconds": round(seconds + time.monotonic() - start, 1), "metrics": metrics, "fits": fits}

    def remove(self) -> None:
        """Free the disk."""
        shutil.rmtree(self.project.root, ignore_errors=True)

    def _prepare(self, job: Job) -> float:
        """Rearrange the data and cut windows, unless an interrupted run did; the seconds that took."""
        done = self.project.root / PREPARED
        if not done.is_file():
            start = time.monotonic()
            for draft in job.drafts:
                draft.write(self.project, footage=job.framed)
                if job.framed:
                    self._stage(DECODE, draft.data.name)
                for verb, window in product(PREPARE, job.windows):
                    self._stage(verb, draft.data.name, window)
            write_text(done, json.dumps({"seconds": time.monotonic() - start}))
        return float(_json(done)["seconds"])

    def _hand_over(self, job: Job) -> None:
        """A model that learned elsewhere takes the place of the one that would have learned here."""
        here = self.project.model(job.dataset, job.detector)
        shutil.rmtree(here, ignore_errors=True)
        here.parent.mkdir(parents=True, exist_ok=True)
        self.project.model(job.trained_on, job.detector).rename(here)

    def _stage(self, *words: str) -> None:
        """Run one stage as a process, its output line by line in the log."""
        tail: deque[str] = deque(maxlen=LAST_LINES)
        with self._started(words) as process:
            for line in process.stdout or ():
                if line.strip():
                    tail.append(line.rstrip())
                    log.info("  %s", tail[-1])
        if process.returncode:
            reason = _reason(tail).replace(f"{self.project.root}{os.sep}", "")
            raise PipelineError(f"{words[0]}: {reason}", where="\n".join(["", *tail]))

    @contextlib.contextmanager
    def _started(self, words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """A stage at work, tethered to this process; asked to stop, then made to, when the body fails."""
        environment = tool_environment()
        path = os.pathsep.join([str(self._code), *filter(None, [environment.get("PYTHONPATH")])])
        with subprocess.Popen(
            [*TETHER, str(os.getpid()), sys.executable, "-m", "stages", *words],
            cwd=self.project.root,
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        ) as process:
            try:
                yield process
            except BaseException:
                stop(process)
                raise


def _reason(tail: Sequence[str]) -> str:
    """What a failed stage said happened: the line above where and how to mend it, or else its last."""
    for number, line in enumerate(tail):
        if number and line.startswith(("  where:", "  fix:")):
            return tail[number - 1].strip()
    return tail[-1].strip() if tail else "it failed without a word"


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
