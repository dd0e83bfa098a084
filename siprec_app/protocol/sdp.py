"""Session descriptions (SDP, RFC 8866, before it RFC 4566): read tolerantly, written strictly.

What is read is what an RTP endpoint needs; lines that it does not know are left aside. Offer and answer are in
``negotiation``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from faults import RecordingServerProtocolBroken
from siprec_app.protocol import crypto
from siprec_app.protocol.crypto import Crypto

LARGEST = 64 * 1024
"""Bytes of a description; one with two streams has some 600."""

MOST_MEDIA = 64
"""``m=`` lines of a description."""


class Direction(StrEnum):
    """RFC 8866 section 6.7, seen by the one who wrote it."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a media line.

    Attributes:
        word: what stands in the ``m=`` line: a payload type, or whatever another profile has there.
        name: the encoding's name in upper case (``PCMU``), empty when none is given or known.
        rate: Hz of its clock, 0 when it has none.
        parameters: the rest of its ``a=fmtp``, or empty.
    """

    word: str
    name: str = ""
    rate: int = 0
    parameters: str = ""


PCMU = Format("0", "PCMU", 8000)
PCMA = Format("8", "PCMA", 8000)
STATIC: Mapping[str, Format] = {"0": PCMU, "8": PCMA, "3": Format("3", "GSM", 8000), "9": Format("9", "G722", 8000),
                                "18": Format("18", "G729", 8000)}
"""Payload types that mean something without ``a=rtpmap`` (RFC 3551 section 6)."""


@dataclass(frozen=True, slots=True)
class Media:
    """One ``m=`` line and what belongs to it.

    Attributes:
        port: 0 when the stream is refused or removed (RFC 3264 sections 6 and 8.2).
        profile: ``RTP/AVP``, ``RTP/SAVP`` or another.
        host: where media are received, by the line's own ``c=`` or the session's; empty when neither is there.
        label: ``a=label`` (RFC 4574), or None.
        ptime: ms of audio in a packet that the writer would like to receive, or None.
        rtcp_mux: RTP and RTCP on one port (RFC 5761).
        rtcp_port: ``a=rtcp`` (RFC 3605), or None: then it is the port above.
    """

    port: int
    formats: tuple[Format, ...]
    kind: str = "audio"
    profile: str = "RTP/AVP"
    host: str = ""
    direction: Direction = Direction.SENDRECV
    label: str | None = None
    ptime: int | None = None
    rtcp_mux: bool = False
    rtcp_port: int | None = None
    crypto: tuple[Crypto, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=`` (RFC 8866 section 5.2): the version grows by one with every change (RFC 3264 section 8)."""

    session: int
    version: int
    host: str
    user: str = "-"


@dataclass(frozen=True, slots=True)
class Description:
    """A whole description. ``origin`` is None when what was read has none that can be understood."""

    origin: Origin | None
    media: tuple[Media, ...]
    name: str = "-"


_MEDIA = re.compile(r"(?P<kind>[\w.+-]+)\s+(?P<port>[0-9]{1,5})(?:/[0-9]+)?\s+(?P<profile>[\w./+-]+)"
                    r"(?:\s+(?P<formats>\S.*))?")
_CONNECTION = re.compile(r"IN\s+IP[46]\s+([0-9A-Za-z.:_-]+)(?:/\S*)?", re.IGNORECASE)
_ORIGIN = re.compile(r"(\S+)\s+([0-9]{1,20})\s+([0-9]{1,20})\s+IN\s+IP[46]\s+(\S+)", re.IGNORECASE)
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([\w.+-]+)\s*/\s*([0-9]{1,7})(?:\s*/\s*[0-9]+)?")
_FMTP = re.compile(r"([0-9]{1,3})\s+(\S.*)")
_LINES = re.compile(r"\r\n|\n|\r")
_HOST = re.compile(r"[0-9A-Za-z.:_-]+")
_TOKEN = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`{|}~-]+")
_WORD = re.compile(r"[!-~]+")
_TEXT = re.compile(r"[^\r\n\0]+")


def parse(body: bytes) -> Description:
    """Read a description.

    Tolerated, because it is met: any line ends, spaces around ``=``, lines in another order, no ``s=`` or ``t=``, an
    ``o=`` that makes no sense, ``c=`` on either level, attributes and directions on the session's level.

    Raises:
        RecordingServerProtocolBroken: it is too long, has no media line, or one that cannot be read. A line that is
            left out would move the others to wrong places.
    """
    if len(body) > LARGEST:
        raise RecordingServerProtocolBroken("A session description is too long.", largest=LARGEST)
    head: list[tuple[str, str]] = []
    blocks: list[list[tuple[str, str]]] = []
    for line in _LINES.split(body.decode("utf-8", "replace").removeprefix("\ufeff")):
        key, _, value = line.partition("=")
        key, value = key.strip().lower(), value.strip()
        if key == "m":
            blocks.append([])
        (blocks[-1] if blocks else head).append((key, value))
    if not 0 < len(blocks) <= MOST_MEDIA:
        raise RecordingServerProtocolBroken("A session description has no media line, or too many.")
    fields = dict(reversed(head))
    return Description(origin=_origin(fields.get("o", "")), name=fields.get("s") or "-",
                       media=tuple(_media(block, head) for block in blocks))


def _origin(value: str) -> Origin | None:
    match = _ORIGIN.fullmatch(value)
    if match is None or _HOST.fullmatch(match[4]) is None:
        return None
    return Origin(session=int(match[2]), version=int(match[3]), host=match[4], user=match[1])


def _media(block: Sequence[tuple[str, str]], head: Sequence[tuple[str, str]]) -> Media:
    match = _MEDIA.fullmatch(block[0][1])
    if match is None or int(match["port"]) > 65535:
        raise RecordingServerProtocolBroken("A media line of a session description cannot be read.")
    own = _attributes(block)
    either = {**_attributes(head), **own}
    return Media(
        kind=match["kind"].lower(), port=int(match["port"]), profile=match["profile"].upper(),
        formats=_formats((match["formats"] or "").split(), own), host=_host(block) or _host(head),
        direction=_direction(block) or _direction(head) or Direction.SENDRECV,
        label=next(iter(own.get("label", ())), None) or None, ptime=_number(either.get("ptime", ()), 1000),
        rtcp_mux="rtcp-mux" in either, rtcp_port=_number(own.get("rtcp", ()), 65535),
        crypto=tuple(line for value in own.get("crypto", ()) if (line := crypto.parse(value)) is not None))


def _attributes(lines: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in lines:
        if key == "a":
            name, _, rest = value.partition(":")
            found.setdefault(name.strip().lower(), []).append(rest.strip())
    return found


def _host(lines: Sequence[tuple[str, str]]) -> str:
    return next((match[1] for key, value in lines if key == "c" and (match := _CONNECTION.fullmatch(value))), "")


def _direction(lines: Sequence[tuple[str, str]]) -> Direction | None:
    words = [value.lower() for key, value in lines if key == "a" and value.lower() in set(Direction)]
    return Direction(words[-1]) if words else None


def _number(values: Sequence[str], largest: int) -> int | None:
    match = re.match(r"[0-9]{1,5}", values[0]) if values else None
    return int(match[0]) if match and 0 < int(match[0]) <= largest else None


def _formats(words: Sequence[str], own: Mapping[str, list[str]]) -> tuple[Format, ...]:
    known = dict(STATIC)
    for value in own.get("rtpmap", ()):
        if match := _RTPMAP.fullmatch(value):
            known[match[1]] = Format(match[1], match[2].upper(), int(match[3]))
    parameters = {match[1]: match[2] for value in own.get("fmtp", ()) if (match := _FMTP.fullmatch(value))}
    return tuple(replace(known.get(word, Format(word)), parameters=parameters.get(word, "")) for word in words)


def build(description: Description) -> bytes:
    """Write a description: lines in the order of RFC 8866 section 5, each ending in CR LF, ``c=`` with every stream.

    Raises:
        ValueError: a value is missing, or would not stay in its line.
    """
    origin = description.origin
    if origin is None or not description.media:
        raise ValueError("a description has an origin and a media line at least")
    lines = ["v=0",
             f"o={_checked(_WORD, origin.user)} {origin.session:d} {origin.version:d} {_network(origin.host)}",
             f"s={_checked(_TEXT, description.name)}",
             "t=0 0"]  # RFC 3264 section 5
    for media in description.media:
        lines += _media_lines(media)
    return "".join(f"{line}\r\n" for line in lines).encode()


def _media_lines(media: Media) -> list[str]:
    if not 0 <= media.port <= 65535 or not media.formats:
        raise ValueError("a media line has a port and a format")
    words = " ".join(_checked(_WORD, item.word) for item in media.formats)
    lines = [f"m={_checked(_TOKEN, media.kind)} {media.port:d} {_checked(_WORD, media.profile)} {words}"]
    if media.host:
        lines.append(f"c={_network(media.host)}")
    lines += [f"a=rtpmap:{item.word} {_checked(_TOKEN, item.name)}/{item.rate:d}"
              for item in media.formats if item.name]
    lines += [f"a=fmtp:{item.word} {_checked(_TEXT, item.parameters)}" for item in media.formats if item.parameters]
    if media.label is not None:
        lines.append(f"a=label:{_checked(_TOKEN, media.label)}")  # RFC 4574 section 5: a token
    lines += [f"a=ptime:{media.ptime:d}"] if media.ptime else []
    lines += [f"a=rtcp:{media.rtcp_port:d}"] if media.rtcp_port else []
    lines += ["a=rtcp-mux"] if media.rtcp_mux else []
    lines += [f"a=crypto:{crypto.build(line)}" for line in media.crypto]
    return [*lines, f"a={media.direction.value}"]


def _network(host: str) -> str:
    return f"IN {'IP6' if ':' in host else 'IP4'} {_checked(_HOST, host)}"


def _checked(form: re.Pattern[str], value: str) -> str:
    if form.fullmatch(value) is None:
        raise ValueError(f"{value!r} cannot stand in a line of SDP")
    return value
