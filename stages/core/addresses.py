"""Addresses of cameras as they may be shown: in logs, labels and names of folders nobody looks for a password."""

from __future__ import annotations

import re
from pathlib import Path

_SECRET = re.compile(
    r"([a-z]*(?:pass|pw|psw|token|key|auth|secret)[a-z]*)=.*?(?=[&_;,/][a-z]+=|\Z)", re.IGNORECASE | re.DOTALL
)
"""A password within a path, up to the next `name=`: recorders join these by & or by _, and it may hold either."""
_PAIR = re.compile(r"(?<![^/])([^/:=&@]+):[^/@]+(?![^/])")
"""A piece of a path that is `name:password`, as some recorders have it."""


def masked(text: str) -> str:
    """An address without passwords: one before an @, one in its path, and whatever follows a question mark.

    Cameras take passwords that no address should hold as they are: with @, /, # or ? in them. Where it is not clear
    what is password and what is not, more is hidden than need be.
    """
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    head, question, query = rest.partition("?")
    head = head if "@" in head else _SECRET.sub(r"\1=***", head)
    authority, slash, path = head.partition("/")
    if ":" in authority and not slash and "@" not in authority and "@" in query:  # a ? within a password
        return f"{scheme}://{authority.partition(':')[0]}:***?…"
    path = _PAIR.sub(r"\1:***", _SECRET.sub(r"\1=***", path))
    return f"{scheme}://{_without_login(authority + slash + path)}{question and '?…'}"


def masked_within(text: str) -> str:
    """A text of several words, its addresses without passwords."""
    return re.sub(r"\S+://\S+", lambda found: masked(found[0]), text)


def short_name(text: str) -> str:
    """A source for labels and folders: a file's name, an address's host, a webcam's number; never a password."""
    if "://" not in text:
        return Path(text).name
    shown = masked(text).partition("://")[2].partition("?")[0].rpartition("@")[2]
    host = re.sub(r":[^:\]]*$", "", re.split(r"[/#]", shown)[0])  # without its port
    bare = "" if "=" in host else re.sub(r"[^\w.-]", "-", host).strip("-.")
    return bare or "camera"


def _without_login(rest: str) -> str:
    """What follows `://`, with name and password before the last @; `host:port/` is none, even where an @ follows."""
    before, at, after = rest.rpartition("@")
    name, colon, word = before.partition(":")
    number = name.startswith("[")  # of IPv6, which holds colons
    port = re.match(r"\d{1,5}/", word) and not re.search(r"[/.:]", after)  # else it may be a password such as 12/34
    return rest if not at or not colon or number or port else f"{name}:***@{after}"
