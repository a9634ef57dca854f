"""UCF-Crime: 1,900 surveillance videos from the web, 128 hours, 13 kinds of crime and accident and normal life.

Sultani, Chen and Shah, "Real-World Anomaly Detection in Surveillance Videos", CVPR 2018
(https://www.crcv.ucf.edu/projects/real-world/). Videos come in several zips, and may lie in any folder:

    **/<name>.mp4                                                        e.g. Abuse/Abuse001_x264.mp4
    **/Anomaly_Train.txt, **/Anomaly_Test.txt                            a line `<class>/<name>.mp4` per video
    **/Temporal_Anomaly_Annotation[_for_Testing_Videos].txt              truth of the test videos

A line of the last is `<name>.mp4  <class>  start1  end1  start2  end2`, -1 where there is no second interval, `Normal`
where there is none at all. Frames are counted from 1 and both ends belong to the interval, as the authors' evaluation
in MATLAB reads them (https://github.com/WaqasSultani/AnomalyDetectionCVPR2018). Complete are 800 normal and 810
abnormal training videos, and 150 normal and 140 abnormal test videos. Of an abnormal training video is known that
something happens, not when. Nobody says which videos share a camera: each counts as its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.ingest.recipes.base import Checklist, Options, chosen, described, ends, film, lines
from stages.ingest.source import Clip, Interval

ADDRESS = "https://www.crcv.ucf.edu/projects/real-world/"
TRAIN, TEST = 1610, 290
TRUTH = ("Temporal_Anomaly_Annotation_for_Testing_Videos.txt", "Temporal_Anomaly_Annotation.txt")


class UCFCrimeOptions(Options):
    """What the recipe may be told.

    Args:
        abnormal_training: take the abnormal training videos along, for detectors that learn from labels of whole
            videos. All others would take them for normal.
    """

    abnormal_training: bool = Field(default=False, description="take the abnormal training videos along: true or false")


OPTIONS = described(UCFCrimeOptions)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(UCFCrimeOptions, options)
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    train, test = (read_list(_one(source, f"Anomaly_{part}.txt")) for part in ("Train", "Test"))
    wanted.count("training videos in the list", len(train), TRAIN)
    wanted.count("test videos in the list", len(test), TEST)
    if not chose.abnormal_training:
        train = {name: kind for name, kind in train.items() if kind is None}
    truth = read_truth(_one(source, *TRUTH))
    videos = {path.stem: path for path in sorted(source.rglob("*.mp4")) if not path.name.startswith(".")}
    wanted.labels(f"{name} in {TRUTH[0]}" for name in test if name not in truth)
    wanted.clips("training videos", train.keys() - videos.keys())
    wanted.clips("test videos", test.keys() - videos.keys())
    known = [name for name in test if name in videos and name in truth]
    fitting = [name for name in known if wanted.fits(name, *ends(videos[name], truth[name]))]
    wanted.settle()
    about = Description(name="UCF-Crime, surveillance videos", source=ADDRESS, licence="research only, see its page")
    return about, _filmed({name: train[name] for name in train if name in videos}, test, fitting, videos, truth)


def _filmed(
    train: dict[str, str | None],
    test: dict[str, str | None],
    fitting: list[str],
    videos: dict[str, Path],
    truth: dict[str, tuple[Interval, ...]],
) -> Iterator[Clip]:
    for name, kind in train.items():
        clip = film(name, "train", videos[name], camera=name, scene=name)
        yield replace(clip, kind=kind, abnormal=int(kind is not None))
    for name in fitting:
        clip = film(name, "test", videos[name], camera=name, scene=name, labels=truth[name])
        yield replace(clip, kind=test[name], abnormal=int(test[name] is not None))


def read_list(path: Path) -> dict[str, str | None]:
    """Kind of each listed video, None for normal ones.

    Raises:
        DatasetError: the list is empty or a line names no folder.
    """
    found: dict[str, str | None] = {}
    for line in lines(path):
        entry = PurePosixPath(line.replace("\\", "/"))
        if len(entry.parts) < 2:
            raise DatasetError(f"{line!r} is not <class>/<video>", where=str(path), fix="download it again")
        found[entry.stem] = None if "Normal" in entry.parts[-2] else entry.parts[-2]
    if not found:
        raise DatasetError("the list is empty", where=str(path), fix="download it again")
    return found


def read_truth(path: Path) -> dict[str, tuple[Interval, ...]]:
    """Abnormal intervals of each test video.

    Raises:
        DatasetError: a line is of another form.
    """
    found = {}
    for line in lines(path):
        words = line.split()
        try:
            name, kind, numbers = words[0], words[1], [int(word) for word in words[2:]]
        except (IndexError, ValueError) as error:
            raise DatasetError(f"{line!r} is no annotation", where=str(path), fix="download it again") from error
        spans = [(first, last) for first, last in zip(numbers[::2], numbers[1::2], strict=False) if first != -1]
        wrong = len(numbers) % 2 or any(not 1 <= first <= last for first, last in spans)
        if wrong or bool(spans) == (kind == "Normal"):
            raise DatasetError(f"{line!r} is no annotation", where=str(path), fix="download it again")
        found[PurePosixPath(name).stem] = tuple(Interval(first - 1, last - 1, kind=kind) for first, last in spans)
    return found


def _one(source: Path, *names: str) -> Path:
    for name in names:
        for path in sorted(source.rglob(name)):
            return path
    raise DatasetError(
        f"{' or '.join(names)} is missing", where=str(source), fix=f"its owner publishes it at {ADDRESS}"
    )
