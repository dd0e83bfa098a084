"""FreeSWITCH's side of the event socket, as bytes: frames of a recorded session, and messages of our own making.

Written without esl_app, so that a mistake of the parser cannot hide here. It trusts what it reads: recordings, and the
commands of our own client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

__all__ = ["RUDE_REJECTION", "Frame", "api_response", "auth_request", "command_reply", "disconnect_notice", "event",
           "frames"]

_NOT_ENCODED = "/,()!*'$"


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of a recorded session.

    Attributes:
        raw: all its bytes.
        kind: its ``Content-Type``.
        fields: the headers of an event, decoded; empty for what is none.
    """

    raw: bytes
    kind: str
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.fields.get("Event-Name", "")

    @property
    def subclass(self) -> str:
        return self.fields.get("Event-Subclass", "")

    @property
    def at(self) -> float:
        """Seconds since the epoch, by the switch; 0 for what is no event."""
        return int(self.fields.get("Event-Date-Timestamp", "0")) / 1e6


def frames(session: bytes) -> Iterator[Frame]:
    """The messages of a recorded session in their order.

    Raises:
        ValueError: the session ends within a message.
    """
    at = 0
    while at < len(session):
        blank = session.index(b"\n\n", at)
        head = _lines(session[at:blank])
        end = blank + 2 + int(head.get("Content-Length", "0"))
        if end > len(session):
            raise ValueError("the session ends within a message")
        kind = head["Content-Type"]
        yield Frame(session[at:end], kind, _event_fields(kind, session[blank + 2:end]))
        at = end


def _event_fields(kind: str, content: bytes) -> dict[str, str]:
    if kind == "text/event-json":
        return {name: value for name, value in json.loads(content).items() if isinstance(value, str)}
    if kind == "text/event-plain":
        return {name: unquote(value) for name, value in _lines(content.partition(b"\n\n")[0]).items()}
    return {}


def _lines(block: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.decode().splitlines())


def _message(kind: str, body: str = "", **headers: str) -> bytes:
    content = body.encode()
    lines = [f"Content-Type: {kind}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
             *([f"Content-Length: {len(content)}"] if content else [])]
    return "\n".join(lines).encode() + b"\n\n" + content


def auth_request() -> bytes:
    """The switch's first words."""
    return _message("auth/request")


def command_reply(text: str, job: str | None = None) -> bytes:
    """The answer to a command that is not ``api``; with a job for ``bgapi``."""
    return _message("command/reply", Reply_Text=text, **({} if job is None else {"Job_UUID": job}))


def api_response(text: str) -> bytes:
    """The answer to ``api``."""
    return _message("api/response", text)


def disconnect_notice(text: str) -> bytes:
    """The switch's last words."""
    return _message("text/disconnect-notice", text)


RUDE_REJECTION = _message("text/rude-rejection", "Access Denied, go away.\n")


def event(headers: Mapping[str, str], body: str = "") -> bytes:
    """An event in the plain format, its values encoded as the switch encodes them."""
    lines = [f"{name}: {quote(value, safe=_NOT_ENCODED) or '_undef_'}" for name, value in headers.items()]
    content = body.encode()
    if content:
        lines.append(f"Content-Length: {len(content)}")
    payload = "\n".join(lines).encode() + b"\n\n" + content
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(payload) + payload
