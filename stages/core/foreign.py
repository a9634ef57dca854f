"""Reading what other programs wrote: JSON and tables of numbers, refused with the place where they go wrong."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from stages.core.errors import DatasetError

_NO_JSON = re.compile(r"-?(NaN|Infinity|nan|inf)")
_DIGITS = re.compile(r"\d+")


def load_json(data: bytes, where: str) -> Any:
    """Parse a JSON file.

    Args:
        data: its bytes, UTF-8.
        where: its name, for messages.

    Raises:
        DatasetError: it is empty, cut short, not UTF-8, or no JSON: NaN and Infinity are no numbers in JSON.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise DatasetError("the file is empty", where=where, fix="export it again, or take it out of the source")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DatasetError(_what(data, error), where=f"{where}, byte {error.pos}", fix="export it again") from error


def numbers(
    rows: Sequence[Any], width: int, *, where: str, what: str, name: Callable[[int], str]
) -> NDArray[np.float64]:
    """Bring lists of numbers into one array.

    Args:
        rows: n lists.
        width: how many numbers each must hold.
        where: the file, for messages.
        what: what a list is, e.g. `keypoints`.
        name: says which row is meant, e.g. `person 3, frame 12`.

    Returns:
        `(n, width)`, all finite.

    Raises:
        DatasetError: a list has another length, or holds null, NaN, infinity or no number; names the first.
    """
    lengths = np.fromiter((len(row) if isinstance(row, list) else -1 for row in rows), dtype=np.int64, count=len(rows))
    if (wrong := lengths != width).any():
        first = int(wrong.argmax())
        found = f"{lengths[first]} numbers" if lengths[first] >= 0 else repr(rows[first])[:40]
        raise DatasetError(f"{what} must be {width} numbers, found {found}", where=f"{where}: {name(first)}")
    values = _array(rows, width, where, what, name)
    if not (finite := np.isfinite(values).all(axis=1)).all():
        first = int(finite.argmin())
        raise DatasetError(
            f"{what} with null, NaN or infinite values in {int((~finite).sum())} of {len(rows)} places",
            where=f"{where}: first in {name(first)}",
            fix="write 0 with confidence 0 for a joint that was not seen",
        )
    return values


def whole(values: Sequence[Any], *, where: str, what: str, least: int = 0) -> NDArray[np.int64]:
    """Bring whole numbers, or texts of them, into an array `(n,)`.

    Raises:
        DatasetError: one is none, or below `least`.
    """
    found = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        number = _whole(value)
        if number is None:
            raise DatasetError(f"{what} must be a whole number, found {value!r:.40}", where=where)
        found[row] = number
    if len(found) and found.min() < least:
        raise DatasetError(f"{what} {found.min()} is below {least}", where=where, fix="count from 0, or drop it")
    return found


def distinct(names: Sequence[str], *, where: str, what: str) -> NDArray[np.int64]:
    """As `whole`, for names of which no two may mean the same number, as `1` and `01` do.

    Raises:
        DatasetError: as `whole`; or two do.
    """
    found = whole(names, where=where, what=what)
    if twice := [number for number, count in Counter(found.tolist()).items() if count > 1]:
        alike = [name for name, number in zip(names, found.tolist(), strict=True) if number == twice[0]]
        raise DatasetError(f"{what} is there twice, as {' and '.join(map(repr, alike))}", where=where, fix="rename one")
    return found


def frame_number(name: str, where: str) -> int:
    """The number of an image: the last run of digits of its file name, so 12 of `a/frame_000012.jpg`.

    Raises:
        DatasetError: its name holds no digits.
    """
    stem = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
    digits = _DIGITS.findall(stem)
    if not digits:
        raise DatasetError(f"image {name!r:.60} has no frame number in its name", where=where)
    return int(digits[-1])


def _array(rows: Sequence[Any], width: int, where: str, what: str, name: Callable[[int], str]) -> NDArray[np.float64]:
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), width)
    except (ValueError, TypeError) as error:
        first = next((row for row, values in enumerate(rows) if not all(map(_number, values))), 0)
        raise DatasetError(f"{what} must hold numbers alone: {error}", where=f"{where}: {name(first)}") from error


def _whole(value: Any) -> int | None:
    """`5`, `"5"` and `"5.0"`, as sheets with empty cells write it, are 5; `True` is no number."""
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (ValueError, TypeError, OverflowError):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**31 else None


def _number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _what(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "the file is not UTF-8"
    if _NO_JSON.match(text, max(error.pos - 1, 0)) or _NO_JSON.match(text, error.pos):
        return "the file holds NaN or Infinity, which are no numbers in JSON"
    if error.pos >= len(text.rstrip()) - 1:
        return f"the file is cut short: {error.msg}"
    return f"the file is not valid JSON: {error.msg}"
