"""Links between pages that are written for the repository and shown on the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


DOCTEST = re.compile(r"(?:^|(?<=\n\n))(>>> .*?)(?=\n\n|\Z)", re.DOTALL)
"""Examples that Python's doctest runs, which Markdown would take for quotations."""


def fenced(markdown: str) -> str:
    """Put doctests that stand outside of a block of code into one."""
    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else DOCTEST.sub(r"```pycon\n\1\n```", part) for part in parts)


def relink(markdown: str, source: str, page: str, pages: Mapping[str, str]) -> str:
    """Turn links of a file of the repository into links of a page of the site.

    What the site does not hold, such as code, is named and no link. Code blocks stay as they are.

    Args:
        markdown: the text.
        source: the file it stands in, from the repository's root.
        page: the page it becomes, from the site's root.
        pages: files of the repository and the pages that show them.
    """

    def changed(link: re.Match[str]) -> str:
        target, anchor = link["target"].partition("#")[::2]
        if not target or "://" in target or target.startswith("mailto:"):
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = pages.get(file) or (file.removeprefix("docs/") if file.startswith("docs/") else "")
        if not there:
            return f"{link['text']} (`{file}`)" if link["text"].strip("`") != file else f"`{file}`"
        way = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{link['picture']}[{link['text']}]({way}{'#' + anchor if anchor else ''})"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(changed, part) for part in parts)
