"""Where a format is read from: a file, a folder or a zip, which is not unpacked."""

from __future__ import annotations

import fnmatch
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stages.core.errors import DatasetError

LIMIT = 2**30
"""Most bytes one file may have, unpacked: a table of poses of ten hours has fewer, a zip bomb more."""


@dataclass(frozen=True)
class Files:
    """The files of a source, by their path within it.

    Args:
        root: the file, folder or zip.
        names: paths within it, sorted, `/` between folders.
        archive: the open zip, where it is one.
    """

    root: Path
    names: tuple[str, ...]
    archive: zipfile.ZipFile | None = None

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            DatasetError: it is not there, larger than LIMIT, or damaged.
        """
        if self.archive is not None:
            return _unpack(self.archive, name, self.where(name))
        path = self.path(name)
        if not path.is_file():
            raise DatasetError(f"there is no {name!r}", where=str(self.root))
        _refuse_large(path.stat().st_size, self.where(name))
        try:
            return path.read_bytes()
        except OSError as error:
            raise DatasetError(
                f"cannot read: {error.strerror}", where=self.where(name), fix="mend its rights"
            ) from error

    def path(self, name: str) -> Path:
        """Where a file lies that is not in a zip."""
        return self.root / name if self.root.is_dir() else self.root

    def where(self, name: str) -> str:
        """The file, for messages."""
        return f"{self.root}/{name}" if self.archive or self.root.is_dir() else str(self.root)

    def matching(self, *patterns: str) -> tuple[str, ...]:
        """Files whose name, or path, matches any of the patterns, upper or lower case alike."""
        return tuple(
            name for name in self.names if any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in patterns)
        )

    def demand(self, what: str, *patterns: str) -> tuple[str, ...]:
        """As `matching`.

        Raises:
            DatasetError: there is none.
        """
        if found := self.matching(*patterns):
            return found
        raise DatasetError(
            f"no {what} found: no file is called {' or '.join(patterns)}",
            where=str(self.root),
            fix=f"give the file, folder or zip that holds them; here are {_some(self.names)}",
        )


def open_files(source: Path) -> Files:
    """List a source.

    Hidden files and folders are left out, among them what macOS adds to zips.

    Raises:
        DatasetError: it does not exist, is no readable zip, or a zip with a path that leaves it.
    """
    if source.is_dir():
        found = (path for path in source.rglob("*") if path.is_file())
        return Files(source, _visible([path.relative_to(source).as_posix() for path in found]))
    if not source.is_file():
        raise DatasetError("there is no such file or folder", where=str(source), fix="mend the path")
    if source.suffix.lower() in {".zip", ".npz"}:
        archive = _archive(source)
        return Files(source, _visible(archive.namelist()), archive)
    return Files(source, (source.name,))


def parent(name: str) -> str:
    """The last folder of a path within a source, empty where there is none."""
    return PurePosixPath(name).parent.name


def _visible(names: Sequence[str]) -> tuple[str, ...]:
    hidden = ("__MACOSX", ".")
    kept = (name for name in names if not any(part.startswith(hidden) for part in name.split("/")))
    return tuple(sorted(name for name in kept if not name.endswith("/")))


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DatasetError(f"not a readable zip: {error}", where=str(path), fix="download it again") from error
    names = archive.namelist()
    for name in names:
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise DatasetError(f"the zip names a file outside it: {name!r}", where=str(path), fix="do not trust it")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DatasetError(f"the zip holds {twice[0]!r} twice", where=str(path), fix="pack it again")
    return archive


def _unpack(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """Read one member. No more than the size it declares is unpacked, and that size is refused where too large."""
    try:
        _refuse_large(archive.getinfo(name).file_size, where)
        return archive.read(name)
    except KeyError as error:
        raise DatasetError(f"there is no {name!r}", where=str(archive.filename)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise DatasetError(f"cannot unpack: {error}", where=where, fix="download or pack it again") from error


def _refuse_large(size: int, where: str) -> None:
    if size > LIMIT:
        raise DatasetError(
            f"the file has {size / 2**30:.1f} GiB unpacked, more than the {LIMIT / 2**30:.0f} GiB that are read",
            where=where,
            fix="split it into a file per clip",
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" … ({len(names)} files)" if len(names) > 3 else "") or "none"
