"""Parts of files as RFC 9110 has them; the file has 100 bytes."""

from __future__ import annotations

import pytest

from stages.live.labelling.ranges import Part, part


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (None, Part(0, 100, partial=False)),
        ("bytes=0-", Part(0, 100, partial=True)),
        ("bytes=10-19", Part(10, 20, partial=True)),
        ("bytes=90-500", Part(90, 100, partial=True)),
        ("bytes=-5", Part(95, 100, partial=True)),
        ("bytes=-500", Part(0, 100, partial=True)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        # What makes no sense is as if it were not there, and so are several parts, which nobody has to serve.
        ("bytes=20-10", Part(0, 100, partial=False)),
        ("bytes=-", Part(0, 100, partial=False)),
        ("bytes=0-1,5-6", Part(0, 100, partial=False)),
        ("lines=1-2", Part(0, 100, partial=False)),
    ],
)
def test_the_part_that_is_asked_for(asked: str | None, wanted: Part | None) -> None:
    assert part(asked, 100) == wanted


def test_of_an_empty_file_there_is_no_part() -> None:
    assert part("bytes=0-", 0) is None
    assert part(None, 0) == Part(0, 0, partial=False)
