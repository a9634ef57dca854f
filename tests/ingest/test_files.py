"""Sources: a file, a folder, a zip; and zips that mean harm."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.ingest import files
from stages.ingest.files import open_files


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return path


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "walk.json").write_bytes(b"[]")
    found = open_files(tmp_path / "walk.json")
    assert found.names == ("walk.json",)
    assert found.read("walk.json") == b"[]"
    assert found.where("walk.json") == str(tmp_path / "walk.json")


def test_a_folder_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/walk.json", "a/fall.json", ".git/x.json", "a/._fall.json", "__MACOSX/x.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = open_files(tmp_path)
    assert found.names == ("a/fall.json", "b/walk.json")
    assert found.read("b/walk.json") == b"b/walk.json"
    assert found.where("b/walk.json") == f"{tmp_path}/b/walk.json"


def test_a_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    source = zipped(tmp_path / "poses.zip", pose__walk=b"1", labels=b"2")
    found = open_files(source)
    assert found.names == ("labels", "pose/walk")
    assert found.read("pose/walk") == b"1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["poses.zip"]


def test_an_npz_is_a_zip_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "masks.npz", walk=np.zeros(3))
    assert open_files(tmp_path / "masks.npz").names == ("walk.npy",)


def test_patterns(tmp_path: Path) -> None:
    found = open_files(zipped(tmp_path / "a.zip", a__X=b"", b__y=b""))
    assert found.matching("*x") == ("a/X",)  # upper and lower case alike
    assert found.matching("b/*") == ("b/y",)
    with pytest.raises(DatasetError, match="no masks found: no file is called \\*.npy"):
        found.demand("masks", "*.npy")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file or folder"):
        open_files(tmp_path / "gone.zip")
    with pytest.raises(DatasetError, match="there is no 'x'"):
        open_files(tmp_path).read("x")
    with pytest.raises(DatasetError, match="there is no 'x'"):
        open_files(zipped(tmp_path / "a.zip", a=b"")).read("x")


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:\\evil.json", "..\\evil"])
def test_a_zip_whose_paths_leave_it(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"[]")
    with pytest.raises(DatasetError, match="names a file outside it"):
        open_files(tmp_path / "a.zip")


def test_a_zip_with_a_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("walk.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("walk.json", b"2")
    with pytest.raises(DatasetError, match="holds 'walk.json' twice"):
        open_files(tmp_path / "a.zip")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LIMIT", 1000)
    source = zipped(tmp_path / "bomb.zip", bomb=bytes(1001), small=bytes(1000))
    assert source.stat().st_size < 500
    found = open_files(source)
    assert len(found.read("small")) == 1000
    with pytest.raises(DatasetError, match="more than the") as error:
        found.read("bomb")
    assert error.value.where.endswith("bomb.zip/bomb")
    (tmp_path / "large").write_bytes(bytes(1001))
    with pytest.raises(DatasetError, match="more than the"):
        open_files(tmp_path / "large").read("large")


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path: Path) -> None:
    source = zipped(tmp_path / "bomb.zip", bomb=bytes(5000))
    data = source.read_bytes()
    true, lie = (5000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert data.count(true) == 2  # once beside the file, once in the directory at the end
    source.write_bytes(data.replace(true, lie))
    with pytest.raises(DatasetError, match="cannot unpack"):
        open_files(source).read("bomb")


def test_damaged_zips(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", walk=bytes(range(256)) * 10)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="not a readable zip"):
        open_files(source)
    source.write_bytes(whole[:50] + b"\xff\xff\xff\xff" + whole[54:])
    with pytest.raises(DatasetError, match="cannot unpack"):
        open_files(source).read("walk")
