"""Where a job goes on whose steps are not those that it was begun with. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.jobs import Job


def stage_of(job: Job, stages: Sequence[str]) -> str:
    """The stage to begin with: the job's own, or an earlier one that is new and has found nothing yet, as where files
    are to be encrypted since. A step that is not known any more is passed over.

    An earlier version had a step ``publish`` before it wrote the manifest: what that had published is stored again,
    which changes nothing where the files are there.

    Args:
        stages: the names of all stages in their order. The last one comes when the recording is finished.
    """
    if not job.step:
        return stages[0]
    if job.step == stages[-1]:
        return job.step
    if "publish" in job.facts and "store" not in job.facts:
        return "manifest"
    missing = next(stage for stage in stages if stage not in job.facts)
    return min(missing, job.step, key=stages.index) if job.step in stages else missing
