"""Rows of Markdown tables, with what would end a cell made harmless."""

from __future__ import annotations


def row(*cells: str) -> str:
    """One row: `| a | b |`. Lines of a cell are joined; a `|` in it does not end it."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is, but for code between backticks."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one of them stands alone
        return _escaped(text)
    return "".join(f"`{piece}`" if number % 2 else _escaped(piece) for number, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    for sign in "\\`*_[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "&lt;").replace(">", "&gt;")
