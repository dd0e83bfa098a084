"""The one error tree of Phonograph.

Every fault says whose fault it is, what became of the recording, and what to do. Its ``id`` is stable: scripts,
dashboards and the failed list may rely on it.

::

    Fault
    ├── ConfigurationFault               what an administrator wrote, or the machine they gave us
    │   ├── SettingsInvalid              config.settings
    │   ├── PolicyInvalid                config.policy
    │   ├── NameTemplateInvalid          config.name-template
    │   ├── EncryptionUnusable           config.encryption
    │   ├── StepUnusable                 config.step
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
    ├── RecordingServerFault             the recording server of SIPREC, or the way to it
    │   ├── RecordingServerProtocolBroken  siprec.protocol
    │   ├── RecordingServerUnreachable     siprec.unreachable
    │   ├── RecordingServerUntrusted       siprec.untrusted
    │   ├── RecordingServerAddressUnusable  siprec.address
    │   ├── RelayPortsExhausted          siprec.ports
    │   └── RelayFailed                  siprec.relay
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
    │   │   └── OwnStepFailed            processing.step.own
    │   │       └── CommandFailed        processing.step.own.command
    │   ├── EncryptionFailed             processing.encryption
    │   ├── CleaningRefused              processing.cleaning
    │   ├── LeaseLost                    processing.lease-lost
    │   ├── DestinationExists            processing.destination-exists
    │   ├── StorageRefused               processing.storage
    │   └── StorageUnreachable           processing.storage-unreachable
    ├── QueueFault                       the message queue, and what came through it
    │   ├── QueueUnreachable             queue.unreachable
    │   ├── TaskInvalid                  queue.task-invalid
    │   ├── TaskFileUnusable             queue.task-file
    │   └── TaskConflict                 queue.task-conflict
    ├── NoticeFault                      telling people and programs of a recording
    │   ├── ReceiverUnreachable          notice.unreachable
    │   ├── ReceiverRefused              notice.refused
    │   ├── ReceiverDeclined             notice.declined
    │   └── NoticeBroken                 notice.broken
    ├── DiskFault                        room for recordings
    │   ├── DiskLow                      disk.low
    │   └── DiskNearlyFull               disk.nearly-full
    ├── LedgerFault                      the database
    │   ├── LedgerAddressInvalid         ledger.address
    │   ├── LedgerUnavailable            ledger.unavailable
    │   └── LedgerSchemaUnknown          ledger.schema
    └── ServiceFault                     asking the running service
        ├── ServiceNotRunning            service.not-running
        ├── AlreadyRunning               service.already-running
        ├── NotFound                     service.not-found
        └── JournalInvalid               service.journal
"""

from __future__ import annotations

from faults.base import Blame, Fault
from faults.configuration import (
    ConfigurationFault,
    EncryptionUnusable,
    NameTemplateInvalid,
    PolicyInvalid,
    SettingsInvalid,
    SpoolUnusable,
    StepUnusable,
)
from faults.disk import DiskFault, DiskLow, DiskNearlyFull
from faults.ledger import LedgerAddressInvalid, LedgerFault, LedgerSchemaUnknown, LedgerUnavailable
from faults.media import MediaFault, RateMismatch, TrackMissing, WavInvalid
from faults.notice import NoticeBroken, NoticeFault, ReceiverDeclined, ReceiverRefused, ReceiverUnreachable
from faults.processing import (
    CleaningRefused,
    CommandFailed,
    DestinationExists,
    EncryptionFailed,
    LeaseLost,
    OwnStepFailed,
    ProcessingFault,
    StepFailed,
    StorageRefused,
    StorageUnreachable,
)
from faults.queue import QueueFault, QueueUnreachable, TaskConflict, TaskFileUnusable, TaskInvalid
from faults.recording import (
    CallEndedBeforeTap,
    PauseUnconfirmed,
    RecordingFault,
    RequestRefused,
    TapFailed,
    TransitionForbidden,
)
from faults.service import AlreadyRunning, JournalInvalid, NotFound, ServiceFault, ServiceNotRunning
from faults.siprec import (
    RecordingServerAddressUnusable,
    RecordingServerFault,
    RecordingServerProtocolBroken,
    RecordingServerUnreachable,
    RecordingServerUntrusted,
    RelayFailed,
    RelayPortsExhausted,
)
from faults.switch import (
    ConferenceNameUnusable,
    SwitchFault,
    SwitchModuleMissing,
    SwitchOperationFailed,
    SwitchOverflowed,
    SwitchProtocolBroken,
    SwitchRefused,
    SwitchTaken,
    SwitchTooOld,
    SwitchUnreachable,
)

__all__ = [
    "AlreadyRunning",
    "Blame",
    "CallEndedBeforeTap",
    "CleaningRefused",
    "CommandFailed",
    "ConferenceNameUnusable",
    "ConfigurationFault",
    "DestinationExists",
    "DiskFault",
    "DiskLow",
    "DiskNearlyFull",
    "EncryptionFailed",
    "EncryptionUnusable",
    "Fault",
    "JournalInvalid",
    "LeaseLost",
    "LedgerAddressInvalid",
    "LedgerFault",
    "LedgerSchemaUnknown",
    "LedgerUnavailable",
    "MediaFault",
    "NameTemplateInvalid",
    "NotFound",
    "NoticeBroken",
    "NoticeFault",
    "OwnStepFailed",
    "PauseUnconfirmed",
    "PolicyInvalid",
    "ProcessingFault",
    "QueueFault",
    "QueueUnreachable",
    "RateMismatch",
    "ReceiverDeclined",
    "ReceiverRefused",
    "ReceiverUnreachable",
    "RecordingFault",
    "RecordingServerAddressUnusable",
    "RecordingServerFault",
    "RecordingServerProtocolBroken",
    "RecordingServerUnreachable",
    "RecordingServerUntrusted",
    "RelayFailed",
    "RelayPortsExhausted",
    "RequestRefused",
    "ServiceFault",
    "ServiceNotRunning",
    "SettingsInvalid",
    "SpoolUnusable",
    "StepFailed",
    "StepUnusable",
    "StorageRefused",
    "StorageUnreachable",
    "SwitchFault",
    "SwitchModuleMissing",
    "SwitchOperationFailed",
    "SwitchOverflowed",
    "SwitchProtocolBroken",
    "SwitchRefused",
    "SwitchTaken",
    "SwitchTooOld",
    "SwitchUnreachable",
    "TapFailed",
    "TaskConflict",
    "TaskFileUnusable",
    "TaskInvalid",
    "TrackMissing",
    "TransitionForbidden",
    "WavInvalid",
]
