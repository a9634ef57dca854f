"""Compiled loops over tensors on the CPU, in as many threads as torch has.

A loop is a function of arrays that does the tasks `low` … `high` - 1 of many equal ones. Threads are Python's, since
the loops hold no lock: they sleep while they wait, so that a busy machine slows them no more than it must, and need no
library. Every task does the same whichever thread has it, so results do not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from numba import njit
from torch import Tensor


def loop(*, reassociate: bool = False) -> Callable[[Any], Any]:
    """Compile a loop when it is first used, and keep it in numba's cache.

    Args:
        reassociate: let sums be taken in another order, which the compiler chooses once.
    """
    flags = {"contract", "nsz", "reassoc"} if reassociate else {"contract", "nsz"}
    return njit(nogil=True, cache=True, fastmath=flags, error_model="numpy")


def run(loop: Callable[..., None], tasks: int, *arguments: Tensor | float) -> None:
    """Do all tasks of a loop.

    Args:
        loop: called with the arguments, `low` and `high`.
        tasks: how many there are.
        arguments: numbers, and tensors, whose memory the loop gets.
    """
    given = [argument.detach().numpy() if isinstance(argument, Tensor) else argument for argument in arguments]
    threads = max(1, min(torch.get_num_threads(), tasks))
    ends = [tasks * (thread + 1) // threads for thread in range(threads)]
    others = [_pool().submit(loop, *given, low, high) for low, high in pairwise(ends)]
    loop(*given, 0, ends[0])
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="stg_nf")


# A child process has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
