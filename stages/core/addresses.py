"""Addresses of cameras as they may be shown: in logs, labels and names of folders nobody looks for a password."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_LOGIN = re.compile(r"(?<=://)([^/@:]*):(?!\d{1,5}/)[^?#]*@")
"""A name and password before the last @; `host:port/` is none, even where an @ follows."""
_SECRET = re.compile(r"(?i)(?<![a-z])(pass\w*?|pwd|psw|token|key|auth)=[^&/?]*?(?=_[a-z]+=|[&/?]|$)")
"""A password within a path, where recorders join it to what follows by & or by _."""


def masked(text: str) -> str:
    """An address without passwords: one before the @, one in its path, and whatever follows a question mark."""
    if "://" not in text:
        return text
    text = re.sub(r"\?.*", "?…", text)
    return _SECRET.sub(r"\1=***", _LOGIN.sub(r"\1:***@", text))


def short_name(text: str) -> str:
    """A source for labels and folders: a file's name, an address's host, a webcam's number; never a password."""
    if "://" not in text:
        return Path(text).name
    host = urlsplit(masked(text).replace(":***@", "@")).hostname
    return re.sub(r"[^\w.-]", "-", host or "camera")
