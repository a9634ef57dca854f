"""Rows of Markdown tables, with what would end a cell made harmless."""

from __future__ import annotations


def row(*cells: str) -> str:
    """One row: `| a | b |`. Lines of a cell are joined; a `|` in it does not end it."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    for sign in "\\`*_[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "&lt;").replace(">", "&gt;")
