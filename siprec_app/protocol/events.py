"""What can happen to a recording session: what we want of it, and what the server sends."""

from __future__ import annotations

from dataclasses import dataclass

from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.responses import Response
from siprec_app.protocol.sdp import Description


@dataclass(frozen=True, slots=True)
class Want:
    """What is to be recorded from now on. The first one sets the session up.

    Attributes:
        streams: all of them, each in the place that it had; a pause is ``paused``, what has ended is ``removed``.
        complete: the metadata of all that is there.
        change: what differs from the metadata before, for servers that take it; None: send the whole.
    """

    streams: tuple[Stream, ...]
    complete: Metadata
    change: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The call is over, or is no longer to be recorded by this server."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The server is known to be gone: nothing of it answers any more. One request without an answer does not say so."""


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 1xx to our INVITE."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Success:
    """A 2xx to our INVITE or UPDATE; each time that it comes.

    Attributes:
        tag: of To: which of several dialogs it is, should the INVITE have been forked (RFC 3261 section 13.2.2.4).
        description: the answer; None when there is none, or none that can be read.
        expires: Session-Expires, seconds, or None.
        refresher: its ``refresher``: ``uac``, ``uas`` or None.
        methods: of Allow.
        method: of our request.
    """

    attempt: int
    tag: str
    description: Description | None = None
    expires: int | None = None
    refresher: str | None = None
    methods: frozenset[str] = frozenset()
    method: str = "INVITE"


@dataclass(frozen=True, slots=True)
class Failed:
    """Another final response to our INVITE or UPDATE."""

    attempt: int
    response: Response


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The transaction of our INVITE or UPDATE ended without a final response, or the way to the server is gone."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Waited:
    """The time after a collision is over."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A re-INVITE or UPDATE of the server.

    Attributes:
        cseq: its number.
        method: ``INVITE`` or ``UPDATE``.
        description: its offer, or None.
        unreadable: it has a description that cannot be read.
        snapshot: it asks for complete metadata (RFC 7866 section 9.2).
    """

    cseq: int
    method: str
    description: Description | None = None
    unreadable: bool = False
    expires: int | None = None
    refresher: str | None = None
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK of our 200 to the server's INVITE, or its time-out, with the answer if the offer was ours."""

    description: Description | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A BYE of the server."""

    cseq: int


@dataclass(frozen=True, slots=True)
class ByeAnswered:
    """Our BYE was answered, or timed out."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that ``next_deadline`` named has come."""


Event = (Want | Stop | Lost | Provisional | Success | Failed | Unanswered | Waited | Requested | Acknowledged
         | Ended | ByeAnswered | Tick)
