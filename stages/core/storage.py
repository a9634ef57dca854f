"""Writing that never leaves half a file, and hashing of what was written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from stages.core.errors import StorageError

TEMPORARY = ".tmp-"
"""Marks names of unfinished files; `sweep` removes those whose writer is gone."""


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success flush it to disk and rename it over `path`.

    Whatever goes wrong (an exception, Ctrl-C, a full disk), the old file stays as it was.

    Raises:
        StorageError: the disk is full or the folder cannot be written to.
    """
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(path.parent)):
            raise  # about some other file that was being read meanwhile
        raise _storage_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """The same for a folder: the new one replaces the old one only when it is whole."""
    temporary = _temporary(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(path.parent)):
            raise  # about some other file that was being read meanwhile
        raise _storage_error(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8 with a newline at its end."""
    with atomic_file(path) as temporary:
        temporary.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def sweep(folder: Path) -> list[Path]:
    """Remove what interrupted writers left behind in `folder` and below; returns what was removed.

    A name ends with the writer's process id; files of a process that is still alive are left alone.
    """
    removed = []
    for path in sorted(folder.rglob(f".*{TEMPORARY}*")):
        if _alive(path.name.rpartition(TEMPORARY)[2]):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def sha256_file(path: Path) -> str:
    """Hash a file's bytes without reading it whole into memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(*texts: str) -> str:
    """Hash several texts so that moving a character from one to the next changes the result."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}{TEMPORARY}{os.getpid()}")


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _storage_error(error: OSError, path: Path) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            "the disk is full; the previous file, if any, is untouched",
            where=str(path),
            fix="free some space (`dvc gc -w` drops unused cache objects), then run the same command again",
        )
    return StorageError(
        f"cannot write: {error.strerror or error}", where=str(path), fix="check the folder's permissions"
    )


def share(source: Path, target: Path) -> None:
    """Give a file that is only read a second name; on another disk, or where that is not allowed, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
