"""One DVC stage, and whether it really landed: `python landing.py STAGE`.

`dvc repro` ends well even when the cache's disk is full and nothing was stored; only `dvc status -q` tells. Both run in
one process, as most of their time is the start.
"""

from __future__ import annotations

import sys

NOT_LANDED = 77
"""Exit status when the stage ran, but what it made is not where dvc.lock says."""


def main(stage: str) -> int:
    """DVC's own exit status, or `NOT_LANDED`."""
    from dvc.cli import main as dvc

    wait = "--wait-for-lock"
    if code := dvc([wait, "repro", "-s", stage]):
        return int(code)
    if dvc([wait, "status", "-q", stage]):
        dvc([wait, "status", stage])
        return NOT_LANDED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
