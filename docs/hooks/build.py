"""MkDocs' hooks: pages that are generated, places in pages that are filled in, links and equations.

A page may hold `<!-- figures: DETECTOR … -->`, `<!-- suites: NAME … -->`, `<!-- params: DETECTOR -->` or
`<!-- messages: ERROR -->`; each is replaced at every build.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []  # `mkdocs build`, unlike `python -m mkdocs`, lacks it

from docs.hooks.command_line import command_page  # noqa: E402
from docs.hooks.equations import draw_equations  # noqa: E402
from docs.hooks.figures import figures, suites  # noqa: E402
from docs.hooks.links import fenced, relink  # noqa: E402
from docs.hooks.messages import message_table, messages  # noqa: E402
from docs.hooks.parameters import parameters_page, section_table  # noqa: E402
from pipelines.__main__ import TOOLS, VERBS  # noqa: E402
from stages.__main__ import STAGES  # noqa: E402
from stages.check import SECTIONS  # noqa: E402
from stages.core.dictionary import dictionary  # noqa: E402
from stages.core.windows import WindowSpec  # noqa: E402
from stages.detectors.registry import detector  # noqa: E402

SHOWN = {
    "data/README.md": "reference/data.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "NOTICE": "project/notice.md",
    "README.md": "index.md",
    "docs/decisions/README.md": "decisions/README.md",
}
"""Files that stand elsewhere and the pages that show them, or stand for them."""
EVERY = "decisions/*"
"""Stands in mkdocs.yml for all pages of decisions."""
MARK = re.compile(r"<!-- (figures|suites|params|messages): ([\w ]+) -->")
FILLED: dict[str, Callable[[str], str]] = {
    "figures": lambda name: figures(ROOT, name),
    "suites": lambda names: suites(ROOT, names),
    "params": lambda name: section_table(detector(name).Params),
    "messages": lambda kind: message_table(ROOT, kind),
}


def generated() -> dict[str, str]:
    """The pages that no file holds: place on the site and Markdown."""
    made = {
        "reference/command-line.md": command_page(VERBS[: len(STAGES)], TOOLS),
        "reference/parameters.md": parameters_page(SECTIONS, WindowSpec),
        "reference/data.md": dictionary(),
        "project/notice.md": f"# Notice\n\n```\n{(ROOT / 'NOTICE').read_text(encoding='utf-8')}```\n",
    }
    for file in ("CHANGELOG.md", "CONTRIBUTING.md"):
        made[SHOWN[file]] = (ROOT / file).read_text(encoding="utf-8")
    return made


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every decision in the navigation; forget what an earlier build read."""
    messages.cache_clear()
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    for entry in config.nav or []:
        if isinstance(entry, dict) and EVERY in entry.get("Decisions", []):
            entry["Decisions"] = [page for page in entry["Decisions"] if page != EVERY]
            entry["Decisions"] += [f"decisions/{name}" for name in decisions]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Fill in what a page leaves open, and lead its links to the site's pages."""
    place = page.file.src_uri
    source = next((file for file, shown in SHOWN.items() if shown == place and shown != "index.md"), f"docs/{place}")
    filled = MARK.sub(lambda mark: FILLED[mark[1]](mark[2]), fenced(markdown))
    return relink(filled, source, place, SHOWN)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Draw the equations."""
    return draw_equations(html)
