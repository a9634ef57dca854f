"""`normotion import`: other people's poses, or a published data set, become a folder that the DAG takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from stages.core.dataset import Description
from stages.core.errors import DatasetError, ParamsError
from stages.core.foreign import whole
from stages.core.params import nearest, read_params
from stages.core.paths import NAME, Project
from stages.core.progress import log
from stages.ingest.assembly import Assembly, Said, rate
from stages.ingest.files import Files, open_files
from stages.ingest.folder import Summary, write_folder
from stages.ingest.formats.base import Given
from stages.ingest.formats.registry import READERS, reader
from stages.ingest.recipes.registry import RECIPES
from stages.ingest.sheets import Labels, Masks, read_clips, read_labels, read_masks
from stages.ingest.source import Clip

SIZE = re.compile(r"(\d+)[x×](\d+)")


@dataclass(frozen=True)
class Settings:
    """What the user says of a source in a pose format, as typed.

    Args:
        fps: frames per second, where the source does not say.
        size: `WIDTHxHEIGHT` of the frames, px, where the source does not say.
        layout: joints, where they are not the format's own.
        first_frame: number of a clip's first frame in the source.
        test: patterns of the clips, or their files, that are for testing; all others are for training. `none`: none.
        clips: CSV of what is known of each clip (sheets.CLIP_COLUMNS), in the source or on disk.
        labels: CSV of abnormal stretches (sheets.LABEL_COLUMNS), in the source or on disk.
        masks: folder, zip or npz of `<clip>.npy`, 0 and 1 per frame, in the source or on disk.
        mask_abnormal: which of 0 and 1 means abnormal in masks.
        camera: regular expression that finds the camera in a clip's name.
        licence: terms of the data, one line.
    """

    fps: str | float | None = None
    size: str | None = None
    layout: str | None = None
    first_frame: str | int = 0
    test: tuple[str, ...] = ()
    clips: str | None = None
    labels: str | None = None
    masks: str | None = None
    mask_abnormal: str | None = None
    camera: str | None = None
    licence: str | None = None

    def said(self, dataset: str, files: Files) -> Said:
        """Read the sheets and masks, and make sense of the rest.

        Raises:
            DatasetError: one of them makes none.
        """
        return Said(
            dataset=dataset,
            fps=None if self.fps is None else rate(self.fps, "--fps"),
            size=_size(self.size),
            first_frame=int(whole([self.first_frame], where="--first-frame", what="it")[0]),
            test=self.test,
            camera=_pattern(self.camera),
            clips=read_clips(files, self.clips) if self.clips else {},
            labels=read_labels(files, self.labels) if self.labels else Labels(),
            masks=self._read_masks(files),
        )

    def _read_masks(self, files: Files) -> Masks | None:
        if self.masks:
            return read_masks(files, self.masks, _polarity(self.mask_abnormal))
        if self.mask_abnormal is not None:
            raise DatasetError("--mask-abnormal is given, but no masks", fix="add --masks FOLDER, or leave it out")
        return None


def run(
    project: Project,
    format_: str,
    source: str,
    *,
    dataset: str = "",
    option: tuple[str, ...] = (),
    replace: bool = False,
    **settings: Any,
) -> None:
    """Write `data/raw/<dataset>` from a pose format, or by a data set's recipe.

    Args:
        project: where to.
        format_: a format (READERS) or a recipe (RECIPES).
        source: file, folder or zip.
        dataset: name of the data set to make.
        option: `KEY=VALUE` of a recipe.
        replace: put the new folder in an old one's place.
        settings: of a format, as `Settings` has them; a recipe knows them by itself.

    Raises:
        DatasetError: whatever is wrong with the source; nothing is left behind then.
    """
    if not dataset:
        raise DatasetError("the data set to make has no name", fix="give --dataset NAME")
    if not NAME.fullmatch(dataset):
        raise DatasetError(f"a data set cannot be called {dataset!r}", fix="use letters, digits, '.', '_' and '-'")
    target, path = project.raw(dataset), Path(source)
    if format_ in RECIPES:
        given = [name.replace("_", "-") for name in settings]
        _refuse(given, f"recipe {format_} knows its data set by itself, but for what --option tells it")
        named = _named_splits(format_)
        summary = write_folder(target, *_recipe(format_, path, option), replace=replace, named=named)
    else:
        _refuse(["option"] if option else [], f"format {format_} has no options of its own")
        summary = _format(target, format_, path, Settings(**settings), replace=replace)
    log.info(f"{dataset}: {summary}")
    _tell_next(project, dataset)


def _format(target: Path, name: str, source: Path, settings: Settings, *, replace: bool) -> Summary:
    read, files = reader(_known(name)), open_files(source)
    said = settings.said(target.name, files)
    assembly = Assembly(said)
    licence = settings.licence or "not stated"
    about = Description(name=target.name, source=source.name, licence=licence, modality="poses")
    recordings = read(_without_sheets(files, settings.clips, settings.labels), Given(settings.layout, said.size))
    summary = write_folder(target, about, assembly.clips(recordings), replace=replace)
    assembly.tell()
    if not (settings.labels or settings.masks or settings.clips):
        log.warning("no labels were given: every clip counts as normal")
    return summary


def _recipe(name: str, source: Path, option: Iterable[str]) -> tuple[Description, Iterator[Clip]]:
    pairs = {key: value for key, _, value in (item.partition("=") for item in option)}
    if wrong := [item for item in option if "=" not in item]:
        raise DatasetError(f"--option {wrong[0]!r} is no KEY=VALUE", fix="write e.g. --option partial=true")
    if len(pairs) < len(tuple(option)):
        raise DatasetError("an --option is given twice", fix="give each once")
    found: tuple[Description, Iterator[Clip]] = resolve_name(RECIPES[name])(source, **pairs)
    return found


def _named_splits(recipe: str) -> Mapping[str, Sequence[str]]:
    module = resolve_name(RECIPES[recipe].partition(":")[0])
    found: Mapping[str, Sequence[str]] = getattr(module, "SPLITS", {}).get(recipe, {})
    return found


def _known(name: str) -> str:
    if name in READERS:
        return name
    raise DatasetError(f"no format or recipe {name!r}; {nearest(name, [*READERS, *RECIPES])}")


def _refuse(given: list[str], why: str) -> None:
    if given:
        raise DatasetError(f"--{given[0]} does not go with it: {why}", fix="leave it out")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = SIZE.fullmatch(text)
    if match is None or not (int(match[1]) and int(match[2])):
        raise DatasetError(f"--size must be WIDTHxHEIGHT, got {text!r}", fix="give --size 1920x1080")
    return int(match[1]), int(match[2])


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise DatasetError(f"--camera {text!r} is no regular expression: {error}") from error


def _polarity(text: str | None) -> int:
    if text not in ("0", "1"):
        raise DatasetError("which value means abnormal in the masks is not said", fix="give --mask-abnormal 1 (or 0)")
    return int(text)


def _without_sheets(files: Files, *sheets: str | None) -> Files:
    """Sheets inside a source are no poses."""
    return Files(files.root, tuple(name for name in files.names if name not in sheets), files.archive)


def _tell_next(project: Project, dataset: str) -> None:
    try:
        listed = [str(name) for name in read_params(project).get("datasets") or []]
    except ParamsError:
        listed = []
    names = ", ".join(dict.fromkeys([*listed, dataset]))
    log.info(f"to use it, put this into params.yaml, and {dataset} into `runs`:\n\n    datasets: [{names}]\n")
