"""Equations as MathML, which browsers draw by themselves: no script, no fonts, no network."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

MARKED = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
"""What the extension arithmatex makes of `$…$` and `$$…$$`."""


def draw_equations(page: str) -> str:
    """Replace each marked equation of a page of HTML by MathML."""

    def drawn(found: re.Match[str]) -> str:
        block = found["tag"] == "div"
        mathml: str = convert(html.unescape(found["latex"]).strip(), display="block" if block else "inline")
        return f'<div class="equation">{mathml}</div>' if block else mathml

    return MARKED.sub(drawn, page)
