"""The data dictionary in the repository is the one the schemas give."""

from __future__ import annotations

from pathlib import Path

from stages.core.dataset import CLIPS, LABELS
from stages.core.dictionary import CHARTS, CLIP_MEANINGS, LABEL_MEANINGS, dictionary, write_dictionary
from stages.core.schemas import SCHEMAS
from stages.core.skeleton import LAYOUTS


def test_the_page_in_the_repository_is_current(root: Path) -> None:
    assert (root / "data" / "README.md").read_text() == dictionary(), "run `normotion readme`"


def test_every_column_of_every_table_is_listed(tmp_path: Path) -> None:
    write_dictionary(tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    for schema in SCHEMAS.values():
        section = text.split(f"### {schema.name}\n")[1].split("###")[0]
        for name in schema.names():
            assert f"| {name} |" in section


def test_every_column_that_people_write_has_a_unit_and_a_meaning() -> None:
    text = dictionary()
    for file, columns, meanings in (("clips.csv", CLIPS, CLIP_MEANINGS), ("labels.csv", LABELS, LABEL_MEANINGS)):
        assert list(meanings) == list(columns)
        section = text.split(f"### {file}\n")[1].split("###")[0]
        for name, required in columns.items():
            assert f"| {name} | {'yes' if required else 'no'} | {meanings[name][0]} | {meanings[name][1]} |" in section


def test_every_layout_is_listed_with_its_picture(root: Path) -> None:
    sections = dictionary().split("## Joint layouts\n")[1].split("### ")[1:]
    assert [section.splitlines()[0] for section in sections] == list(LAYOUTS)
    for section, layout in zip(sections, LAYOUTS.values(), strict=True):
        assert CHARTS.format(layout.name) in section
        assert (root / "data" / CHARTS.format(layout.name)).is_file()
        assert f"{len(layout)} joints: 0 {layout.joints[0].replace('_', ' ')}, 1 " in section
