"""One's own video judged and drawn: `normotion run SOURCE --out DIR`."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from pipelines.judges import judge_of, threshold_of, whole
from pipelines.stopping import until_stopped
from stages.core.addresses import short_name
from stages.core.errors import NormotionError, VideoError
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.judging import finder
from stages.live.run import Options, judge_source, tell
from stages.live.source import expand, is_live


def run(
    project: Project, source: str, out: str | None = None, detector: str | None = None, model: str | None = None,
    calibration: str | None = None, camera: str | None = None, threshold: str | None = None, every: str = "1",
    skeleton_only: bool = False, show_faces: bool = False, no_film: bool = False,
) -> None:  # fmt: skip
    """Judge a file, each video of a folder, or a camera until Ctrl-C or SIGTERM.

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
    name = short_name(source) if is_live(source) else Path(source).stem
    target = Path(out) if out else Path(f"{name or 'source'}-judged")
    folders = {sources[0]: target} if len(sources) == 1 else _folders(Path(source), sources, target)
    judge = judge_of(project, model, detector)
    chosen = threshold_of(judge, calibration, camera, threshold)
    options = Options(whole(every, "every"), film=not no_film, skeleton_only=skeleton_only, blur_faces=not show_faces)
    find = finder(judge)
    troubles: list[NormotionError] = []
    for number, (each, folder) in enumerate(folders.items(), start=1):
        what = f"{number} of {len(sources)}: {short_name(each)}" if len(sources) > 1 else short_name(each)
        try:
            with until_stopped() if is_live(each) else nullcontext() as stop:
                found = judge_source(each, judge, find, chosen, folder, options, what, stop)
        except VideoError as error:
            if len(sources) == 1:
                raise
            log.warning(f"{short_name(each)}: {error.what}")
            troubles.append(error)
            continue
        for line in tell(found, folder, each):
            log.info(line)
        troubles += [found.trouble] if found.trouble else []
    _raise(troubles, len(sources), target)


def _folders(root: Path, videos: list[str], target: Path) -> dict[str, Path]:
    """Where each of a folder's videos is judged to: the same tree, with the ending where two differ in it alone."""
    places = {video: Path(video).relative_to(root) for video in videos}
    bare = Counter(place.with_suffix("") for place in places.values())
    return {
        video: target / (place if bare[place.with_suffix("")] > 1 else place.with_suffix(""))
        for video, place in places.items()
    }


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
