"""The switch, or the way to it."""

from __future__ import annotations

from faults.base import Blame, Fault


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
