"""Metadata of a recording session (RFC 7865): the model, and the documents that we send.

The order of elements and what may be missing is that of the schema in RFC 7865 section 9. Reading is in
``metadata_reader``.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote
from uuid import UUID

NAMESPACE = "urn:ietf:params:xml:ns:recording:1"
"""RFC 7865 section 5.1.1."""


class Mode(StrEnum):
    """Whether a document says all or only what has changed (RFC 7865 section 6.1.1)."""

    COMPLETE = "complete"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a session ended or changed: a SIP status or a Q.850 cause, and words (RFC 7865 section 6.3.1, RFC 3326)."""

    cause: int
    text: str = ""
    protocol: str = "SIP"


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that belong together (RFC 7865 section 6.2)."""

    id: str
    associated: datetime | None = None
    disassociated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A communication session: one call (RFC 7865 section 6.3).

    Attributes:
        sip_ids: Session-IDs of its SIP legs (RFC 7989).
        group: the id of its group, or None.
    """

    id: str
    sip_ids: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    group: str | None = None
    started: datetime | None = None
    stopped: datetime | None = None


@dataclass(frozen=True, slots=True)
class NameId:
    """By what somebody is known: an address of record, and a name to show (RFC 7865 section 6.5.1)."""

    aor: str
    name: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a session (RFC 7865 section 6.5)."""

    id: str
    names: tuple[NameId, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """A media stream; its label is that of the SDP (RFC 7865 section 6.7)."""

    id: str
    session: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class SessionRecording:
    """When a session was recorded by this recording session (RFC 7865 section 6.4)."""

    session: str
    associated: datetime | None = None
    disassociated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParticipantSession:
    """When somebody was in a session (RFC 7865 section 6.6)."""

    participant: str
    session: str
    associated: datetime | None = None
    disassociated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParticipantStream:
    """What somebody sends and hears (RFC 7865 section 6.8): ids of streams.

    Who no longer sends or hears a stream is told by a document without it (6.8.1).
    """

    participant: str
    send: tuple[str, ...] = ()
    recv: tuple[str, ...] = ()
    associated: datetime | None = None
    disassociated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """One document."""

    mode: Mode
    groups: tuple[Group, ...] = ()
    sessions: tuple[Session, ...] = ()
    participants: tuple[Participant, ...] = ()
    streams: tuple[Stream, ...] = ()
    session_recordings: tuple[SessionRecording, ...] = ()
    participant_sessions: tuple[ParticipantSession, ...] = ()
    participant_streams: tuple[ParticipantStream, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """The server asks for a complete document (RFC 7866 section 9.2, RFC 7865 section 7)."""

    reason: str | None = None


def identifier(uuid: UUID) -> str:
    """A UUID as RFC 7865 section 6.10 has it: its 16 bytes in base64, 24 characters."""
    return b64encode(uuid.bytes).decode()


def address_of_record(user: str, host: str) -> str:
    """A SIP URI for a number or name of the caller's choice: what may not stand in a user part is encoded.

    The characters that may are those of RFC 3261 section 25.1, ``unreserved`` and ``user-unreserved``.
    """
    host = quote(host, safe=".-:[]")
    return f"sip:{quote(user, safe=_USER)}@{host}" if user else f"sip:{host}"


_USER = "-_.!~*'()&=+$,;?/"
_URI = "-._~:/?#[]@!$&'()*+,;=%"
_ID = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")  # 16 bytes, as the schema writes base64Binary
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;",
                          "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})


def build(metadata: Metadata) -> bytes:
    """The document in UTF-8.

    Names and addresses are escaped; characters that XML cannot carry become U+FFFD, and in an address what is no part
    of a URI is encoded.

    Raises:
        ValueError: an id is no UUID in base64, a time has no zone, a participant has no name, or a complete document
            speaks of something that it does not have.
    """
    _check(metadata)
    return "\r\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>', f'<recording xmlns="{NAMESPACE}">',
        f"<datamode>{metadata.mode.value}</datamode>",
        *[_element("group", {"group_id": group.id}, _association(group)) for group in metadata.groups],
        *map(_session, metadata.sessions),
        *[_element("participant", {"participant_id": who.id}, map(_name, who.names)) for who in metadata.participants],
        *map(_stream, metadata.streams),
        *[_element("sessionrecordingassoc", {"session_id": recorded.session}, _association(recorded))
          for recorded in metadata.session_recordings],
        *[_element("participantsessionassoc", {"participant_id": present.participant, "session_id": present.session},
                   _association(present)) for present in metadata.participant_sessions],
        *map(_heard, metadata.participant_streams),
        "</recording>", ""]).encode()


def _session(session: Session) -> str:
    return _element("session", {"session_id": session.id}, [
        *[_element("sipSessionID", {}, [], text) for text in session.sip_ids],
        *[_element("reason", {"cause": str(reason.cause), "protocol": reason.protocol}, [], reason.text)
          for reason in session.reasons],
        *([_element("group-ref", {}, [], session.group)] if session.group else []),
        *_time("start-time", session.started), *_time("stop-time", session.stopped)])


def _stream(stream: Stream) -> str:
    owner = {"session_id": stream.session} if stream.session else {}
    return _element("stream", {"stream_id": stream.id, **owner},
                    [] if stream.label is None else [_element("label", {}, [], stream.label)])


def _heard(heard: ParticipantStream) -> str:
    return _element("participantstreamassoc", {"participant_id": heard.participant}, [
        *[_element("send", {}, [], stream) for stream in heard.send],
        *[_element("recv", {}, [], stream) for stream in heard.recv], *_association(heard)])


def _element(name: str, attributes: dict[str, str], children: Iterable[str], text: str = "") -> str:
    start = "".join([name, *[f' {key}="{_escaped(value)}"' for key, value in attributes.items()]])
    inner = "".join(children) + _escaped(text)
    return f"<{start}>{inner}</{name}>" if inner else f"<{start}/>"


def _escaped(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text).translate(_ESCAPES)


def _name(name: NameId) -> str:
    language = {"xml:lang": name.language} if name.language else {}
    shown = [] if name.name is None else [_element("name", language, [], name.name)]
    # A lone surrogate cannot be encoded at all.
    return _element("nameID", {"aor": quote(name.aor, safe=_URI, errors="replace")}, shown)


def _association(item: Group | SessionRecording | ParticipantSession | ParticipantStream) -> list[str]:
    return [*_time("associate-time", item.associated), *_time("disassociate-time", item.disassociated)]


def _time(name: str, at: datetime | None) -> list[str]:
    """RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return []
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return [_element(name, {}, [], f"{text}Z")]


def _check(metadata: Metadata) -> None:
    spans: list[Group | SessionRecording | ParticipantSession | ParticipantStream] = [
        *metadata.groups, *metadata.session_recordings, *metadata.participant_sessions, *metadata.participant_streams]
    times = [at for item in spans for at in (item.associated, item.disassociated)]
    times += [at for session in metadata.sessions for at in (session.started, session.stopped)]
    if any(at is not None and at.tzinfo is None for at in times):
        raise ValueError("a time has no zone")
    groups, sessions = [item.id for item in metadata.groups], [item.id for item in metadata.sessions]
    people, streams = [item.id for item in metadata.participants], [item.id for item in metadata.streams]
    own = [*groups, *sessions, *people, *streams]
    named = [*[(session.group, groups) for session in metadata.sessions if session.group],
             *[(stream.session, sessions) for stream in metadata.streams if stream.session],
             *[(item.session, sessions) for item in metadata.session_recordings],
             *[(item.session, sessions) for item in metadata.participant_sessions],
             *[(item.participant, people) for item in metadata.participant_sessions],
             *[(item.participant, people) for item in metadata.participant_streams],
             *[(stream, streams) for item in metadata.participant_streams for stream in (*item.send, *item.recv)]]
    if not all(_ID.fullmatch(one) for one in (*own, *[one for one, _ in named])):
        raise ValueError("an id is not a UUID in base64")
    if len(set(own)) != len(own):
        raise ValueError("an id is given twice")
    if metadata.mode is Mode.COMPLETE and any(one not in known for one, known in named):
        raise ValueError("a complete document speaks of something that it does not have")
    if not all(who.names for who in metadata.participants):
        raise ValueError("a participant has no name")
    if any(name.language and not _LANGUAGE.fullmatch(name.language)
           for who in metadata.participants for name in who.names):
        raise ValueError("a language is no language tag")
    if any(not -32768 <= reason.cause <= 32767 for session in metadata.sessions for reason in session.reasons):
        raise ValueError("a cause is out of range")
