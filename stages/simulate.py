"""Stage `simulate`: params → `data/raw/simulated`, the embedded benchmark with perfect labels.

Clips that have not changed are not made again; the result is the same to the byte however many processes make it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

import pandas as pd
import yaml

from stages.core.dataset import CLIPS, Description, load_dataset
from stages.core.errors import StorageError
from stages.core.incremental import made_with, say_kept
from stages.core.params import load_section, read_params
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, REGIONS, TRACKS, VERSION, Rows
from stages.core.storage import atomic_folder, sha256_text, sweep, write_text
from stages.core.tables import read, read_meta, write
from stages.core.truth import REGIONS_FILE
from stages.pose.engines.base import here, spread
from stages.pose.engines.local import Processes
from stages.pose.parallel import cores
from stages.simulation import records
from stages.simulation.detection import detect
from stages.simulation.direction import perform
from stages.simulation.filming import film
from stages.simulation.identities import identities
from stages.simulation.observation import observe
from stages.simulation.planning import SimulateParams, plans
from stages.simulation.world import Plan, Take

DATASET = "simulated"
"""The dataset's name: nobody else writes its folder."""
CAMERAS_FILE = "cameras.json"
"""Position, target (m), focal length (px) and distortion of each camera, as stages/simulation/world.py has them."""
RETRIES = 1
"""How often a clip is tried again whose process died."""
FILMED_BY = ("av", "cv2")
"""Packages that only films need."""
COUNTS = ("people", "found", "false")
"""What the metadata of a clip's regions count: people in view, those detected, and false detections."""
DESCRIPTION = Description(
    name="Simulated people in a hall, a street, a running track and a park",
    source="the simulate stage of normotion",
    licence="Apache-2.0",
    modality="poses",
)


@dataclass(frozen=True)
class Files:
    """Where everything about a clip stands.

    Args:
        folder: of the dataset.
        clip: its name.
    """

    folder: Path
    clip: str

    @property
    def poses(self) -> Path:
        """Noisy POSES."""
        return clip_file(self.folder / "poses", self.clip)

    @property
    def video(self) -> Path:
        """The film."""
        return self.folder / "videos" / f"{self.clip}.mp4"

    @property
    def tracks(self) -> Path:
        """True TRACKS."""
        return clip_file(self.folder / "truth" / "tracks", self.clip)

    @property
    def masks(self) -> Path:
        """Who is where to the pixel."""
        return self.folder / "truth" / "masks" / f"{self.clip}.npz"

    @property
    def regions(self) -> Path:
        """True REGIONS; written last, with the key of all that the clip was made from."""
        return clip_file(self.folder / "truth" / "regions", self.clip)

    def all(self, *, filmed: bool) -> tuple[Path, ...]:
        """What there must be of a clip."""
        return (self.poses, self.tracks, self.regions, *((self.video, self.masks) if filmed else ()))


@dataclass(frozen=True)
class Job:
    """One clip to be made.

    Args:
        plan: what is to happen in it.
        folder: of the dataset.
        key: hash of everything it depends on.
    """

    plan: Plan
    folder: Path
    key: str

    def __str__(self) -> str:
        return self.plan.clip


def run(project: Project) -> None:
    """Make the simulated dataset, or an empty folder when params.yaml does not list it.

    Raises:
        ParamsError: the `simulate` section is not valid.
        PipelineError: a clip cost its process its life.
        StorageError: the disk is full, or the folder cannot be made.
        ModuleNotFoundError: a package that films need is not installed.
    """
    folder = project.raw(DATASET)
    if DATASET not in (read_params(project).get("datasets") or []):
        log.info(f"{DATASET!r} is not among `datasets` in params.yaml: {folder} is left empty")
        with atomic_folder(folder):
            return
    params = load_section(project, "simulate", SimulateParams)
    planned = plans(params)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"no folder can be made: {error.strerror or error}"
        raise StorageError(reason, where=str(folder), fix="remove what stands there, or check permissions") from error
    sweep(folder)
    _remove_stale(folder, planned, filmed=params.render)
    jobs = _outstanding(folder, planned, params)
    if jobs:
        _make(jobs, params)
    _write_sheets(folder, planned, params)
    load_dataset(project, DATASET)
    _say(folder, planned)


def _remove_stale(folder: Path, planned: Sequence[Plan], *, filmed: bool) -> None:
    """Remove files of clips that are no longer planned, and films that are no longer wanted."""
    wanted = {path for plan in planned for path in Files(folder, plan.clip).all(filmed=filmed)}
    stale = [path for part in ("poses", "videos", "truth") for path in (folder / part).rglob("*") if path.is_file()]
    stale = sorted({*stale} - wanted)
    for path in stale:
        path.unlink()
    if stale:
        log.info(f"{DATASET}: {len(stale)} files of clips that are no longer planned are removed")


def _outstanding(folder: Path, planned: Sequence[Plan], params: SimulateParams) -> list[Job]:
    """Clips that are missing, or were made from something else."""
    recipe = sha256_text(params.model_dump_json(exclude={"size", "seed", "workers"}), str(VERSION), fingerprint())
    jobs, kept = [], []
    for plan in planned:
        key, files = sha256_text(recipe, repr(plan)), Files(folder, plan.clip)
        whole = all(path.is_file() for path in files.all(filmed=params.render))
        if whole and made_with(files.regions, REGIONS) == key:
            kept.append(plan.clip)
        else:
            jobs.append(Job(plan, folder, key))
    say_kept(kept, "poses and films")
    return jobs


def fingerprint() -> str:
    """A hash of the code that makes clips: they are made again when it changes."""
    here_and_below = [Path(__file__), *Path(records.__file__).parent.rglob("*.py")]
    return sha256_text(*(path.read_text(encoding="utf-8") for path in sorted(here_and_below)))


def _make(jobs: Sequence[Job], params: SimulateParams) -> None:
    for package in FILMED_BY if params.render else ():
        import_module(package)  # what is missing is said once, not by every process
    work = partial(_simulate, params=params)
    workers = min(params.workers or cores(), len(jobs))
    done = here(work, jobs) if workers == 1 else spread(Processes(work, workers), jobs, RETRIES)
    with closing(done):
        for _, trouble in bar(done, what=f"simulating {DATASET}", total=len(jobs), unit=" clips"):
            if trouble is not None:
                raise trouble


def _simulate(job: Job, params: SimulateParams) -> None:
    """Perform, film, and observe one clip; its regions are written last, and their key vouches for all of it."""
    files = Files(job.folder, job.plan.clip)
    files.regions.unlink(missing_ok=True)
    take = Take(job.plan, perform(job.plan))
    if params.render:
        film(take, files.video, files.masks, params.picture)
    view = observe(take)
    found = detect(view, params.noise)
    names = identities(view, found, params.noise) if params.ids == "noisy" else None
    write(files.poses, POSES, records.poses(view, found, names))
    write(files.tracks, TRACKS, records.tracks(view))
    counts = (view.seen.sum(), (found.people >= 0).sum(), (found.people < 0).sum())
    meta = dict(zip(COUNTS, map(str, counts), strict=True)) | {"key": job.key}
    write(files.regions, REGIONS, Rows(records.regions(view), meta=meta))


def _write_sheets(folder: Path, planned: Sequence[Plan], params: SimulateParams) -> None:
    """Write dataset.yaml, clips.csv, labels.csv, regions.parquet and cameras.json, the cameras' calibration."""
    pieces = [read(Files(folder, plan.clip).regions, REGIONS).frame for plan in planned]
    found = pd.concat(pieces, ignore_index=True)
    labels = records.intervals(found)
    kinds = labels.groupby("clip")["kind"].agg(lambda names: "+".join(sorted(set(names)))).to_dict()
    clips = pd.DataFrame([_row(plan, kinds.get(plan.clip), params) for plan in planned], columns=list(CLIPS))
    cameras = {plan.camera.name: asdict(plan.camera) for plan in planned}
    write(folder / REGIONS_FILE, REGIONS, Rows(found))
    write_text(folder / CAMERAS_FILE, json.dumps(cameras, indent=2, sort_keys=True))
    write_text(folder / "dataset.yaml", yaml.safe_dump(DESCRIPTION.model_dump(), sort_keys=False, width=120))
    for name, table in (("clips.csv", clips), ("labels.csv", labels)):
        write_text(folder / name, table.to_csv(index=False, lineterminator="\n"))


def _row(plan: Plan, kinds: str | None, params: SimulateParams) -> dict[str, object]:
    files = Files(Path(), plan.clip)
    return {
        "clip": plan.clip,
        "split": plan.split,
        "path": files.poses.as_posix(),
        "camera": plan.camera.name,
        "scene": plan.place.name,
        "fps": plan.fps,
        "width": plan.camera.width,
        "height": plan.camera.height,
        "frames": plan.frames,
        "kind": kinds,
        "abnormal": int(kinds is not None),
        "video": files.video.as_posix() if params.render else None,
    }


def _say(folder: Path, planned: Sequence[Plan]) -> None:
    """Log how much there is, and how far the poses are from complete."""
    metas = [read_meta(Files(folder, plan.clip).regions, REGIONS) for plan in planned]
    people, found, false = (sum(int(meta[count]) for meta in metas) for count in COUNTS)
    frames = sum(plan.frames for plan in planned)
    log.info(
        f"{DATASET}: {len(planned)} clips, {frames} frames, {people} people in view, of whom {found} are found; "
        f"{false} found where nobody is"
    )
