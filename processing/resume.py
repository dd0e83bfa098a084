"""Where a job goes on whose steps are not those that it was begun with. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.jobs import Job


def stage_of(job: Job, stages: Sequence[str]) -> str:
    """The stage to begin with.

    A step that is not known any more, because the settings or the version changed, is followed by the first one that
    has found nothing yet. An earlier version had a step ``publish`` before it wrote the manifest: what that
    had published is stored again, which changes nothing where the files are there.

    Args:
        stages: the names of all stages in their order, the ones that find nothing last.
    """
    if not job.step:
        return stages[0]
    if "publish" in job.facts and "store" not in job.facts:
        return "manifest"
    if job.step in stages:
        return job.step
    return next(stage for stage in stages if stage not in job.facts)
