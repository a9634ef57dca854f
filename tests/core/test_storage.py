"""Writing is atomic, whatever goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.errors import StorageError
from stages.core.storage import atomic_file, atomic_folder, sha256_file, sha256_text, sweep, write_text


def test_an_interrupted_file_leaves_the_old_one(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "good")
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.txt").read_text() == "good\n"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_interrupted_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "d") as folder:
        (folder / "a.txt").write_text("good")
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "d") as folder:
        (folder / "a.txt").write_text("half")
        raise ValueError("stop")
    assert (tmp_path / "d" / "a.txt").read_text() == "good"
    assert os.listdir(tmp_path) == ["d"]


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "d") as folder:
            (folder / name).write_text(name)
    assert os.listdir(tmp_path / "d") == ["new"]


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot write") as error:
        write_text(tmp_path / "file" / "a.txt", "x")
    assert "a.txt" in error.value.where


def test_sweep_removes_only_what_dead_writers_left(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / f".a.parquet.tmp-{dead.stdout.strip()}"
    mine = tmp_path / f".b.parquet.tmp-{os.getpid()}"
    for path in (left, mine, tmp_path / "c.parquet"):
        path.write_text("x")
    assert sweep(tmp_path) == [left]
    assert sorted(os.listdir(tmp_path)) == sorted([mine.name, "c.parquet"])


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc").startswith("ba7816bf8f01cfea")  # FIPS 180-2, appendix B.1
    assert sha256_text("ab", "c") != sha256_text("a", "bc")
