"""What the documentation generates: tables, links and equations, each on a case small enough to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from docs.hooks.cells import plain, row
from docs.hooks.command_line import command_page
from docs.hooks.equations import draw_equations
from docs.hooks.figures import NONE, figures, suites
from docs.hooks.links import fenced, relink
from docs.hooks.messages import message_table, messages, slug
from docs.hooks.parameters import about, documented, parameters_page, section_table
from stages.__main__ import Option, Verb
from stages.core.params import Section


class Inner(Section):
    """A part.

    Args:
        depth: how deep.
    """

    depth: int = Field(default=3, ge=1)


class Base(Section):
    """What is shared.

    Args:
        kind: which, of two
            that there are.
    """

    kind: Literal["near", "far"] = "near"


class Outer(Base):
    """The `outer` section: all of `Base`.

    Args:
        share: of what is seen.
        part: a section in it.
        names: those that count; null takes all.

    More that is no argument.
    """

    share: float = Field(gt=0, le=1)
    part: Inner = Inner()
    names: tuple[str, ...] | None = None
    most: int | None = Field(default=None, gt=0)


def test_a_cell_cannot_break_its_table() -> None:
    assert row("a|b", "two\nlines") == r"| a\|b | two lines |"
    assert plain("a_b <c> [d]") == r"a\_b &lt;c&gt; \[d\]"
    assert plain("run `a_b` in a_b") == r"run `a_b` in a\_b"
    assert plain("5` wide") == r"5\` wide"


def test_fields_are_told_by_the_docstrings_of_the_model_and_its_base() -> None:
    assert documented(Outer) == {
        "kind": "which, of two that there are.",
        "share": "of what is seen.",
        "part": "a section in it.",
        "names": "those that count; null takes all.",
    }
    assert about(Outer) == "The `outer` section: all of `Base`."


def test_a_table_of_parameters_has_bounds_defaults_and_the_fields_of_sections_in_it() -> None:
    assert section_table(Outer).splitlines()[2:] == [
        '| `kind` | `near` · `far` | `"near"` | which, of two that there are. |',
        "| `share` | number > 0, ≤ 1 | must be given | of what is seen. |",
        "| `part` | section |  | a section in it. |",
        "| `part.depth` | whole number ≥ 1 | `3` | how deep. |",
        "| `names` | list of text or `null` | `null` | those that count; null takes all. |",
        "| `most` | whole number > 0 or `null` | `null` |  |",
    ]
    page = parameters_page({"outer": Outer, "segment": Inner}, Inner)
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## outer",
        "## segment",
        "## windows.NAME",
        "## detectors.NAME",
    ]


def test_the_page_of_the_command_line_has_all_that_a_verb_takes() -> None:
    options = (
        Option("format", "of the file", choices=("csv", "json")),
        Option("clip", "which", "PATTERN", many=True),
        Option("keep-going", "set broken ones aside", flag=True, short="k"),
    )
    page = command_page([Verb("look", "look at it", ("source", "more..."), "m:f", options, "SOURCE is a <file>.")], [])
    assert "### look\n\nLook at it.\n" in page
    assert "normotion look [OPTION …] SOURCE [MORE …]" in page
    assert r"| `--format csv\|json` | of the file |" in page
    assert "| `--clip PATTERN` | which; may be given several times |" in page
    assert "| `-k, --keep-going` | set broken ones aside |" in page
    assert "SOURCE is a &lt;file>." in page


def test_figures_are_those_of_the_file(tmp_path: Path) -> None:
    assert figures(tmp_path, "knn far") == NONE.format("`knn`, `far`")
    file = tmp_path / "reports" / "metrics" / "street" / "knn.json"
    file.parent.mkdir(parents=True)
    found = {
        "raw": {"auc": 0.5},
        "smoothed_sd": {"auc": 0.0625},
        "smoothed": {"auc": 0.75, "ap": 0.25, "eer": None},
        "smoothed_interval": {"auc": [0.5, 0.875]},
        "regions": {"rbdc": 0.125, "tbdc": None},
        "seeds": {"0": {}, "1": {}},
        "parts": {"motion": {"raw": 0.5, "smoothed": 0.625}},
    }
    file.write_text(json.dumps(found))
    lines = figures(tmp_path, "knn").splitlines()
    assert lines[2] == "| `knn` | street | 0.500 | 0.750 ± 0.062 [0.500–0.875] | 0.250 | – | 0.125 | – | 2 |"
    assert lines[3].startswith("| ↳ `motion` | alone | 0.500 | 0.625 |")
    assert figures(tmp_path, "knn far").endswith(NONE.format("`far`"))
    del found["smoothed_interval"]  # too few clips to draw from
    file.write_text(json.dumps(found))
    assert "| 0.750 ± 0.062 |" in figures(tmp_path, "knn")


def test_a_suite_is_told_by_its_file(tmp_path: Path) -> None:
    assert suites(tmp_path, "steps") == "No suite was run."
    point = {"variant": 4, "detector": "knn", "raw": 0.5, "smoothed": 0.625, "smoothed_sd": 0.125}
    gone = {**point, "variant": 8, "raw": None, "smoothed": None}
    told = {"suite": "steps", "dataset": "street", "seeds": [0, 1], "question": "How many?", "source": "a paper"}
    file = tmp_path / "reports" / "suites" / "steps-street.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**told, "axis": "steps", "points": [point, gone]}))
    text = suites(tmp_path, "steps other")
    assert "on street, seeds 0, 1. How many? (a paper)" in text
    assert text.splitlines()[-1] == "| 4 | knn | 0.500 | 0.625 ± 0.125 |"


def test_messages_are_read_from_the_code_that_raises_them(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "one.py").write_text(
        'raise VideoError(f"frame {n} is gone", where=x, fix="copy it " + again)\n'
        "raise VideoError(what)\n"  # nothing that a search could find
        'raise ScoreError("no score" if n else "none")\n'
    )
    found = messages(tmp_path)
    assert [(message.what, message.fix) for message in found["VideoError"]] == [("frame … is gone", "copy it ")]
    assert found["ScoreError"][0].what == "no score"
    assert "| frame … is gone | copy it | `stages/one.py` |" in message_table(tmp_path, "VideoError")
    assert slug("VideoError") == "video-error"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[why](docs/decisions/0003.md#how)", "[why](../decisions/0003.md#how)"),
        ("[data](data/README.md)", "[data](data.md)"),
        ("![film](docs/images/a.png)", "![film](../images/a.png)"),
        ("[code](stages/core/params.py)", "code (`stages/core/params.py`)"),
        ("[there](https://example.org) [here](#above)", "[there](https://example.org) [here](#above)"),
        ("```\n[kept](docs/a.md)\n```", "```\n[kept](docs/a.md)\n```"),
    ],
)
def test_links_of_the_repository_lead_to_pages(text: str, expected: str) -> None:
    assert relink(text, "README.md", "reference/home.md", {"data/README.md": "reference/data.md"}) == expected


def test_doctests_are_shown_as_code() -> None:
    assert fenced("See:\n\n>>> 1\n1\n>>> 2\n2\n\nEnd.") == "See:\n\n```pycon\n>>> 1\n1\n>>> 2\n2\n```\n\nEnd."
    assert fenced("```\n\n>>> 1\n\n```") == "```\n\n>>> 1\n\n```"


def test_equations_become_mathml() -> None:
    page = draw_equations(r'<p><span class="arithmatex">\(a &lt; b\)</span></p><div class="arithmatex">\[x^2\]</div>')
    assert "arithmatex" not in page
    assert page.count("<math ") == 2
    assert "<msup>" in page
    assert '<div class="equation">' in page
