"""Thresholds of a camera from its own normal footage: `normotion calibrate FOOTAGE --false-alarms 1/day`."""

from __future__ import annotations

from pathlib import Path

from pipelines.judges import judge_of, whole
from stages.core.errors import VideoError
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.calibration import Calibration, CameraThreshold, per_hour, threshold_of
from stages.live.judging import finder
from stages.live.model import Model
from stages.live.normal_footage import scored
from stages.live.source import expand


def run(
    project: Project, *footage: str, false_alarms: str = "1/day", camera: str = "camera", out: str = "calibration.json",
    model: str | None = None, detector: str | None = None, every: str = "1",
) -> None:  # fmt: skip
    """Find the score at which alarms should ring.

    Args:
        project: whose models may be named.
        footage: files and folders of one camera, on which nothing abnormal happens.
        false_alarms: how many false alarms a camera may give, e.g. 1/day.
        camera: its name in the file.
        out: the file; other cameras in it stay.
        model: see `judge_of`.
        detector: see `judge_of`.
        every: look at every n-th frame.

    Raises:
        ParamsError: the rate is none.
        VideoError: there is no footage, or some cannot be read.
        ModelError: there is no such model, or the file is of another one.
    """
    rate, path = per_hour(false_alarms), Path(out)
    videos = [Path(found) for each in footage for found in expand(each)]
    if not videos:
        raise VideoError("no footage was named", fix="name files or folders: `normotion calibrate FOLDER`")
    judge = judge_of(project, model, detector)
    before = Calibration.load(path, judge) if path.exists() else None
    frames, clips = scored(
        list(dict.fromkeys(videos)),
        judge,
        finder(judge),
        path.with_name(f"{path.stem}-scores"),
        every=whole(every, "every"),
    )
    alarms = judge.card.alarms.model_copy(update={"false_alarms_per_hour": rate})
    found = threshold_of(frames, clips, alarms)
    cameras = {**(before.cameras if before else {}), camera: found}
    Calibration(detector=judge.origin, model=judge.digest, alarms=alarms, cameras=cameras).save(path)
    for line in told(found, camera, judge):
        log.info(line)
    log.info(f"written to {path}. Next: `normotion watch SOURCE --calibration {path}`")


def told(found: CameraThreshold, camera: str, model: Model) -> list[str]:
    """What a calibration says, in sentences."""
    ends = f"[{found.low:.4g}, {found.high:.4g}]" if found.low is not None else "no interval: too little footage"
    rings = f"{camera}: alarms ring at scores above {found.threshold:.4g} ({ends}), in {model.detector.unit}"
    rests = (
        f"{found.hours:.3g} h of normal footage gave {found.alarms} alarms over it; at most {found.at_most:.2g} false "
        "alarms per hour (95 %) are to be expected of footage like it"
    )
    return [rings, rests, *([f"note: {found.reason}"] if found.reason else [])]
