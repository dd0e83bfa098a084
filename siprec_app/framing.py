"""SIP messages on a stream, TCP or TLS: where one ends, and what keeps a connection open in between.

A message ends by its Content-Length (RFC 3261 section 18.3). Between messages two line ends ask and one answers (RFC
5626 section 3.5.1).
"""

from __future__ import annotations

import re

from faults import RecordingServerProtocolBroken
from siprec_app import message

PING = b"\r\n\r\n"
PONG = b"\r\n"

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]+")


class Framer:
    """Takes a stream piece by piece.

    Attributes:
        pings: how often the other side has asked for a sign of life; whoever answers sets it to 0.
    """

    def __init__(self) -> None:
        self.pings = 0
        self._held = bytearray()
        self._searched = 0
        self._whole: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, as ``message.read`` takes them.

        Raises:
            RecordingServerProtocolBroken: a header without an end or a length that cannot be; nothing that follows on
                this stream means anything.
        """
        self._held += data
        found = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> bytes | None:
        if self._whole is None:
            self._skip_line_ends()
            self._whole = self._length()
        if self._whole is None or len(self._held) < self._whole:
            return None
        frame = bytes(self._held[:self._whole])
        del self._held[:self._whole]
        self._whole, self._searched = None, 0
        return frame

    def _skip_line_ends(self) -> None:
        while not self._searched and self._held.startswith((b"\r", b"\n")):
            if self._held.startswith(PING):
                self.pings += 1
                del self._held[:len(PING)]
            elif PING.startswith(self._held):
                return  # the first part of one, perhaps
            else:
                del self._held[0]

    def _length(self) -> int | None:
        """Bytes of the message that begins here, or None while its header has no end."""
        if not self._held or self._held.startswith((b"\r", b"\n")):
            return None
        end = _END.search(self._held, max(self._searched - 3, 0))
        if end is None or end.end() > message.LARGEST_HEAD:
            self._searched = len(self._held)
            if end is not None or len(self._held) > message.LARGEST_HEAD:
                raise RecordingServerProtocolBroken("A SIP message on a stream has a header that is too long.",
                                                    largest=message.LARGEST_HEAD)
            return None
        head = _FOLD.sub(b" ", bytes(self._held[:end.start()]))
        lengths = [value.decode("latin-1") for value in _LENGTH.findall(head)]
        # RFC 3261 section 20.14: on a stream it has to be there; without it nothing follows the header.
        return end.end() + (message.content_length(lengths) or 0)
