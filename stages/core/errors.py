"""The errors a user may see: each says what happened, where, and what to do."""

from __future__ import annotations


class NormotionError(Exception):
    """An expected failure, shown without a traceback and with exit status 1.

    Args:
        what: what happened, one sentence.
        where: the file, row, key or frame it happened at; empty when `what` already says it.
        fix: what to do next, an instruction or a command.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a worker process: keyword arguments are kept."""
        return (_rebuild, (type(self), self.what, self.where, self.fix))


def _rebuild(kind: type[NormotionError], what: str, where: str, fix: str) -> NormotionError:
    return kind(what, where=where, fix=fix)


class ParamsError(NormotionError):
    """params.yaml is missing, unreadable, or holds unknown or ill-typed keys."""


class DatasetError(NormotionError):
    """dataset.yaml, clips.csv or labels.csv contradicts itself or the files it names."""


class VideoError(NormotionError):
    """A video is missing, empty, truncated, or no video at all."""


class SchemaError(NormotionError):
    """A Parquet table is not the table, or not the version, that was expected."""


class StorageError(NormotionError):
    """A file could not be written: the disk is full, or the folder is read-only."""


class TrainingError(NormotionError):
    """A detector cannot be fitted to what it was given."""


class ScoreError(NormotionError):
    """A score is missing, NaN or infinite where a finite number is needed."""


class ModelError(NormotionError):
    """A saved model is missing, incomplete, or belongs to another detector or version."""


class BackendError(NormotionError):
    """A pose backend or inference engine is not installed or lacks its weights."""


class PipelineError(NormotionError):
    """A stage failed or did not land, another run is at work, or DVC, Prefect or MLflow cannot do its part."""


class PassingError(NormotionError):
    """A fault that may be over the next time, such as a cluster that does not answer: worth trying again."""
