"""The one error tree of Phonograph.

Every fault says whose fault it is, what became of the recording, and what to do. Its ``id`` is stable: scripts,
dashboards and the failed list may rely on it.

::

    Fault
    ├── ConfigurationFault               what an administrator wrote, or the machine they gave us
    │   ├── SettingsInvalid              config.settings
    │   ├── PolicyInvalid                config.policy
    │   ├── NameTemplateInvalid          config.name-template
    │   └── SpoolUnusable                config.spool
    ├── SwitchFault                      the switch, or the way to it
    │   ├── SwitchUnreachable            switch.unreachable
    │   ├── SwitchRefused                switch.refused
    │   ├── SwitchTooOld                 switch.too-old
    │   ├── SwitchModuleMissing          switch.module-missing
    │   ├── SwitchOperationFailed        switch.operation
    │   │   └── ConferenceNameUnusable   switch.operation.name
    │   ├── SwitchProtocolBroken         switch.protocol
    │   ├── SwitchTaken                  switch.taken
    │   └── SwitchOverflowed             switch.overflowed
    ├── RecordingFault                   one recording, while the call lasts
    │   ├── TransitionForbidden          recording.transition
    │   ├── TapFailed                    recording.tap-failed
    │   ├── CallEndedBeforeTap           recording.ended-before-tap
    │   ├── PauseUnconfirmed             recording.pause-unconfirmed
    │   └── RequestRefused               recording.request-refused
    ├── MediaFault                       the bytes of a recording
    │   ├── WavInvalid                   media.wav-invalid
    │   ├── RateMismatch                 media.rate-mismatch
    │   └── TrackMissing                 media.track-missing
    ├── ProcessingFault                  the work after the hangup
    │   ├── StepFailed                   processing.step
    │   ├── LeaseLost                    processing.lease-lost
    │   ├── DestinationExists            processing.destination-exists
    │   └── StorageRefused               processing.storage
    ├── DiskFault                        room for recordings
    │   ├── DiskLow                      disk.low
    │   └── DiskNearlyFull               disk.nearly-full
    ├── LedgerFault                      the database
    │   ├── LedgerUnavailable            ledger.unavailable
    │   └── LedgerSchemaUnknown          ledger.schema
    └── ServiceFault                     asking the running service
        ├── ServiceNotRunning            service.not-running
        ├── AlreadyRunning               service.already-running
        ├── NotFound                     service.not-found
        └── JournalInvalid               service.journal
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    """Whose fault it is: who has to act before it works again."""

    ADMINISTRATOR = "administrator"
    SWITCH = "switch"
    NETWORK = "network"
    CALLER = "caller"
    STORAGE = "storage"
    OPERATOR = "operator"
    PHONOGRAPH = "phonograph"


class Fault(Exception):
    """A fault with a stable id.

    Args:
        message: what happened, as one sentence for a person.
        details: values that belong to it (file, line, status ...). They reach logs: no digits that a caller dialled,
            no tokens, no audio.
    """

    id: ClassVar[str] = "fault"
    blame: ClassVar[Blame] = Blame.PHONOGRAPH
    recording: ClassVar[str] = "Unknown."
    remedy: ClassVar[str] = "Report this with the output of `phonograph explain CALL`."

    def __init__(self, message: str, /, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, dict(self.details)))

    def as_dict(self) -> dict[str, object]:
        """The fault as JSON-ready values: id, blame, message, recording, remedy, details."""
        return {
            "id": self.id,
            "blame": self.blame.value,
            "message": self.message,
            "recording": self.recording,
            "remedy": self.remedy,
            "details": {key: value if isinstance(value, int | float) else str(value)
                        for key, value in self.details.items() if value is not None},
        }


def _rebuild(kind: type[Fault], message: str, details: dict[str, object]) -> Fault:
    return kind(message, **details)


class ConfigurationFault(Fault):
    """What an administrator wrote, or the machine they gave us."""

    id = "config"
    blame = Blame.ADMINISTRATOR
    recording = "Not touched: the configuration that was running keeps running."
    remedy = "Correct the named line and load the configuration again."


class SettingsInvalid(ConfigurationFault):
    """The settings file has an unknown key, a wrong value, or does not parse."""

    id = "config.settings"


class PolicyInvalid(ConfigurationFault):
    """The policy file has an unknown key, a wrong value, a duplicate, or does not parse."""

    id = "config.policy"


class NameTemplateInvalid(ConfigurationFault):
    """``fileformat`` names a field that does not exist, or would leave the folder."""

    id = "config.name-template"


class SpoolUnusable(ConfigurationFault):
    """The folder that the switch records into cannot be seen, read or written by us."""

    id = "config.spool"
    recording = "Calls go on; nothing new is recorded until the folder can be used."
    remedy = "Run `phonograph check` on the host of the switch and mend the line that fails."


class SwitchFault(Fault):
    """The switch, or the way to it."""

    id = "switch"
    blame = Blame.SWITCH
    recording = "Calls go on. Taps that were attached go on recording; calls seen meanwhile are found at reconnection."
    remedy = "Phonograph retries by itself. Look at the switch's own log if it does not recover."


class SwitchUnreachable(SwitchFault):
    """No connection to the switch, or it was lost."""

    id = "switch.unreachable"
    blame = Blame.NETWORK
    remedy = "Check that the switch runs and that its address in the settings is right. Phonograph retries by itself."


class SwitchRefused(SwitchFault):
    """The switch refused our credentials."""

    id = "switch.refused"
    blame = Blame.ADMINISTRATOR
    remedy = "Set the same user name and password in the switch's configuration and in the settings."


class SwitchTooOld(SwitchFault):
    """The switch is older than what Phonograph was measured with."""

    id = "switch.too-old"
    blame = Blame.ADMINISTRATOR
    recording = "Nothing is recorded on this switch."
    remedy = "Upgrade the switch: Asterisk 22 or newer."


class SwitchModuleMissing(SwitchFault):
    """The switch lacks a module that recording needs."""

    id = "switch.module-missing"
    blame = Blame.ADMINISTRATOR
    recording = "Nothing is recorded on this switch."
    remedy = "Load the named module in modules.conf."


class SwitchOperationFailed(SwitchFault):
    """The switch answered an operation with an error."""

    id = "switch.operation"
    recording = "The tap is tried again while the call lasts."


class ConferenceNameUnusable(SwitchOperationFailed):
    """No command to the switch can name a conference so: its mix cannot be recorded."""

    id = "switch.operation.name"
    blame = Blame.ADMINISTRATOR
    recording = "Its mix is not recorded. Each member's track is, and the recording is marked incomplete."
    remedy = "Name the conference by letters and digits in the dialplan, whatever the caller has dialled."


class SwitchProtocolBroken(SwitchFault):
    """The switch sent something that is not its protocol."""

    id = "switch.protocol"
    recording = "The connection is dropped, made anew, and the calls are read again from the switch."


class SwitchTaken(SwitchFault):
    """Another service holds the switch's lease, or took the events of our application."""

    id = "switch.taken"
    blame = Blame.ADMINISTRATOR
    recording = "The other service records. This one waits until the other has gone."
    remedy = "Stop one of the two services: an Asterisk has one Phonograph."


class SwitchOverflowed(SwitchFault):
    """The switch told more than we could take in: what waited was dropped."""

    id = "switch.overflowed"
    blame = Blame.PHONOGRAPH
    recording = "Taps that are attached go on; the connection is made anew and the calls are read again."
    remedy = "Look at the machine's load: Phonograph is too slow for this many calls."


class RecordingFault(Fault):
    """One recording, while the call lasts."""

    id = "recording"


class TransitionForbidden(RecordingFault):
    """A state machine was asked for a step that its table does not have."""

    id = "recording.transition"
    recording = "The state stays as it was."


class TapFailed(RecordingFault):
    """A tap could not be attached, or ended by itself."""

    id = "recording.tap-failed"
    blame = Blame.SWITCH
    recording = "What was recorded before is kept; the recording is marked incomplete."
    remedy = "Look for the cause in the message and in the switch's log."


class CallEndedBeforeTap(RecordingFault):
    """The call was over before its tap was attached."""

    id = "recording.ended-before-tap"
    blame = Blame.CALLER
    recording = "There is none; the call's row says so."
    remedy = "Nothing to do if the call lasted less than a second. Otherwise look at the switch's load."


class PauseUnconfirmed(RecordingFault):
    """The switch did not confirm in time that the tap was gone."""

    id = "recording.pause-unconfirmed"
    blame = Blame.SWITCH
    recording = "The tap was ended by force, the segment is flagged."
    remedy = "Listen to the flagged segment's end before it is passed on."


class RequestRefused(RecordingFault):
    """A start, stop, pause or resume that is not allowed or makes no sense now."""

    id = "recording.request-refused"
    blame = Blame.OPERATOR
    recording = "It goes on as it was."
    remedy = "The message says who may ask for it, and when."


class MediaFault(Fault):
    """The bytes of a recording."""

    id = "media"
    recording = "The files are kept as they are; the recording is in the failed list."


class WavInvalid(MediaFault):
    """A file is not a WAV file that we can read."""

    id = "media.wav-invalid"
    blame = Blame.STORAGE
    remedy = "Look at the named file; `phonograph recordings show` lists the others."


class RateMismatch(MediaFault):
    """Tracks of one recording have different sample rates."""

    id = "media.rate-mismatch"
    remedy = "Record all tracks in one format."


class TrackMissing(MediaFault):
    """A file that the switch reported is not there."""

    id = "media.track-missing"
    blame = Blame.STORAGE
    remedy = "Check that the spool in the settings is the switch's own folder: `phonograph check`."


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


class DiskFault(Fault):
    """Room for recordings."""

    id = "disk"
    blame = Blame.STORAGE
    remedy = "Free space or make the file system larger; docs/assurance.md says what may go."


class DiskLow(DiskFault):
    """Less is free than `disk.warn_below` of the settings."""

    id = "disk.low"
    recording = "Every recording goes on."


class DiskNearlyFull(DiskFault):
    """Less is free than `disk.stop_optional_below` of the settings."""

    id = "disk.nearly-full"
    recording = "Calls that have to be recorded are; optional recordings are stopped, and no new one starts."


class LedgerFault(Fault):
    """The database."""

    id = "ledger"
    blame = Blame.STORAGE


class LedgerUnavailable(LedgerFault):
    """The database cannot be opened, read or written."""

    id = "ledger.unavailable"
    recording = "Taps that are attached go on; no new one starts without its row."
    remedy = "Check the disk and the rights of the database file."


class LedgerSchemaUnknown(LedgerFault):
    """The database was made by a newer Phonograph."""

    id = "ledger.schema"
    blame = Blame.ADMINISTRATOR
    recording = "The service does not start."
    remedy = "Run the version of Phonograph that made the database, or a newer one."


class ServiceFault(Fault):
    """Asking the running service."""

    id = "service"
    blame = Blame.OPERATOR
    recording = "Not touched."


class ServiceNotRunning(ServiceFault):
    """Nobody listens on the service's local socket."""

    id = "service.not-running"
    remedy = "Start it with `phonograph run -c FILE`, or name its configuration with -c."


class AlreadyRunning(ServiceFault):
    """Another service works on the same ledger or socket."""

    id = "service.already-running"
    remedy = "Stop the other one first, or give this one its own ledger and socket."


class NotFound(ServiceFault):
    """No call, recording or job has that id."""

    id = "service.not-found"
    remedy = "`phonograph calls` and `phonograph recordings list` show the ids."


class JournalInvalid(ServiceFault):
    """A journal file cannot be read."""

    id = "service.journal"
    remedy = "Give a file that `phonograph run` wrote into its journal folder."
