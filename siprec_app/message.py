"""SIP messages (RFC 3261 section 7): read tolerantly, written strictly.

What is read has the fields without which nothing can be done with it, each once. What is written has no line but ours:
a line break in a value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from faults import RecordingServerProtocolBroken
from siprec_app import fields
from siprec_app.fields import Address

LARGEST_HEAD = 32 * 1024
"""Bytes before the body; a message through ten proxies has some 5 KB."""

LARGEST_BODY = 1 << 20
MOST_FIELDS = 256
LARGEST_CSEQ = (1 << 32) - 1
"""RFC 3261 section 20.16 has 2^31; some draw any number of 32 bits."""

SHORT = {"i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type",
         "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via", "x": "Session-Expires",
         "u": "Allow-Events", "o": "Event", "r": "Refer-To", "b": "Referred-By"}
"""Compact forms (RFC 3261 section 7.3.3, and the RFCs that define a field)."""

REASONS = {100: "Trying", 200: "OK", 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed",
           420: "Bad Extension", 422: "Session Interval Too Small", 481: "Call/Transaction Does Not Exist",
           482: "Loop Detected", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
           500: "Server Internal Error", 501: "Not Implemented"}
"""Of the responses that we give (RFC 3261 section 21, RFC 4028 section 6)."""

_ONCE = ("Call-ID", "CSeq", "From", "To")
_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_LINES = re.compile(r"\r?\n")
_CONTROL = {code: " " for code in (*range(0x20), 0x7F) if code != 0x09}
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_FIELD = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_REQUEST = re.compile(r"([A-Za-z0-9.!%*_+`'~-]{1,64}) +(\S+) +SIP/2\.0 *", re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 +([1-6][0-9]{2})(?: +(.*)| *)", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,10})\s+([A-Za-z0-9.!%*_+`'~-]{1,64})")
_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9-]+)\s+"
                  r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?:\s*:\s*([0-9]{1,5}))?", re.IGNORECASE)
_BREAK = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(slots=True)
class Fields:
    """Header fields in their order. Names are found without regard to case; short ones were made long."""

    pairs: list[tuple[str, str]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def all(self, name: str) -> list[str]:
        """Each line's value."""
        wanted = name.lower()
        return [value for key, value in self.pairs if key.lower() == wanted]

    def get(self, name: str) -> str:
        """The first line's value, or empty."""
        wanted = name.lower()
        return next((value for key, value in self.pairs if key.lower() == wanted), "")

    def items(self, name: str) -> list[str]:
        """The elements of a list, whether they stand in one line or in several (RFC 3261 section 7.3.1)."""
        return [item for value in self.all(name) for item in fields.split(value)][:fields.MOST]

    def tokens(self, name: str) -> frozenset[str]:
        """The elements in lower case, without parameters."""
        return frozenset(item.partition(";")[0].strip().lower() for item in self.items(name))

    def addresses(self, name: str) -> list[Address]:
        """The elements as addresses."""
        return [fields.address(item) for item in self.items(name)]

    def add(self, name: str, value: str) -> None:
        """One more line, behind the others."""
        self.pairs.append((name, value))

    def first(self, name: str, value: str) -> None:
        """One more line, before the others."""
        self.pairs.insert(0, (name, value))


@dataclass(slots=True)
class _Message:
    fields: Fields = field(default_factory=Fields, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def call_id(self) -> str:
        return self.fields.get("Call-ID")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method."""
        match = _CSEQ.fullmatch(self.fields.get("CSeq"))
        return (int(match[1]), match[2].upper()) if match else (0, "")

    @property
    def via(self) -> Via:
        """The topmost one."""
        return via(next(iter(self.fields.items("Via")), ""))

    def tag(self, name: str) -> str:
        """The tag of From or To, or empty."""
        return fields.address(self.fields.get(name)).parameters.get("tag", "")

    @property
    def session_expires(self) -> tuple[int | None, str | None]:
        """Seconds, and who refreshes: ``uac``, ``uas`` or None (RFC 4028 section 4)."""
        value = self.fields.get("Session-Expires")
        refresher = fields.parameters(fields.split(value, ";")[1:]).get("refresher", "").lower()
        return fields.number(value), refresher if refresher in ("uac", "uas") else None

    def number(self, name: str) -> int | None:
        """Min-SE, Retry-After and others that begin with a number, or None."""
        return fields.number(self.fields.get(name))

    @property
    def warnings(self) -> list[tuple[int, str]]:
        """Code and text of each Warning (RFC 3261 section 20.43)."""
        found = [item.split(None, 2) for item in self.fields.items("Warning")]
        return [(fields.number(words[0]) or 0, fields.unquoted(words[2])) for words in found if len(words) == 3]

    @property
    def causes(self) -> list[tuple[str, int | None, str]]:
        """Protocol, cause and text of each Reason (RFC 3326)."""
        found = [fields.split(item, ";") for item in self.fields.items("Reason")]
        return [(pieces[0], fields.number(more.get("cause")), more.get("text", ""))
                for pieces in found if pieces and (more := fields.parameters(pieces[1:])) is not None]


@dataclass(slots=True)
class Request(_Message):
    """A request. ``uri`` is as it was written."""

    method: str = ""
    uri: str = ""


@dataclass(slots=True)
class Response(_Message):
    """A response."""

    status: int = 0
    reason: str = ""


Message = Request | Response


@dataclass(frozen=True, slots=True)
class Via:
    """A Via (RFC 3261 section 20.42): who sent it, and the transaction's branch, empty when there is none."""

    transport: str
    host: str
    port: int | None
    branch: str


def via(value: str) -> Via:
    """One Via; of one that cannot be read all is empty."""
    pieces = fields.split(value, ";")
    match = _VIA.fullmatch(pieces[0]) if pieces else None
    if match is None:
        return Via("", "", None, "")
    return Via(match[1].upper(), match[2].strip("[]").lower(), fields.number(match[3]),
               fields.parameters(pieces[1:]).get("branch", ""))


def read(data: bytes) -> Message:
    """A message that is there as a whole: a datagram, or what ``framing`` gives.

    Tolerated, because it is met: empty lines in front, folded lines, spaces before a colon, compact names, bare line
    feeds, bytes that are not UTF-8, no reason after a status, lines that are no field, bytes behind the body.

    Raises:
        RecordingServerProtocolBroken: it is no SIP 2.0, too large, shorter than it says, or lacks one of Via, From, To,
            Call-ID and CSeq, or has one twice.
    """
    data = data.lstrip(b"\r\n")
    end = _END.search(data, 0, LARGEST_HEAD)
    if end is None:
        raise RecordingServerProtocolBroken("A SIP message has no end of its header, or a header that is too long.")
    text = _FOLD.sub(" ", data[:end.start()].decode("utf-8", "replace"))
    start, *lines = (line.translate(_CONTROL).strip() for line in _LINES.split(text))
    if len(lines) > MOST_FIELDS:
        raise RecordingServerProtocolBroken("A SIP message has too many header fields.", most=MOST_FIELDS)
    found = Fields([(SHORT.get(match[1].lower(), match[1]), match[2])
                    for line in lines if (match := _FIELD.fullmatch(line)) is not None])
    message = _started(start, found)
    _check(message)
    message.body = _body(found, data[end.end():])
    return message


def _started(start: str, found: Fields) -> Message:
    if (match := _STATUS.fullmatch(start)) is not None:
        return Response(found, status=int(match[1]), reason=match[2] or "")
    if (match := _REQUEST.fullmatch(start)) is not None:
        # RFC 3261 section 7.1: methods are case-sensitive; `Invite` is another one, which we do not have.
        return Request(found, method=match[1], uri=match[2])
    raise RecordingServerProtocolBroken("A message is no request and no response of SIP 2.0.")


def _check(message: Message) -> None:
    for name in _ONCE:
        if len(message.fields.all(name)) != 1:
            raise RecordingServerProtocolBroken(f"A SIP message has {name} not just once.")
    number, method = message.cseq
    if not method or number > LARGEST_CSEQ or (isinstance(message, Request) and message.method.upper() != method):
        raise RecordingServerProtocolBroken("The CSeq of a SIP message cannot be read, or is another method's.")
    if not message.via.host or not message.call_id:
        raise RecordingServerProtocolBroken("A SIP message has no Via or Call-ID that can be read.")


def content_length(values: Collection[str]) -> int | None:
    """What Content-Length says, or None when there is none.

    Raises:
        RecordingServerProtocolBroken: it is no number, too large, or there are two that differ.
    """
    lengths = {value.strip() for value in values}
    if not lengths:
        return None
    value = lengths.pop()
    if lengths or not re.fullmatch(r"[0-9]{1,10}", value, re.ASCII) or int(value) > LARGEST_BODY:
        raise RecordingServerProtocolBroken("The Content-Length of a SIP message is none, or too large.")
    return int(value)


def _body(found: Fields, rest: bytes) -> bytes:
    """RFC 3261 section 18.3: bytes behind the body are dropped; a datagram without a length is all body."""
    length = content_length(found.all("Content-Length"))
    length = len(rest) if length is None else length
    if length > len(rest) or length > LARGEST_BODY:
        raise RecordingServerProtocolBroken("A SIP message is shorter than it says, or too long.")
    return rest[:length]


def build(message: Message) -> bytes:
    """Write a message, with its Content-Length.

    Raises:
        ValueError: a value would not stay in its line.
    """
    if isinstance(message, Request):
        if not _TOKEN.fullmatch(message.method) or not re.fullmatch(r"[^\s<>\"\x00-\x20\x7f]+", message.uri):
            raise ValueError("a method or a URI cannot stand in a request line")
        start = f"{message.method} {message.uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.status:d} {message.reason}"
    lines = [start]
    for name, value in message.fields:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header field")
        lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(message.body)}")
    if any(_BREAK.search(line) for line in lines):
        raise ValueError("a value would not stay in its line")
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + message.body


def response(request: Request, status: int, tag: str, source: tuple[str, int] | None = None) -> Response:
    """A response with what every response takes from its request (RFC 3261 section 8.2.6.2).

    Args:
        tag: ours, for a To that has none; not for 100.
        source: where the request came from, for the topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4).
    """
    made = Response(status=status, reason=REASONS.get(status, ""))
    for place, value in enumerate(request.fields.items("Via")):
        made.fields.add("Via", _stamped(value, source) if place == 0 and source is not None else value)
    to = request.fields.get("To")
    made.fields.add("From", request.fields.get("From"))
    made.fields.add("To", to if status == 100 or request.tag("To") else f"{to};tag={tag}")
    made.fields.add("Call-ID", request.call_id)
    made.fields.add("CSeq", request.fields.get("CSeq"))
    return made


def _stamped(value: str, source: tuple[str, int]) -> str:
    pieces = fields.split(value, ";")
    kept = [piece for piece in pieces if piece.partition("=")[0].strip().lower() not in ("received", "rport")]
    asked = len(kept) < len(pieces) and any(piece.partition("=")[0].strip().lower() == "rport" for piece in pieces)
    if asked or via(value).host != source[0].lower():
        kept.append(f"received={source[0]}")
    return ";".join([*kept, *([f"rport={source[1]}"] if asked else [])])
