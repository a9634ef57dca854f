"""The `pipelines` section: when things are rebuilt and who is told.

Stands here and not beside the code it steers, as `check` holds it to its form too and no stage may import `pipelines`.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from stages.core.params import Section

Cron = Annotated[str, Field(pattern=r"^\S+( \S+){4}$")]
"""Minute, hour, day of month, month, day of week."""


class DriftParams(Section):
    """When poses of new footage count as other than those learned from.

    Args:
        least: the Kolmogorov-Smirnov statistic, the largest distance between the two distributions, in (0, 1], that is
            large enough to matter. With thousands of tracks any distance is significant.
        p: and its p-value, corrected for the number of figures compared (Holm), that is small enough.
    """

    least: float = Field(default=0.2, gt=0, le=1)
    p: float = Field(default=0.01, gt=0, lt=1)


class RetrainParams(Section):
    """The scheduled retraining: look for new clips, rebuild, compare with the champion, promote or keep.

    Args:
        cron: when it starts; None leaves it to `normotion retrain`.
        add: what becomes of videos that lie in a dataset's folder `videos` and stand in no clips.csv: `train` enters
            them there as normal footage to learn from, `ignore` leaves them.
        trigger: what it takes to rebuild: `always` whatever changed, `new_clips` footage that was added, `drift` added
            footage whose poses differ from those learned from.
        drift: what counts as such a difference.
        promote: what it takes to become the champion: `better`, the whole interval of the AUC's difference lies above
            0, or `not_worse`, above `-margin`: what learned from newer footage then replaces what is as good.
        margin: AUC that may be lost under `not_worse`.
    """

    cron: Cron | None = None
    add: Literal["train", "ignore"] = "train"
    trigger: Literal["always", "new_clips", "drift"] = "always"
    drift: DriftParams = DriftParams()
    promote: Literal["better", "not_worse"] = "not_worse"
    margin: float = Field(default=0.01, ge=0, lt=1)


class PipelinesParams(Section):
    """The `pipelines` section.

    Args:
        cron: when the scheduled rebuild starts; None leaves it to people and to `retrain`.
        timezone: the zone `cron` is meant in, e.g. `Europe/Berlin`.
        jobs: stages that run at the same time where the graph allows it. More need more memory and cores.
        engine: `local`, or `ray`: train and score are handed to a Ray cluster whose machines see the project under the
            same path; `jobs` says how many at a time. DVC stays on this machine.
        address: of the cluster, e.g. `auto` or `ray://host:10001`.
        gpus: stages that may use a GPU at the same time; None counts this machine's.
            With `ray`, GPUs that the cluster sets aside for one stage.
        least_free: GiB that must be free on the disks of the project and of DVC's cache before a rebuild begins.
        deadline: hours after which a flow is stopped; None lets it run. What a person starts by hand has none.
        prefect_port: port of the Prefect server and its page on this machine.
        mlflow_port: port of the MLflow page on this machine.
        mlflow_timeout: seconds that a remote MLflow server is given to answer before runs are put aside for later.
        retrain: the scheduled retraining.
    """

    cron: Cron | None = "0 3 * * *"
    timezone: str = "UTC"
    jobs: int = Field(default=1, ge=1)
    engine: Literal["local", "ray"] = "local"
    address: str = "auto"
    gpus: int | None = Field(default=None, ge=0)
    least_free: float = Field(default=1.0, ge=0)
    deadline: float | None = Field(default=24.0, gt=0)
    prefect_port: int = Field(default=4200, ge=1024, le=65535)
    mlflow_port: int = Field(default=5000, ge=1024, le=65535)
    mlflow_timeout: int = Field(default=10, ge=1)
    retrain: RetrainParams = RetrainParams()

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone {name!r}; give a name such as UTC or Europe/Berlin") from error
        return name
