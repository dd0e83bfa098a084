"""What is being recorded at this moment, from the engine's own knowledge. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recorder import taps
from recorder.model import Call, Recording
from recorder.states import PauseState, RecordingState, SegmentState
from service.place import place
from service.views import party

_RUNNING = (RecordingState.ARMED, RecordingState.RECORDING, RecordingState.PAUSED)
_TAPPED = (SegmentState.UP, SegmentState.DETACHING)


def running(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """The recordings that are being made, oldest first, as the API shows them.

    ``sources``: the names of the channels, or of the conference, that are tapped now. ``goes_to``: where their audio
    goes, as in :mod:`service.place`. ``error``: why a tap of it failed or was ended by force while there is none that
    took its place; empty where all is well.
    """
    found = [(call, recording) for call in calls if (recording := call.recording) is not None
             and recording.state in _RUNNING]
    return [_row(call, recording) for call, recording in sorted(found, key=lambda one: (one[1].created, one[1].id))]


def _row(call: Call, recording: Recording) -> dict[str, Any]:
    return {"recording": recording.id, "call": call.id, "switch": call.switch, "kind": call.kind.value,
            "state": recording.state.value, "started": recording.started, "created": recording.created,
            "caller": party(call.parties[0] if call.parties else None), "conference": call.conference,
            "sources": _sources(call, recording), "goes_to": place(call, recording),
            "error": _error(call, recording)}


def _sources(call: Call, recording: Recording) -> list[str]:
    tapped = [one.source for one in recording.segments if one.state in _TAPPED]
    names = {leg.id: leg.name for leg in call.legs}
    return sorted({names.get(one.leg, one.leg) if one.leg else call.conference or one.bridge for one in tapped})


def _error(call: Call, recording: Recording) -> str:
    if any(pause.state is PauseState.FORCED for pause in call.pauses):
        return "a pause was forced: the switch did not confirm that nothing listens"
    if call.paused or not taps.to_be_recorded(call) or any(one.state in _TAPPED for one in recording.segments):
        return ""
    return next((one.cause for one in reversed(recording.segments) if one.cause), "")
