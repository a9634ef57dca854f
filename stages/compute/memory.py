"""Memory that large tensors are taken from, again and again."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""M_TRIM_THRESHOLD and M_MMAP_MAX of glibc's <malloc.h>."""


@cache
def keep() -> bool:
    """Let this process keep the memory that tensors give back, for the next ones.

    By default glibc asks the system for every large block anew and hands it back at once; the system clears it, page
    by page, which can take longer than the arithmetic. What a process holds stays at its peak afterwards.

    Returns:
        Whether that was possible: with glibc it is, elsewhere nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
