"""The data dictionary in the repository is the one the schemas give."""

from __future__ import annotations

from pathlib import Path

from stages.core.dictionary import dictionary, write_dictionary
from stages.core.schemas import SCHEMAS


def test_the_page_in_the_repository_is_current(root: Path) -> None:
    assert (root / "data" / "README.md").read_text() == dictionary(), "run `normotion readme`"


def test_every_column_of_every_table_is_listed(tmp_path: Path) -> None:
    write_dictionary(tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    for schema in SCHEMAS.values():
        section = text.split(f"### {schema.name}\n")[1].split("###")[0]
        for name in schema.names():
            assert f"| {name} |" in section
