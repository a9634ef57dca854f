"""The README's results are the report's, the data pages those of the schemas and layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import readme
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.skeleton import LAYOUTS
from stages.show.skeleton_chart import chart

README = """# Name

![the flip](docs/images/film-demo-flip.png) ![a drawing](docs/images/house.png)

<!-- results -->
| old |
<!-- /results -->

The end.
"""


@pytest.fixture
def reported(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.report.mkdir(parents=True)
    (project.report / "leaderboard.md").write_text("| detector | AUC |\n|---|---|\n| knn \\1 | 0.5 |\n")
    (project.report / "film-demo-flip.png").write_bytes(b"new picture")
    (project.report / "film-demo-other.png").write_bytes(b"not shown")
    (tmp_path / "README.md").write_text(README)
    images = tmp_path / "docs" / "images"
    images.mkdir(parents=True)
    (images / "house.png").write_bytes(b"drawn by hand")
    return project


def test_table_and_shown_pictures_are_replaced_and_nothing_else(reported: Project) -> None:
    readme.run(reported)
    text = (reported.root / "README.md").read_text()
    # a backslash in the table is text, not a group of the pattern
    assert text == README.replace("| old |\n", "\n| detector | AUC |\n|---|---|\n| knn \\1 | 0.5 |\n\n")
    images = reported.root / "docs" / "images"
    assert (images / "film-demo-flip.png").read_bytes() == b"new picture"
    assert (images / "house.png").read_bytes() == b"drawn by hand"
    assert not (images / "film-demo-other.png").exists()
    assert "### poses" in (reported.root / "data" / "README.md").read_text()


def test_twice_is_once(reported: Project) -> None:
    readme.run(reported)
    first = (reported.root / "README.md").stat()
    readme.run(reported)
    assert (reported.root / "README.md").stat().st_mtime_ns == first.st_mtime_ns


def test_no_report_yet_but_the_data_pages_need_none(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no report"):
        readme.run(Project(tmp_path))
    assert "### poses" in (tmp_path / "data" / "README.md").read_text()


def test_every_layout_has_its_picture_where_the_dictionary_looks_for_it(tmp_path: Path) -> None:
    readme.write_data_pages(Project(tmp_path))
    text = (tmp_path / "data" / "README.md").read_text()
    for layout in LAYOUTS.values():
        relative = text.split("on a standing person](")[1 + list(LAYOUTS).index(layout.name)].split(")")[0]
        assert (tmp_path / "data" / relative).read_text() == chart(layout) + "\n"


def test_the_pictures_in_the_repository_are_current(root: Path) -> None:
    for layout in LAYOUTS.values():
        path = root / "docs" / "images" / f"skeleton-{layout.name}.svg"
        assert path.read_text() == chart(layout) + "\n", "run `normotion readme`"


@pytest.mark.parametrize("text", ["no marks\n", README + README])
def test_marks_must_be_there_once(reported: Project, text: str) -> None:
    (reported.root / "README.md").write_text(text)
    with pytest.raises(PipelineError, match="places for the results"):
        readme.run(reported)
    assert (reported.root / "README.md").read_text() == text
