"""All that is looked at, in order, and the telling of it."""

from __future__ import annotations

from pipelines.doctor import cache, leftovers, locks, services
from pipelines.locks import run_lock
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

CHECKS = (
    locks.rwlock,
    locks.lock_file,
    leftovers.temporary,
    leftovers.orphans,
    cache.objects,
    services.database,
    services.pins,
)


def run(project: Project) -> None:
    """Look at everything, mend what can be mended, say what was done: `normotion doctor`.

    Raises:
        PipelineError: something is left that a person has to do; or another run is at work.
    """
    left = 0
    mended = 0
    with run_lock(project):
        for check in CHECKS:
            for finding in check(project):
                mended += bool(finding.done)
                left += not finding.done
                (log.info if finding.done else log.warning)("%s", finding)
    if left:
        raise PipelineError(f"{mended} things were mended, {left} are left to you", fix="see above")
    log.info("%d things were mended; all is well", mended) if mended else log.info("all is well")
