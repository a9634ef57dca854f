"""The documentation as it is written: it is whole, and it agrees with the code."""

from __future__ import annotations

import functools
import inspect
import posixpath
import re
from pathlib import Path
from typing import Any

import pytest

from docs.hooks import build
from docs.hooks.links import FENCE, LINK
from docs.hooks.messages import messages, slug
from docs.hooks.parameters import about, documented, sections
from pipelines.__main__ import TOOLS
from stages.__main__ import STAGES
from stages.check import SECTIONS
from stages.core import errors
from stages.detectors.registry import DETECTORS, detector

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(ROOT.glob("docs/**/*.md"))
LOOSE = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md")]
KINDS = [
    name
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.NormotionError) and kind is not errors.NormotionError
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def headings(markdown: str) -> set[str]:
    """Anchors of a file's headings, as the site and GitHub make them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", [*PAGES, *LOOSE], ids=name)
def test_every_link_of_a_file_leads_somewhere(path: Path) -> None:
    made = {f"docs/{place}": text for place, text in build.generated().items()}
    for link in LINK.finditer(FENCE.sub("", path.read_text())):
        target, _, anchor = link["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = posixpath.normpath(posixpath.join(posixpath.dirname(name(path)), target)) if target else name(path)
        assert (ROOT / file).exists() or file in made, f"{link[0]} leads nowhere"
        if anchor and file.endswith(".md"):
            text = made[file] if file in made else (ROOT / file).read_text()
            assert anchor in headings(text), f"{link[0]}: no such heading"


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"[\w/.-]+\.md", (ROOT / "mkdocs.yml").read_text().split("nav:")[-1])
    pages = {str(path.relative_to(ROOT / "docs")) for path in PAGES} | set(build.generated())
    assert pages - set(listed) == {
        page for page in pages if page.startswith("decisions/0")
    }  # these are listed by a hook
    assert set(listed) - pages == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_page_with_its_causes_and_its_messages(kind: str) -> None:
    page = (ROOT / "docs" / "errors" / f"{slug(kind)}.md").read_text()
    assert page.startswith(f"# {kind}\n")
    assert f"<!-- messages: {kind} -->" in page
    assert page.count("\n| `") >= 2, "name the commonest causes"


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_errors_quotes_what_the_code_says(kind: str) -> None:
    """Each cause on a page begins a message that is really raised; words in `…` stand for what is filled in."""
    said = [" ".join(message.what.split()) for message in messages(ROOT)[kind]]
    said += _texts()  # what is put together elsewhere and handed on
    page = (ROOT / "docs" / "errors" / f"{slug(kind)}.md").read_text()
    for cell in re.findall(r"^\| ([^|]+) \|", page.split("## Commonest causes")[1], re.MULTILINE):
        for quoted in re.findall(r"`([^`]+)`", cell):
            pieces = [piece.strip(" :'") for piece in re.split(r"…|'[^']*'|\d+", quoted)]
            pieces = [piece for piece in pieces if len(piece) > 3]
            assert pieces, quoted
            assert any(all(piece in text for piece in pieces) for text in said), f"nothing says {quoted!r}"


@functools.cache
def _texts() -> list[str]:
    files = [*ROOT.glob("stages/**/*.py"), *ROOT.glob("pipelines/**/*.py")]
    return [" ".join(line.split()) for file in files for line in file.read_text().splitlines() if '"' in line]


@pytest.mark.parametrize("of", DETECTORS)
def test_every_detector_is_among_the_methods(of: str) -> None:
    lines = (ROOT / "docs" / "methods" / "index.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    mine = next(line for line in rows if f"`{of}`" in line.split("|")[1])
    link = LINK.search(mine)
    assert link
    page = (ROOT / "docs" / "methods" / link["target"].partition("#")[0]).read_text()
    assert f"`{of}`" in page or f"detectors.{of}" in page or of in page.split()


def test_figures_are_on_the_pages_of_methods_by_reference_alone() -> None:
    wanted = set(DETECTORS)
    for path in ROOT.glob("docs/methods/*.md"):
        text = path.read_text()
        for found in re.findall(r"<!-- figures: ([\w ]+) -->", text):
            wanted -= set(found.split())
        assert not re.search(r"\b0\.\d{3}\b", text), f"{name(path)} holds a figure that can go stale"
    assert wanted <= {"mgenet"}  # has a page of its own, which states its commands


@pytest.mark.parametrize("verb", [*STAGES, *TOOLS], ids=lambda verb: verb.name)
def test_every_verb_is_on_the_page_of_the_command_line(verb: Any) -> None:
    page = build.generated()["reference/command-line.md"]
    part = page.partition(f"\n### {verb.name}\n")[2].partition("\n### ")[0]
    assert part
    for option in verb.options:
        assert f"--{option.name}" in part


@pytest.mark.parametrize("section", SECTIONS)
def test_every_parameter_is_explained(section: str) -> None:
    page = build.generated()["reference/parameters.md"]
    assert f"\n## {section}\n" in page
    assert undocumented(SECTIONS[section]) == []


@pytest.mark.parametrize("of", DETECTORS)
def test_every_parameter_of_a_detector_is_explained(of: str) -> None:
    assert undocumented(detector(of).Params) == []


def undocumented(model: type[Any]) -> list[str]:
    silent = [key for key in model.model_fields if key not in documented(model)]
    return [key for key in silent if not any(about(part) for part in sections(model.model_fields[key].annotation))]


def test_the_model_cards_say_what_they_must() -> None:
    cards = (ROOT / "docs" / "cards" / "index.md").read_text()
    for heading in ("## What poses hide", "## Bias", "## Privacy", "## Not for"):
        assert heading in cards
    for word in ("wheelchair", "children", "clothing", "camera", "blurred", "personal data"):
        assert word in cards.lower()
    assert "one street scene" in (ROOT / "docs" / "cards" / "stg-nf-shipped.md").read_text()


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=name)
def test_commands_in_a_page_exist(path: Path) -> None:
    known = {verb.name: {option.name for option in verb.options} for verb in (*STAGES, *TOOLS)}
    pieces = FENCE.split(path.read_text())
    lines = [line for piece in pieces if piece.startswith("```") for line in piece.replace("\\\n", " ").splitlines()]
    lines += [code for piece in pieces if not piece.startswith("```") for code in re.findall(r"`([^`]+)`", piece)]
    found = [re.match(r"(?:\$ )?normotion (.+)", line) for line in lines]
    for verb, *words in [command[1].split(" #")[0].split() for command in found if command]:
        if re.fullmatch(r"[a-z][a-z-]*", verb):  # and not --help, or VERB
            assert verb in known, f"normotion {verb}"
            options = {word[2:].partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
            assert options <= known[verb] | {"help", "verbose"}, f"normotion {verb} {words}"
