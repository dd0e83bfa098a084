"""One recording, while the call lasts."""

from __future__ import annotations

from faults.base import Blame, Fault


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
