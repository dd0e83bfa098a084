"""Metadata documents that others wrote (RFC 7865), read into the same model.

Read as it is met: any namespace, elements in any order, ids that are no UUIDs, names of attributes from drafts before
the RFC, and what belongs to associations inside the participants. What is not understood is left aside.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from faults import RecordingServerProtocolBroken
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
    SnapshotRequest,
    Stream,
)
from siprec_app.protocol.xmltree import Element, parse

_CAUSE = re.compile(r"-?[0-9]{1,5}")


def read(body: bytes) -> Metadata | SnapshotRequest:
    """A document, or the server's request for one.

    Raises:
        RecordingServerProtocolBroken: it is neither, or no XML that may be read.
    """
    root = parse(body)
    kind = root.name.lower()
    if kind == "requestsnapshot":
        return SnapshotRequest(root.content("requestreason"))
    if kind != "recording":
        raise RecordingServerProtocolBroken("A document is not metadata of a recording session.")
    people = root.all("participant")
    # Without a datamode it is taken for a complete one.
    partial = (root.content("datamode") or "").lower() == Mode.PARTIAL.value
    return Metadata(
        mode=Mode.PARTIAL if partial else Mode.COMPLETE,
        groups=tuple(Group(_id(item, "group"), *_times(item)) for item in root.all("group")),
        sessions=tuple(map(_session, root.all("session"))),
        participants=tuple(Participant(_id(who, "participant"), tuple(map(_name, who.all("nameID"))))
                           for who in people),
        streams=tuple(Stream(_id(item, "stream"), _id(item, "session", plain=False) or None, item.content("label"))
                      for item in root.all("stream")),
        session_recordings=tuple(SessionRecording(_id(item, "session"), *_times(item))
                                 for item in root.all("sessionrecordingassoc")),
        participant_sessions=(
            *[ParticipantSession(_id(item, "participant"), _id(item, "session"), *_times(item))
              for item in root.all("participantsessionassoc")],
            *[ParticipantSession(_id(who, "participant"), session, *_times(who)) for who in people
              if (session := _id(who, "session", plain=False))]),
        participant_streams=(
            *map(_streams, root.all("participantstreamassoc")),
            *[_streams(who) for who in people if who.all("send") or who.all("recv")]))


def _id(item: Element, kind: str, *, plain: bool = True) -> str:
    """``kind_id``, or what drafts had in its place: ``kind``, and a bare ``id`` for the thing's own."""
    found = item.attributes.get(f"{kind}_id") or item.attributes.get(kind)
    return (found or (item.attributes.get("id", "") if plain else "")).strip()


def _session(item: Element) -> Session:
    return Session(
        id=_id(item, "session"), sip_ids=tuple("".join(one.text.split()) for one in item.all("sipSessionID")),
        reasons=tuple(Reason(int(one.attributes["cause"]), one.text.strip(), one.attributes.get("protocol", "SIP"))
                      for one in item.all("reason") if _CAUSE.fullmatch(one.attributes.get("cause", ""))),
        group=item.content("group-ref"),
        started=_time(item.content("start-time")) or _time(item.content("associate-time")),
        stopped=_time(item.content("stop-time")) or _time(item.content("disassociate-time")))


def _name(item: Element) -> NameId:
    shown = item.all("name")
    return NameId(aor=item.attributes.get("aor", "").strip(), name=item.content("name"),
                  language=shown[0].attributes.get("lang") if shown else None)


def _streams(item: Element) -> ParticipantStream:
    return ParticipantStream(
        _id(item, "participant"), tuple(one.text.strip() for one in item.all("send")),
        tuple(one.text.strip() for one in item.all("recv")), *_times(item))


def _times(item: Element) -> tuple[datetime | None, datetime | None]:
    return _time(item.content("associate-time")), _time(item.content("disassociate-time"))


def _time(text: str | None) -> datetime | None:
    """A time; one without a zone, as it is met, is taken for UTC, and one that is no time for none."""
    try:
        at = datetime.fromisoformat(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
