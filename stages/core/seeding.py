"""Seeds that mean what they say: one number and a name give one stream, independent of every other."""

from __future__ import annotations

import numpy as np

from stages.core.storage import sha256_text


def derive(seed: int, *names: str) -> int:
    """A seed for one purpose, e.g. `derive(0, "stg_nf", "shuffle")`; in `[0, 2**63)`."""
    return int(sha256_text(str(seed), *names)[:16], 16) >> 1


def stream(seed: int, *names: str) -> np.random.Generator:
    """A NumPy generator for one purpose."""
    return np.random.default_rng(derive(seed, *names))
