"""`normotion readme`: the data dictionary, and the README's results and pictures, taken from the last report."""

from __future__ import annotations

import re
import shutil

from stages.core.dictionary import CHARTS, write_dictionary
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.skeleton import LAYOUTS
from stages.core.storage import atomic_file, write_text
from stages.show.skeleton_chart import chart

BLOCK = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)
"""What is replaced by the leaderboard."""
PICTURE = re.compile(r"docs/images/([\w.-]+\.png)")
"""A picture the README shows; one of that name in the report takes its place."""


def run(project: Project) -> None:
    """Write the data dictionary, put the leaderboard between the README's marks and copy the pictures it shows.

    Raises:
        PipelineError: there is no report yet, or the README has no marks; the dictionary is written all the same.
    """
    write_data_pages(project)
    readme = project.root / "README.md"
    table = project.report / "leaderboard.md"
    if not table.is_file():
        raise PipelineError("there is no report to take results from", where=str(table), fix="dvc repro")
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    results = table.read_text(encoding="utf-8").strip()
    fresh, count = BLOCK.subn(lambda found: f"{found[1]}\n{results}\n\n{found[2]}", text)
    if count != 1:
        raise PipelineError(
            f"the README has {count} places for the results, not 1",
            where=str(readme),
            fix="put the lines `<!-- results -->` and `<!-- /results -->` where the table belongs",
        )
    if fresh != text:
        write_text(readme, fresh)
    copied = [name for name in sorted(set(PICTURE.findall(fresh))) if _copy(project, name)]
    log.info(
        "README: results %s, pictures from the report: %s",
        "changed" if fresh != text else "unchanged",
        ", ".join(copied) or "none",
    )


def write_data_pages(project: Project) -> None:
    """Write data/README.md and the pictures of the joint layouts it shows."""
    folder = project.root / "data"
    write_dictionary(folder / "README.md")
    for layout in LAYOUTS.values():
        write_text((folder / CHARTS.format(layout.name)).resolve(), chart(layout))


def _copy(project: Project, name: str) -> bool:
    """Copy a picture of the report into docs/images; False where the report has none of that name."""
    source = project.report / name
    if not source.is_file():
        return False
    with atomic_file(project.root / "docs" / "images" / name) as temporary:
        shutil.copyfile(source, temporary)
    return True
