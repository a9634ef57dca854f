"""Thresholds of a camera from its own normal footage: `normotion calibrate FOOTAGE --false-alarms 1/day`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.judges import judge_of, whole
from stages.core.addresses import masked
from stages.core.errors import VideoError
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.calibration import Calibration, CameraThreshold, counted, keep, per_hour, rate, threshold_of
from stages.live.judging import finder
from stages.live.model import Model
from stages.live.normal_footage import scored
from stages.live.source import expand, is_live


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
        ParamsError: the rate is none, or `out` is another kind of file.
        VideoError: there is no footage, some cannot be read, or nobody is seen in it.
        ModelError: there is no such model, or the file is of another one.
    """
    asked, path = per_hour(false_alarms), Path(out)
    videos = _videos(footage)
    judge = judge_of(project, model, detector)
    if path.exists():
        Calibration.load(path, judge)  # to refuse it before hours of work
    frames, clips = scored(
        videos, judge, finder(judge), path.with_name(f"{path.stem}-scores"), every=whole(every, "every")
    )
    if not frames["scored"].any():
        raise VideoError(
            "nobody in the footage is seen for as long as a window lasts: it does not tell how high people score",
            where=str(videos[0]) if len(videos) == 1 else f"{len(videos)} recordings",
            fix="take footage in which people pass as usual; empty hours may be among it",
        )
    alarms = judge.card.alarms.model_copy(update={"false_alarms_per_hour": asked})
    found = threshold_of(frames, clips, alarms)
    keep(path, camera, found, judge, alarms)
    for line in told(found, camera, judge):
        log.info(line)
    log.info(f"written to {path}. Next: `normotion watch SOURCE --calibration {path}`")


def _videos(footage: Sequence[str]) -> list[Path]:
    """The files that are meant, each once whatever it is called, by the first of its names."""
    found: dict[Path, Path] = {}
    for each in footage:
        if is_live(each):
            raise VideoError(
                "a threshold is found on files and folders, and this is an address or a webcam's number",
                where=masked(each),
                fix="record some hours of it first; a file or folder of such a name: put ./ before it",
            )
        for video in map(Path, expand(each)):
            if not video.is_file():
                raise VideoError("there is no such file", where=str(video), fix="name files or folders of footage")
            found.setdefault(video.resolve(), video)
    if not found:
        raise VideoError("no footage was named", fix="name files or folders: `normotion calibrate FOLDER`")
    return list(found.values())


def told(found: CameraThreshold, camera: str, model: Model) -> list[str]:
    """What a calibration says, in sentences."""
    ends = f"[{found.low:.4g}, {found.high:.4g}]" if found.low is not None else "no interval: too little footage"
    rings = f"{camera}: alarms ring at scores above {found.threshold:.4g} ({ends}), in {model.detector.unit}"
    rests = (
        f"{found.hours:.3g} h of normal footage gave {counted(str(found.alarms), 'alarm')} over it; at most "
        f"{rate(found.at_most)} (95 %) are to be expected of footage like it"
    )
    return [rings, rests, *([f"note: {found.reason}"] if found.reason else [])]
