"""Metadata for tests: one call, and whatever hypothesis thinks of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import strategies as st

from siprec_app.protocol.metadata import (
    Group,
    Metadata,
    Mode,
    NameId,
    Participant,
    ParticipantSession,
    ParticipantStream,
    Reason,
    Session,
    SessionRecording,
    Stream,
    identifier,
)

AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def made(number: int) -> str:
    return identifier(UUID(int=number))


GROUP, CALL, ANNA, BEN, FROM_ANNA, FROM_BEN = map(made, range(1, 7))

COMPLETE = Metadata(
    Mode.COMPLETE,
    groups=(Group(GROUP, AT),),
    sessions=(Session(CALL, sip_ids=("a1;remote=b2",), reasons=(Reason(200, "completed"),), group=GROUP, started=AT,
                      stopped=AT + timedelta(minutes=1)),),
    participants=(Participant(ANNA, (NameId("sip:1001@pbx.example", "Anna", "en"),)),
                  Participant(BEN, (NameId("tel:+4930123"),))),
    streams=(Stream(FROM_ANNA, CALL, "1"), Stream(FROM_BEN, CALL, "2")),
    session_recordings=(SessionRecording(CALL, AT),),
    participant_sessions=(ParticipantSession(ANNA, CALL, AT), ParticipantSession(BEN, CALL, AT)),
    participant_streams=(ParticipantStream(ANNA, (FROM_ANNA,), (FROM_BEN,), AT),
                         ParticipantStream(BEN, (FROM_BEN,), (FROM_ANNA,), AT)))

LEFT = Metadata(Mode.PARTIAL, participants=(Participant(BEN, (NameId("tel:+4930123"),)),),
                participant_sessions=(ParticipantSession(BEN, CALL, AT, AT + timedelta(seconds=30)),))
"""Ben has left: a change to ``COMPLETE``."""

ids = st.uuids().map(identifier)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
                min_size=1, max_size=20).map(str.strip).filter(bool)
times = st.none() | st.builds(
    lambda ms, hours: (AT + timedelta(milliseconds=ms)).astimezone(timezone(timedelta(hours=hours))),
    st.integers(-10**12, 10**12), st.sampled_from([0, -7, 5]))


@st.composite
def metadata(draw: st.DrawFn) -> Metadata:
    """A complete or a partial document that may be sent."""
    drawn = draw(st.lists(ids, min_size=8, max_size=8, unique=True))
    group, sessions, people, streams = drawn[0], drawn[1:3], drawn[3:5], drawn[5:]
    names = st.lists(st.builds(NameId, st.sampled_from(["sip:1@a.example", "tel:+49", "sips:x%20y@[2001:db8::1]:5061"]),
                               st.none() | words, st.none()), min_size=1, max_size=2).map(tuple)
    some = st.lists(st.sampled_from(streams), max_size=3).map(tuple)
    return Metadata(
        mode=draw(st.sampled_from(Mode)), groups=(Group(group, draw(times), draw(times)),),
        sessions=tuple(Session(one, group=draw(st.none() | st.just(group)), started=draw(times), stopped=draw(times),
                               reasons=draw(st.lists(st.builds(Reason, st.integers(-9999, 9999), words), max_size=1)
                                            .map(tuple))) for one in sessions),
        participants=tuple(Participant(one, draw(names)) for one in people),
        streams=tuple(Stream(one, draw(st.none() | st.sampled_from(sessions)), draw(st.none() | words))
                      for one in streams),
        session_recordings=tuple(SessionRecording(one, draw(times), draw(times)) for one in sessions),
        participant_sessions=tuple(ParticipantSession(one, draw(st.sampled_from(sessions)), draw(times), draw(times))
                                   for one in people),
        participant_streams=tuple(ParticipantStream(one, draw(some), draw(some), draw(times), draw(times))
                                  for one in people))
