"""One thing that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was found, and what became of it.

    Args:
        what: one sentence.
        done: what was done about it; empty where a person has to.
        fix: what that person does; empty where nothing is left to do.
    """

    what: str
    done: str = ""
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.done or self.fix}"
