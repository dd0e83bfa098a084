"""A frame of ARI's WebSocket as an event. Pure.

A call of two legs brings some 54 ChannelVarset of 83 events. They are recognised by the first bytes of the frame and
dropped unparsed; a frame that is written differently is parsed, with the same result. The first bytes cannot be
forged by a value: JSON escapes the quotes inside it.
"""

from __future__ import annotations

import json

from ari_app.fields import mapping
from ari_app.generated.events import EVENTS, Event
from faults import SwitchProtocolBroken

QUALITY = "RTPAUDIOQOS"
"""The variable with a leg's RTP counters; the others that start like it are not needed."""
OURS = "RECORDER_"
"""What our own variables' names start with."""

_VARSET = '{"variable":"'
_WANTED = (f'{_VARSET}{QUALITY}"', f"{_VARSET}{OURS}")
_VARSET_BYTES = _VARSET.encode()
_WANTED_BYTES = tuple(start.encode() for start in _WANTED)


def decode(frame: bytes | str) -> Event | None:
    """The event in a frame, or None for one that nobody here listens to.

    Raises:
        SwitchProtocolBroken: not JSON, not an object with a type, or an event that lacks a field.
    """
    if isinstance(frame, str):
        if frame.startswith(_VARSET) and not frame.startswith(_WANTED):
            return None
    elif frame.startswith(_VARSET_BYTES) and not frame.startswith(_WANTED_BYTES):
        return None
    try:
        data = mapping(json.loads(frame))
    except (ValueError, TypeError, RecursionError):
        raise SwitchProtocolBroken("Asterisk sent a frame that is not a JSON object.", size=len(frame)) from None
    kind = data.get("type")
    if not isinstance(kind, str):
        raise SwitchProtocolBroken("Asterisk sent an event without a type.", size=len(frame))
    read = EVENTS.get(kind)
    return read(data) if read is not None and (kind != "ChannelVarset" or _matters(data.get("variable"))) else None


def _matters(variable: object) -> bool:
    return isinstance(variable, str) and (variable == QUALITY or variable.startswith(OURS))
