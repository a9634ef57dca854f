"""DVC's cache against dvc.lock: objects that are missing or damaged, put back from the workspace where it is whole.

An object is a file named by the md5 of its bytes; that of a folder (`.dir`) is the JSON list of its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.doctor.finding import Finding
from pipelines.records import read_lock
from pipelines.room import cache_folder
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import bar
from stages.core.storage import atomic_file


@dataclass(frozen=True)
class _Output:
    """An output as dvc.lock names it."""

    stage: str
    path: Path
    md5: str


def objects(project: Project) -> Iterator[Finding]:
    """Every object that dvc.lock needs: read whole, put back from the workspace, or told of."""
    store = _Store(cache_folder(project) / "files" / "md5")
    for output in bar(_outputs(project), what="reading the cache", unit=" outputs"):
        damaged, missing = store.check(output.md5)
        for md5 in damaged:
            store.remove(md5)
        if not (damaged or missing):
            continue
        left = store.restore(output.md5, output.path)
        name = output.path.relative_to(project.root)
        kinds = [f"{len(found)} {kind}" for kind, found in (("damaged", damaged), ("missing", missing)) if found]
        what = f"the cache's copy of {name} ({' and '.join(kinds)} objects)"
        if left:
            yield Finding(what, fix=f"`dvc pull`, or `normotion repro {output.stage}` makes it anew")
        else:
            yield Finding(what, done="put back from the workspace")


class _Store:
    """Objects by md5."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole: set[str] = set()

    def path(self, md5: str) -> Path:
        return self._folder / md5[:2] / md5[2:]

    def check(self, md5: str) -> tuple[list[str], list[str]]:
        """Objects of an output that are damaged and that are missing; of a folder without its list, the list alone."""
        damaged, missing = [], []
        wanted = [md5]
        for name in wanted:
            state = self._state(name)
            if state == "whole" and name.endswith(".dir"):
                wanted += [entry["md5"] for entry in json.loads(self.path(name).read_text(encoding="utf-8"))]
            elif state == "damaged":
                damaged.append(name)
            elif state == "missing":
                missing.append(name)
        return damaged, missing

    def remove(self, md5: str) -> None:
        self.path(md5).chmod(0o644)
        self.path(md5).unlink()

    def restore(self, md5: str, output: Path) -> bool:
        """Put an output's objects back from the workspace; returns whether any is still missing."""
        if md5.endswith(".dir") and self._state(md5) == "missing" and output.is_dir():
            listing = _listing(output)
            if f"{hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()}.dir" == md5:
                self._put_text(md5, listing)
        places = {md5: output}
        if md5.endswith(".dir") and self._state(md5) == "whole":
            entries = json.loads(self.path(md5).read_text(encoding="utf-8"))
            places = {entry["md5"]: output / entry["relpath"] for entry in entries}
        for name, place in places.items():
            if self._state(name) != "whole" and place.is_file() and _md5(place) == name:
                self._put(name, place)
        return any(self.check(md5))

    def _state(self, md5: str) -> str:
        if md5 in self._whole:
            return "whole"
        path = self.path(md5)
        if not path.is_file():
            return "missing"
        if _md5(path) != md5.removesuffix(".dir"):
            return "damaged"
        self._whole.add(md5)
        return "whole"

    def _put(self, md5: str, source: Path) -> None:
        with atomic_file(self.path(md5)) as temporary:
            shutil.copyfile(source, temporary)
        self.path(md5).chmod(0o444)

    def _put_text(self, md5: str, text: str) -> None:
        with atomic_file(self.path(md5)) as temporary:
            temporary.write_bytes(text.encode())
        self.path(md5).chmod(0o444)


def _outputs(project: Project) -> list[_Output]:
    """Cached outputs of dvc.lock; none where nothing was built."""
    try:
        stages = read_lock(project)
    except PipelineError:
        return []
    cached = _cached(project)
    return [
        _Output(name, project.root / out["path"], str(out["md5"]))
        for name, stage in stages.items()
        for out in stage.get("outs", ())
        if "md5" in out and out["path"] in cached
    ]


def _cached(project: Project) -> set[str]:
    """Paths of the outputs that DVC keeps in its cache; metrics that git keeps are none."""
    from dvc.repo import Repo

    with Repo(str(project.root)) as repo:
        return {
            os.path.relpath(out.fs_path, project.root)
            for stage in repo.index.stages
            for out in stage.outs
            if out.use_cache
        }


def _listing(folder: Path) -> str:
    """The list of a folder's files as DVC writes it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    return json.dumps(sorted(entries, key=lambda entry: entry["relpath"].split("/")), sort_keys=True)


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
