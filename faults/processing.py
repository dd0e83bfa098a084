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


class OwnStepFailed(StepFailed):
    """A step of the settings' own failed."""

    id = "processing.step.own"
    blame = Blame.ADMINISTRATOR
    recording = "It is stored. The unfinished and the recorded files are kept; the job is in the failed list."


class CommandFailed(OwnStepFailed):
    """The program of a step ended with another status than 0, or not in time."""

    id = "processing.step.own.command"
    remedy = "Look at the output in the details, mend the program, then `phonograph recordings retry RECORDING`."


class EncryptionFailed(ProcessingFault):
    """A recording could not be encrypted."""

    id = "processing.encryption"
    blame = Blame.ADMINISTRATOR
    recording = ("Nothing was stored. The unencrypted files are kept: what the switch recorded in its spool, what was "
                 "composed in `work_path`.")
    remedy = "Put a usable public key into the file of `encryption_key`, then `phonograph recordings retry RECORDING`."


class CleaningRefused(ProcessingFault):
    """What is not needed any more could not be deleted."""

    id = "processing.cleaning"
    blame = Blame.ADMINISTRATOR
    recording = "It is stored, whole. The named files are still there."
    remedy = ("Let Phonograph's user write into the folders of the spool, then "
              "`phonograph recordings retry RECORDING`.")


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


class StorageUnreachable(ProcessingFault):
    """A store does not answer, or says that it cannot serve us now."""

    id = "processing.storage-unreachable"
    blame = Blame.STORAGE
    remedy = "Look at the store and the way to it; the job is retried by itself."
