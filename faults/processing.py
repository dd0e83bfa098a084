"""The work after the hangup."""

from __future__ import annotations

from faults.base import Blame, Fault


class ProcessingFault(Fault):
    """The work after the hangup."""

    id = "processing"
    recording = "The recorded files are kept; the job is in the failed list."
    remedy = "Mend what the message names, then `phonograph recordings retry RECORDING`."


class StepFailed(ProcessingFault):
    """A step of a job failed."""

    id = "processing.step"


class LeaseLost(ProcessingFault):
    """Another worker has taken the job over."""

    id = "processing.lease-lost"
    recording = "The other worker finishes it."
    remedy = "Nothing to do. If it happens often, make the lease longer than the slowest step."


class DestinationExists(ProcessingFault):
    """A file of that name exists and is not ours."""

    id = "processing.destination-exists"
    blame = Blame.ADMINISTRATOR
    remedy = "Put {{uuid}} into `fileformat`, or move the other file away."


class StorageRefused(ProcessingFault):
    """A folder or disk refused a write."""

    id = "processing.storage"
    blame = Blame.STORAGE
    remedy = "Free space or mend the permissions; the job is retried by itself."
