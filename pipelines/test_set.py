"""What a dataset is tested on, in short: figures can be compared over time only where that stayed the same."""

from __future__ import annotations

import json

from stages.core.dataset import load_dataset
from stages.core.errors import NormotionError
from stages.core.params import read_params
from stages.core.paths import Project
from stages.core.storage import sha256_text

TEST = "test.sha256"
"""The tag of a run that holds it."""
UNKNOWN = "none"
"""Its value where the dataset cannot be read."""


def digest_of_test(project: Project, dataset: str) -> str:
    """sha256 over the test clips, the bytes of their files, their labels, and how scores are judged."""
    try:
        data = load_dataset(project, dataset)
        files = json.loads(project.checked(dataset).read_text(encoding="utf-8"))["clips"]
    except (NormotionError, OSError, ValueError, KeyError):
        return UNKNOWN
    test = data.split("test").drop(columns=["path", "video"])
    labels = [table[table["clip"].isin(test["clip"])] for table in (data.labels, data.unknown)]
    return sha256_text(
        *(table.reset_index(drop=True).to_csv() for table in (test, *labels)),
        *(str(files.get(clip, {}).get("sha256")) for clip in test["clip"]),
        json.dumps(read_params(project).get("evaluate") or {}, sort_keys=True),
    )
