"""Channels of networks that are wider or narrower than published."""

from __future__ import annotations

from collections.abc import Sequence


def scaled(widths: Sequence[int], factor: float) -> list[int]:
    """Channels times a factor, at least one where there were any."""
    return [max(round(wide * factor), 1) if wide else 0 for wide in widths]
