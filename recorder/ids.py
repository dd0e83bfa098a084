"""The ids of calls, recordings, segments and announcements: two looks at the same call give one id."""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.UUID("7d0c3a52-3f0e-5c1b-9a57-5b1c6a1f0e6d")


def call_id(switch: str, boot: str, first: str, again: float | None = None) -> str:
    """The id of a call: a UUID (version 5) of the switch, its boot and the first leg.

    Args:
        again: when the call began, if an earlier one may have begun with that leg: one that stays after its call has
            ended and talks again, or one that was there when this life of the service looked for the first time.
    """
    suffix = f"/{again:.3f}" if again is not None else ""
    return str(uuid.uuid5(_NAMESPACE, f"{switch}/{boot}/{first}{suffix}"))


def recording_id(call: str, number: int) -> str:
    """The id of a call's recording; ``number`` counts from 0."""
    return str(uuid.uuid5(_NAMESPACE, f"{call}/recording/{number}"))


def segment_id(recording: str, number: int) -> str:
    """The id of a recording's segment; it also names the tap on the switch. ``number`` counts from 0."""
    return f"{recording}.{number}"


def segment_recording(segment: str) -> str:
    """The recording that a segment's or an announcement's id belongs to."""
    return segment.rsplit(".", 1)[0]


def announcement_id(recording: str, number: int) -> str:
    """The id of an announcement in a recorded call; it also names it on the switch. ``number`` counts from 0."""
    return f"{recording}.a{number}"
