"""The formats by name, as import strings: naming one loads its module alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pkgutil import resolve_name

from stages.core.errors import DatasetError
from stages.core.params import nearest
from stages.core.schemas import Rows
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording

READERS = {
    "alphapose": "stages.ingest.formats.alphapose:read",
    "tracked_person": "stages.ingest.formats.tracked_person:read",
    "mped_rnn": "stages.ingest.formats.mped_rnn:read",
    "coco": "stages.ingest.formats.coco:read",
    "ntu": "stages.ingest.formats.ntu:read",
    "kinetics": "stages.ingest.formats.kinetics:read",
    "parquet": "stages.ingest.formats.parquet:read",
}
"""What can be imported."""

WRITERS = {
    "alphapose": "stages.ingest.formats.alphapose",
    "tracked_person": "stages.ingest.formats.tracked_person",
    "coco": "stages.ingest.formats.coco",
    "parquet": "stages.ingest.formats.parquet",
}
"""What can be exported: modules with `write` and `file_name`."""


@dataclass(frozen=True)
class Writer:
    """One format's way out.

    Args:
        write: a clip's table and its name for messages to the bytes of its file.
        file_name: a clip's name to its file's name.
    """

    write: Callable[[Rows, str], bytes]
    file_name: Callable[[str], str]


def reader(name: str) -> Callable[[Files, Given], Iterator[Recording]]:
    """The reader of a format.

    Raises:
        DatasetError: there is none; names the nearest.
    """
    found: Callable[[Files, Given], Iterator[Recording]] = resolve_name(_known(name, READERS, "imported"))
    return found


def writer(name: str) -> Writer:
    """The writer of a format.

    Raises:
        DatasetError: there is none; names the nearest.
    """
    module = resolve_name(_known(name, WRITERS, "exported"))
    return Writer(module.write, module.file_name)


def _known(name: str, formats: dict[str, str], what: str) -> str:
    if name not in formats:
        raise DatasetError(f"no format {name!r} can be {what}; {nearest(name, list(formats))}")
    return formats[name]
