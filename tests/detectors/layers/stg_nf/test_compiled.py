"""Tasks of a loop are shared out among threads, every one once."""

from __future__ import annotations

import os

import pytest
import torch

from stages.detectors.layers.stg_nf.compiled import loop, run


@loop()
def count(done, factor, low_task, high_task):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add a number to each task's place."""
    for task in range(low_task, high_task):
        done[task] += factor


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("tasks", [1, 2, 7, 100])
def test_every_task_is_done_once(tasks: int, threads: int) -> None:
    before, done = torch.get_num_threads(), torch.zeros(tasks + 1)
    torch.set_num_threads(threads)
    try:
        run(count, tasks, done, 2.0)
    finally:
        torch.set_num_threads(before)
    assert done.tolist() == [2.0] * tasks + [0.0]


def test_no_task_is_no_work() -> None:
    run(count, 0, torch.zeros(0), 2.0)


def test_what_a_thread_raises_is_raised() -> None:
    def fails(*_: object) -> None:
        raise ValueError("no")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="no"):
            run(fails, 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_gets_threads_of_its_own() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    run(count, 2, torch.zeros(2), 1.0)  # so that the parent has threads
    child = os.fork()
    if child == 0:
        done = torch.zeros(2)
        run(count, 2, done, 1.0)
        os._exit(0 if done.tolist() == [1.0, 1.0] else 1)
    torch.set_num_threads(before)
    assert os.waitpid(child, 0)[1] == 0
