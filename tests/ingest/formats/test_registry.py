"""Formats by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stages.core.errors import DatasetError
from stages.ingest.formats.registry import READERS, WRITERS, reader, writer


@pytest.mark.parametrize("name", READERS)
def test_readers(name: str) -> None:
    assert callable(reader(name))


@pytest.mark.parametrize("name", WRITERS)
def test_writers(name: str) -> None:
    assert "." in writer(name).file_name("walk")


def test_unknown_formats() -> None:
    with pytest.raises(DatasetError, match="no format 'alphapos' can be imported; did you mean 'alphapose'?"):
        reader("alphapos")
    with pytest.raises(DatasetError, match="no format 'ntu' can be exported; valid names: alphapose"):
        writer("ntu")


def test_naming_the_formats_imports_none() -> None:
    code = "import sys, stages.ingest.formats.registry as r; print(sorted(m for m in sys.modules if m in %r))"
    modules = [target.partition(":")[0] for target in READERS.values()]
    done = subprocess.run([sys.executable, "-c", code % modules], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
