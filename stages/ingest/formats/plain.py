"""What writers of formats demand of the tables they write."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.schemas import Rows


def demand_layout(rows: Rows, layout: str, what: str, where: str) -> None:
    """Refuse joints that a format has no place for.

    Raises:
        DatasetError: the table holds another layout, or coordinates that are no pixels.
    """
    found = (rows.meta.get("layout"), rows.meta.get("coordinates", "xy"))
    if found != (layout, "xy"):
        raise DatasetError(
            f"{what} holds {layout} joints in px, the table holds {found[0]} as {found[1]}",
            where=where,
            fix="export it as parquet, which holds any layout",
        )


def demand_tracks(rows: Rows, where: str) -> pd.DataFrame:
    """The scalar columns of a table in which everybody has an id.

    Raises:
        DatasetError: somebody has none.
    """
    if missing := int(rows.frame["track"].isna().sum()):
        raise DatasetError(
            f"{missing} of {len(rows)} poses have no track", where=where, fix="export the tracks: `--stage tracks`"
        )
    return rows.frame


def flat(rows: Rows) -> NDArray[np.float32]:
    """Keypoints one after another, `(n, V × C)`; also where there is nobody."""
    return np.ascontiguousarray(rows.arrays.reshape(len(rows), int(np.prod(rows.arrays.shape[1:]))))


def boxes(rows: Rows) -> NDArray[np.float32]:
    """`(n, 4)` x, y, w, h."""
    return np.ascontiguousarray(rows.frame[["x", "y", "w", "h"]].to_numpy(dtype=np.float32))
