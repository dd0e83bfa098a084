"""FreeSWITCH's event socket without a socket: bytes in, messages out.

A message is a block of ``Name: value`` lines, a blank line, and as many bytes as its ``Content-Length`` says.
Feed what arrives to ``Parser.receive_data`` in pieces of any size and take the messages out. What we send is made
in ``lines``.

Nothing that the other side claims is trusted: blocks and bodies have a largest size, a length is digits, and
after one violation the parser yields nothing more, since nobody knows where the next message begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from esl_app.messages import (
    ApiResponse,
    AuthRequest,
    CommandReply,
    DisconnectNotice,
    Event,
    LogLine,
    Message,
    RudeRejection,
    Unknown,
    json_event,
    plain_event,
)
from faults import SwitchProtocolBroken

LARGEST_BLOCK = 1 << 20
"""Bytes of a header block, or of an event's headers. The latter carry all variables of a channel: 10 KB is usual."""

LARGEST_BODY = 64 << 20
"""Bytes of a body. ``show channels as json`` takes about 1.3 KB a channel."""

_BLANK_LINES = re.compile(rb"\n*")
_NAME = re.compile(r"[!-9;-~]+")
_LENGTH = re.compile(r"[0-9]{1,12}")


class Parser:
    """Reads what one connection receives.

    Take the messages out after every piece: then it keeps one unfinished message at most, and its memory is
    bounded by the two sizes and the piece. The time is linear in the bytes, however small the pieces are.

    Args:
        largest_block: bytes that a header block may have, and the headers of an event in a body.
        largest_body: bytes that a body may have.
    """

    def __init__(self, *, largest_block: int = LARGEST_BLOCK, largest_body: int = LARGEST_BODY) -> None:
        self._largest_block = largest_block
        self._largest_body = largest_body
        self._buffer = bytearray()
        self._searched = 0
        self._block: dict[str, str] | None = None
        self._missing = 0
        self._broken: SwitchProtocolBroken | None = None

    @property
    def buffered(self) -> int:
        """Bytes of the next message that have arrived and are not yet a message."""
        return len(self._buffer)

    @property
    def between_messages(self) -> bool:
        """Whether the stream may end here: nothing of a next message has arrived."""
        return self._block is None and not self._buffer

    def receive_data(self, data: bytes) -> None:
        """Add what has arrived, in pieces of any size. After a violation it is thrown away."""
        if self._broken is None:
            self._buffer += data

    def messages(self) -> Iterator[Message]:
        """All messages that are complete.

        Raises:
            SwitchProtocolBroken: see ``next_message``; the messages before the violation come first.
        """
        while (message := self.next_message()) is not None:
            yield message

    def next_message(self) -> Message | None:
        """The next complete message, or None when more bytes are needed.

        Raises:
            SwitchProtocolBroken: the bytes are not the protocol. Every later call raises it again.
        """
        if self._broken is not None:
            raise self._broken.with_traceback(None)  # or each raise would lengthen it
        try:
            return self._next()
        except SwitchProtocolBroken as broken:
            self._broken = broken
            self._buffer.clear()
            raise

    def _next(self) -> Message | None:
        if self._block is None:
            self._block = self._take_block()
            if self._block is None:
                return None
            self._missing = self._body_length(self._block)
        if len(self._buffer) < self._missing:
            return None
        block, self._block = self._block, None
        body = bytes(self._buffer[:self._missing])
        del self._buffer[:self._missing]
        self._bound_headers(block, body)
        return _message(block, body)

    def _bound_headers(self, block: Mapping[str, str], body: bytes) -> None:
        """Each header of an event costs some hundred bytes, however short it is: a body full of them is too much."""
        kind = block.get("content-type")
        if kind == "text/event-plain":
            end = body.find(b"\n\n", 0, self._largest_block + 2)
            size = len(body) if end < 0 else end
        else:
            size = len(body) if kind == "text/event-json" else 0
        if size > self._largest_block:
            raise SwitchProtocolBroken("An event's headers are too long.", largest=self._largest_block)

    def _take_block(self) -> dict[str, str] | None:
        if self._buffer.startswith(b"\n"):  # blank lines between messages say nothing
            blank = _BLANK_LINES.match(self._buffer)
            assert blank is not None
            del self._buffer[:blank.end()]
            self._searched = 0
        # The end may lie across two pieces: its first half was searched already.
        end = self._buffer.find(b"\n\n", max(0, self._searched - 1))
        self._searched = len(self._buffer)
        shortest = end if end >= 0 else self._searched - 1  # the last byte may be half of the blank line
        if shortest > self._largest_block:
            raise SwitchProtocolBroken("A header block is too long.", largest=self._largest_block)
        if end < 0:
            return None
        block = _fields(self._buffer[:end].decode("utf-8", "replace"))
        del self._buffer[:end + 2]
        self._searched = 0
        return block

    def _body_length(self, block: Mapping[str, str]) -> int:
        digits = block.get("content-length", "0")
        if not _LENGTH.fullmatch(digits):
            raise SwitchProtocolBroken("A Content-Length is not a number.")
        if int(digits) > self._largest_body:
            raise SwitchProtocolBroken("A body is too long.", largest=self._largest_body, announced=digits)
        return int(digits)


def _fields(block: str) -> dict[str, str]:
    """The lines of a header block by lower-case name. Values stay as they were sent."""
    fields: dict[str, str] = {}
    for line in block.split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise SwitchProtocolBroken("A header line has no name.")
        name, value = name.lower(), value.removeprefix(" ")
        if name == "content-length" and fields.get(name, value) != value:
            raise SwitchProtocolBroken("A message has two lengths.")
        fields.setdefault(name, value)
    return fields


def _message(block: Mapping[str, str], body: bytes) -> Message:
    if "content-type" not in block:
        raise SwitchProtocolBroken("A message has no Content-Type.")
    make = _KINDS.get(block["content-type"])
    return Unknown(content_type=block["content-type"], body=body) if make is None else make(block, body)


def _auth_request(_block: Mapping[str, str], _body: bytes) -> AuthRequest:
    return AuthRequest()


def _command_reply(block: Mapping[str, str], _body: bytes) -> CommandReply:
    # The answer to `connect` is an event, encoded like one; all other answers are plain words.
    channel = Event(fields=block, quoted=True) if "event-name" in block else None
    text = block.get("reply-text", "") if channel is None else channel.header("reply-text") or ""
    return CommandReply(text=text.rstrip("\r\n"), job=block.get("job-uuid"), channel=channel)


def _api_response(_block: Mapping[str, str], body: bytes) -> ApiResponse:
    return ApiResponse(body=body.decode("utf-8", "replace"))


def _log_line(block: Mapping[str, str], body: bytes) -> LogLine:
    level = block.get("log-level", "")
    return LogLine(level=int(level) if level in _LEVELS else None, text=body.decode("utf-8", "replace"))


def _disconnect_notice(block: Mapping[str, str], body: bytes) -> DisconnectNotice:
    linger = block.get("content-disposition") == "linger"
    return DisconnectNotice(linger=linger, text=body.decode("utf-8", "replace"))


def _rude_rejection(_block: Mapping[str, str], body: bytes) -> RudeRejection:
    return RudeRejection(text=body.decode("utf-8", "replace"))


def _event_plain(_block: Mapping[str, str], body: bytes) -> Event:
    return plain_event(body)


def _event_json(_block: Mapping[str, str], body: bytes) -> Event:
    return json_event(body)


_LEVELS = frozenset("01234567")
_KINDS: Mapping[str, Callable[[Mapping[str, str], bytes], Message]] = {
    "auth/request": _auth_request,
    "command/reply": _command_reply,
    "api/response": _api_response,
    "text/event-plain": _event_plain,
    "text/event-json": _event_json,
    "text/disconnect-notice": _disconnect_notice,
    "text/rude-rejection": _rude_rejection,
    "log/data": _log_line,
}
