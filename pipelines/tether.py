"""Start a program that dies with the process that asked for it: `python tether.py PARENT PROGRAM ARGUMENT...`.

A killed runner cannot stop its children itself. This becomes the program (exec), so it costs no extra process; on
systems other than Linux the program is started untethered.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys


def main() -> None:
    """Set the parent-death signal, make sure the parent still lives, and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform.startswith("linux"):
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>; it survives exec
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() == parent:
        os.execvp(program[0], program)  # noqa: S606 the runner's own command


if __name__ == "__main__":
    main()
