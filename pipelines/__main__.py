"""`normotion VERB`: every stage by hand, and what stands round them. Imports nothing heavy until one is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stages.__main__ import STAGES, Verb, run_command

TOOLS = (
    Verb("repro", "rebuild what changed with DVC, then log the runs", ("stage...",), "pipelines.runner:repro"),
    Verb("flow", "the same as one Prefect flow run", (), "pipelines.deploy:flow"),
    Verb("prefect", "start the Prefect server and page, and serve the schedule", (), "pipelines.deploy:prefect"),
    Verb("serve", "serve the schedule to a Prefect server that is up", (), "pipelines.deploy:serve"),
    Verb("log", "log the runs to MLflow that are not there yet", (), "pipelines.log_runs:run"),
    Verb("mlflow", "open MLflow's page with the comparison of runs", (), "pipelines.log_runs:serve"),
    Verb("readme", "refresh the README's results and pictures", (), "pipelines.readme:run"),
)
"""The verbs that are no stages."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command `normotion`."""
    return run_command("normotion", (*STAGES, *TOOLS), sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
