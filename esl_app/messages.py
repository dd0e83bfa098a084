"""What FreeSWITCH says over the event socket, as values.

Text is UTF-8. What is not valid UTF-8 (a caller may put any byte into a display name) becomes U+FFFD, because
these values go on to JSON, a database and a terminal, which all refuse the lone surrogates of
``surrogateescape``. No file of ours depends on such a byte: the paths that we give the switch are ASCII.

Replies, headers and bodies are kept out of every ``repr``: DTMF events and channel variables carry digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from faults import SwitchProtocolBroken

_EMPTY = "_undef_"
_ARRAY = "ARRAY::"
_ARRAY_SEPARATOR = "|:"


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """``auth/request``: the switch wants ``auth`` first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``text/event-plain`` or ``text/event-json``: something happened.

    A header is looked up without regard to case. Where one is given twice the first counts, as in FreeSWITCH
    itself: in a channel's event the switch's own headers come before all that a caller could have named.

    Attributes:
        fields: lower-case header name to value, as it was sent.
        quoted: whether values are still percent-encoded (plain); they are decoded when they are asked for.
        body: what followed the headers (a background job's answer, the text of a custom event), or empty.
    """

    fields: Mapping[str, str] = field(repr=False)
    quoted: bool = field(repr=False)
    body: str = field(default="", repr=False)

    def __repr__(self) -> str:
        return f"Event({self.name}, {self.subclass}, uuid={self.uuid}, sequence={self.sequence})"

    def header(self, name: str) -> str | None:
        """The value of a header, decoded, or None. It may hold line breaks and control characters."""
        value = self.fields.get(name.lower())
        if value is None:
            return None
        if not self.quoted:
            return value if value.isascii() else _without_surrogates(value)
        if value == _EMPTY:
            return ""
        return unquote(value) if "%" in value else value

    def headers(self) -> dict[str, str]:
        """All headers, decoded, by their lower-case names, in the order of the switch."""
        return {name: self.header(name) or "" for name in self.fields}

    @property
    def name(self) -> str:
        """``Event-Name``, such as ``CHANNEL_ANSWER``; empty if there is none."""
        return self.header("event-name") or ""

    @property
    def subclass(self) -> str:
        """``Event-Subclass`` of a ``CUSTOM`` event, such as ``conference::maintenance``; empty otherwise."""
        return self.header("event-subclass") or ""

    @property
    def uuid(self) -> str | None:
        """``Unique-ID``: the channel that it is about."""
        return self.header("unique-id")

    @property
    def boot(self) -> str | None:
        """``Core-UUID``: another one means that the switch was restarted."""
        return self.header("core-uuid")

    @property
    def sequence(self) -> int | None:
        """``Event-Sequence``, which orders events of one boot; None if it is missing or not a number."""
        return self._number("event-sequence")

    @property
    def timestamp(self) -> float | None:
        """``Event-Date-Timestamp`` in seconds since the Unix epoch (the switch sends µs); None as above."""
        microseconds = self._number("event-date-timestamp")
        return None if microseconds is None else microseconds / 1e6

    def _number(self, name: str) -> int | None:
        digits = self.fields.get(name, "")
        return int(digits) if 0 < len(digits) < 20 and digits.isascii() and digits.isdigit() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply:
    """``command/reply``: the answer to a command that is not ``api``.

    Attributes:
        text: ``Reply-Text`` without the line's end.
        job: the id under which a ``bgapi`` will report.
        channel: the channel's data, in the answer to ``connect`` on an outbound socket.
    """

    text: str = field(repr=False)
    job: str | None = None
    channel: Event | None = None

    @property
    def ok(self) -> bool:
        """Whether the switch accepted the command."""
        return self.text.startswith("+OK")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """``api/response``: what an ``api`` command printed. Not every failure begins with ``-ERR``."""

    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """``log/data``: a line of the switch's log. ``level`` is 0 (console) to 7 (debug)."""

    level: int | None
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectNotice:
    """``text/disconnect-notice``: the switch ends the connection (``linger``: after the remaining events)."""

    linger: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RudeRejection:
    """``text/rude-rejection``: the switch's access list does not let us in."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A content type that this version does not know. It is framed like the others, so it stops nothing."""

    content_type: str
    body: bytes = field(repr=False)


Message = (AuthRequest | Event | CommandReply | ApiResponse | LogLine | DisconnectNotice | RudeRejection
           | Unknown)


def plain_event(payload: bytes) -> Event:
    """An event in FreeSWITCH's plain format: ``Name: percent-encoded value`` lines, a blank line, the body.

    Lines are split before anything is decoded, so an encoded line break stays inside its value. The body is
    cut by the last ``Content-Length`` inside, which the switch writes itself; without one there is no body.
    """
    head, _, rest = payload.partition(b"\n\n")
    fields: dict[str, str] = {}
    length = ""
    for line in head.decode("utf-8", "replace").split("\n"):
        name, separator, value = line.partition(": ")
        if separator:
            name = name.lower()
            if name == "content-length":
                length = value
            fields.setdefault(name, value)
    if not rest:
        return Event(fields=fields, quoted=True)
    size = int(length) if 0 < len(length) < 12 and length.isascii() and length.isdigit() else 0
    return Event(fields=fields, quoted=True, body=rest[:size].decode("utf-8", "replace"))


def json_event(payload: bytes) -> Event:
    """An event in FreeSWITCH's JSON format: one object of strings, or lists of strings for several parts.

    Several parts become ``ARRAY::a|:b``, as the plain format has them. What is neither is left out.

    Raises:
        SwitchProtocolBroken: the payload is not a JSON object.
    """
    try:
        given: object = json.loads(payload.decode("utf-8", "replace"), object_pairs_hook=_first_of_each)
    except (ValueError, RecursionError) as error:
        raise SwitchProtocolBroken("An event in JSON cannot be read.", bytes=len(payload)) from error
    if not isinstance(given, dict):
        raise SwitchProtocolBroken("An event in JSON is not an object.", bytes=len(payload))
    fields = {}
    for name, value in given.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            fields[name] = _ARRAY + _ARRAY_SEPARATOR.join(value)
    body = fields.pop("_body", "")
    return Event(fields=fields, quoted=False, body=_without_surrogates(body))


def parts(value: str) -> tuple[str, ...]:
    """The parts of a header that was set several times (``ARRAY::a|:b``); another value is its only part."""
    return tuple(value[len(_ARRAY):].split(_ARRAY_SEPARATOR)) if value.startswith(_ARRAY) else (value,)


def _first_of_each(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    given: dict[str, object] = {}
    for name, value in pairs:
        given.setdefault(_without_surrogates(name).lower(), value)
    return given


def _without_surrogates(text: str) -> str:
    """JSON's ``\\ud800`` escapes can spell half a character, which nothing behind us can encode."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
