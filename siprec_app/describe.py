"""What a recording server is told of a call: who is in it, and who speaks and hears on which stream (RFC 7865).

Pure: a call in, metadata out. Two looks at the same call give the same ids.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from recorder.model import Call, Direction, Leg, LegState, Recording, Segment, Sink
from siprec_app.protocol.metadata import (
    Metadata,
    Mode,
    NameId,
    Participant,
    ParticipantSession,
    ParticipantStream,
    Session,
    SessionRecording,
    Stream,
    address_of_record,
    identifier,
)

__all__ = ["change", "describe", "label_of", "labels", "tapped"]

CALLER, CALLEE = "1", "2"
MIXED = "1"

Item = TypeVar("Item")

_NAMESPACE = uuid.UUID("c0a1b2f4-6a5e-5d53-8a5e-1f0d3e9f7b21")
_NOBODY = "sip:anonymous@anonymous.invalid"  # RFC 3323 section 4.1.1.3


def labels(recording: Recording) -> tuple[str, ...]:
    """The labels of the streams, in the order of their media lines (RFC 7866 section 7.1.1): what the caller says and
    what the callee says, or one with everybody mixed. Who comes by a transfer speaks on the stream of whoever went."""
    return (MIXED,) if _mixed(recording) else (CALLER, CALLEE)


def label_of(segment: Segment, direction: Direction) -> str:
    """The stream that one direction of a tap is sent on."""
    if direction is Direction.MIX:
        return MIXED
    own = _own(segment)
    return own if direction is Direction.IN else _other(own)


def tapped(recording: Recording) -> Segment | None:
    """The latest tap whose audio goes to recording servers."""
    return next((segment for segment in reversed(recording.segments) if segment.source.sink is Sink.SERVER), None)


def describe(call: Call, recording: Recording, host: str) -> Metadata:
    """Everything that there is to say of a recording, at this moment.

    Args:
        host: stands in the address of whoever has no domain.
    """
    session = _id(recording.id, "session")
    streams = {label: _id(recording.id, f"stream/{label}") for label in labels(recording)}
    # Who is mixed sends the one stream, and hears the others on it (RFC 7865 section 6.8).
    carrier = dict.fromkeys((CALLER, CALLEE), streams[MIXED]) if _mixed(recording) else streams
    voices = _voices(call, recording)
    # Who holds the call sends and hears nothing, and is heard by nobody (RFC 7865 section 6.8.1).
    speaking = {voices[leg.id] for leg in call.live if leg.id in voices and not leg.held}
    parties = [leg for leg in call.parties if leg.answered is not None]
    begun = _time(call.answered if call.answered is not None else call.created)
    return Metadata(
        mode=Mode.COMPLETE,
        sessions=(Session(id=session, started=begun),),
        participants=tuple(Participant(id=_id(recording.id, leg.id), names=(_name(leg, host),)) for leg in parties),
        streams=tuple(Stream(id=streams[label], session=session, label=label) for label in streams),
        session_recordings=(SessionRecording(session=session, associated=_time(recording.created)),),
        participant_sessions=tuple(ParticipantSession(
            participant=_id(recording.id, leg.id), session=session, associated=_time(leg.answered),
            disassociated=_time(leg.gone)) for leg in parties),
        participant_streams=tuple(ParticipantStream(
            participant=_id(recording.id, leg.id),
            send=() if leg.held else (carrier[voices[leg.id]],),
            recv=() if leg.held or (other := _other(voices[leg.id])) not in speaking else (carrier[other],))
            for leg in parties if leg.id in voices))


def change(before: Metadata, after: Metadata) -> Metadata:
    """A partial document: what of ``after`` differs from ``before`` (RFC 7865 section 6.1.1)."""
    return replace(
        after, mode=Mode.PARTIAL, sessions=_new(before.sessions, after.sessions),
        participants=_new(before.participants, after.participants), streams=_new(before.streams, after.streams),
        session_recordings=_new(before.session_recordings, after.session_recordings),
        participant_sessions=_new(before.participant_sessions, after.participant_sessions),
        participant_streams=_new(before.participant_streams, after.participant_streams))


def _new(before: tuple[Item, ...], after: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(item for item in after if item not in before)


def _voices(call: Call, recording: Recording) -> dict[str, str]:
    """The sides of those who are in the call now: the tapped leg has its own, all others share the other one."""
    segment = tapped(recording)
    if segment is None:
        return {}
    own = _own(segment)
    return {leg.id: own if leg.id == segment.source.leg else _other(own) for leg in call.live
            if leg.state is LegState.UP}


def _mixed(recording: Recording) -> bool:
    segment = tapped(recording)
    return segment is not None and Direction.MIX in segment.source.directions


def _own(segment: Segment) -> str:
    return CALLER if segment.side == "caller" else CALLEE


def _other(label: str) -> str:
    return CALLEE if label == CALLER else CALLER


def _name(leg: Leg, host: str) -> NameId:
    party = leg.party
    user = party.user or party.number or leg.dialled
    aor = address_of_record(user, party.domain or host) if user else _NOBODY
    return NameId(aor=aor, name=party.name or None)


def _id(recording: str, of: str) -> str:
    return identifier(uuid.uuid5(_NAMESPACE, f"{recording}/{of}"))


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
