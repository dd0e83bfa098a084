"""Where the audio of a recording goes, for people: to which recording server since when, into files and why. Pure."""

from __future__ import annotations

from typing import Any

from processing import servers
from recorder.model import Call, Recording, Sink
from recorder.states import SegmentState, SessionState

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


def place(call: Call, recording: Recording) -> dict[str, Any]:
    """Where it goes now.

    Returns:
        ``wanted``: whether policy sends it to a recording server. ``server``: the one that takes it, ``since`` when;
        None. One that somebody named stands there only where policy wants none.
        ``file``: whether a tap writes files. ``why``: what stands in the way of a server, while none takes it.
    """
    wanted = servers.wanted(call)
    up = next((one for one in reversed(recording.sessions)
               if one.state is SessionState.UP and not (wanted and one.named)), None)
    return {"wanted": wanted, "server": up.server if up else None, "since": up.up if up else None,
            "file": any(one.source.sink is Sink.FILE and one.state in _LIVE for one in recording.segments),
            "why": servers.why(recording) if wanted and up is None else ""}
