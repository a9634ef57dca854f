"""What the coarse-grained protocol found of one detector on one dataset, as `coarse` writes it to reports/coarse."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from stages.core.errors import SchemaError
from stages.core.params import Section


class Figure(Section):
    """AUC of one of a detector's parts.

    Args:
        seeds: by seed.
        mean: over seeds.
    """

    seeds: dict[str, float]
    mean: float


class Found(Section):
    """One split in one direction.

    Args:
        split: its name.
        meaningful: whether its classes have something in common; otherwise they were drawn.
        direction: `few_vs_many` or `many_vs_few`.
        classes: of the split.
        auc: by part of the detector.
        train_clips: learned from.
        train_windows: likewise.
        test_clips: judged.
        abnormal_clips: those of them that are abnormal.
        test_windows: scored.
        clips_without_windows: judged clips that have none, and count as most normal.
        seconds: that learning and scoring took, all seeds together.
    """

    split: str
    meaningful: bool
    direction: str
    classes: tuple[str, ...]
    auc: dict[str, Figure]
    train_clips: int
    train_windows: int
    test_clips: int
    abnormal_clips: int
    test_windows: int
    clips_without_windows: int
    seconds: float


class Spread(Section):
    """AUC over splits of one kind in one direction.

    Args:
        auc_mean: of the detector's first part.
        auc_sd: deviation from split to split; None of a single one.
        splits: how many there are.
        parts: mean AUC by part.
    """

    auc_mean: float
    auc_sd: float | None
    splits: int
    parts: dict[str, float]


class Coarse(Section):
    """All of it.

    Args:
        dataset: its name.
        detector: its name.
        supervised: whether it was told the classes of normal clips.
        parts: of the detector; the first counts.
        seeds: of the models.
        over_windows: what a person's windows came to.
        summary: by direction, by `random` or `meaningful`; empty where the protocol is not applicable.
        splits: each split in each direction; likewise.
        reason: why it is not applicable; empty where it is.
    """

    dataset: str
    detector: str
    supervised: bool
    parts: tuple[str, ...]
    seeds: tuple[int, ...]
    over_windows: str
    summary: dict[str, dict[str, Spread]]
    splits: tuple[Found, ...]
    reason: str = ""


def read(path: Path) -> Coarse:
    """Read a result of the stage `coarse`.

    Raises:
        SchemaError: the file is missing or is no such result.
    """
    try:
        return Coarse.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(f"{path.name} is missing", where=str(path), fix="make it: `dvc repro`") from error
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = next(iter(str(error).splitlines()))
        raise SchemaError(
            f"not a readable result: {reason}", where=str(path), fix="`dvc repro` makes it anew"
        ) from error
