"""One's own video judged and drawn: `normotion run SOURCE --out DIR`."""

from __future__ import annotations

from pathlib import Path

from pipelines.judges import judge_of
from stages.core.errors import NormotionError, PipelineError, VideoError
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.calibration import Calibration
from stages.live.judging import finder
from stages.live.run import Chosen, Options, judge_source, tell
from stages.live.source import expand, masked


def run(
    project: Project, source: str, out: str | None = None, detector: str | None = None, model: str | None = None,
    calibration: str | None = None, camera: str | None = None, threshold: str | None = None, every: str = "1",
    skeleton_only: bool = False, show_faces: bool = False, no_film: bool = False,
) -> None:  # fmt: skip
    """Judge a file, each video of a folder, or a camera until Ctrl-C.

    Args:
        project: whose models may be named.
        source: a file, a folder, a webcam's number, or an RTSP or HTTP address.
        out: folder for what is written; of several videos, one folder each in it.
        detector: see `judge_of`.
        model: see `judge_of`.
        calibration: a file of `normotion calibrate`.
        camera: which of its cameras.
        threshold: over which alarms ring, in place of a calibration.
        every: look for people in every n-th frame.
        skeleton_only: draw people on a plain ground.
        show_faces: do not blur faces.
        no_film: write no overlay.mp4.

    Raises:
        VideoError: there is no such source, or one of them broke off; what came before is written.
        ModelError, ParamsError: model or calibration are not there, or do not fit.
    """
    sources = expand(source)
    target = Path(out) if out else Path(f"{Path(source).stem or 'source'}-judged")
    judge = judge_of(project, model, detector)
    chosen = _chosen(judge.reference.threshold, threshold)
    if calibration:
        file = Calibration.load(Path(calibration), judge)
        name, own = file.of(camera, Path(calibration))
        chosen = Chosen(own.threshold, f"calibrated for {name}, {_rate(file)}", own.tail, calibrated=True)
    options = Options(_whole(every, "every"), film=not no_film, skeleton_only=skeleton_only, blur_faces=not show_faces)
    find = finder(judge)
    troubles: list[NormotionError] = []
    for number, each in enumerate(sources, start=1):
        folder = target if len(sources) == 1 else target / Path(each).stem
        what = f"{number} of {len(sources)}: {Path(each).name}" if len(sources) > 1 else Path(each).name or masked(each)
        try:
            found = judge_source(each, judge, find, chosen, folder, options, what)
        except VideoError as error:
            if len(sources) == 1:
                raise
            log.warning(f"{each}: {error.what}")
            troubles.append(error)
            continue
        for line in tell(found, folder, each):
            log.info(line)
        troubles += [found.trouble] if found.trouble else []
    _raise(troubles, len(sources), target)


def _chosen(default: float, threshold: str | None) -> Chosen:
    if threshold is None:
        return Chosen(default, "the highest that the model's own normal footage reached")
    try:
        return Chosen(float(threshold), "given by --threshold")
    except ValueError as error:
        raise PipelineError(f"a threshold is a number, not {threshold!r}", fix="e.g. --threshold 4.2") from error


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise PipelineError(f"--{name} is a whole number from 1, not {text!r}", fix=f"e.g. --{name} 3")
    return int(text)


def _rate(file: Calibration) -> str:
    rate = file.alarms.false_alarms_per_hour
    return f"{rate:g} false alarms an hour" if rate >= 1 else f"{rate * 24:g} false alarms a day"


def _raise(troubles: list[NormotionError], sources: int, target: Path) -> None:
    if len(troubles) == 1 and sources == 1:
        raise troubles[0]
    if troubles:
        listed = "\n".join(f"  - {trouble.where}: {trouble.what}" for trouble in troubles)
        raise VideoError(
            f"{len(troubles)} of {sources} videos could not be judged to their end:\n{listed}",
            where=str(target),
            fix="the others are done; copy these from their source again and run the same command on them",
        )
