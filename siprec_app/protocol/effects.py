"""What a recording session asks for, in the order in which it has to be done."""

from __future__ import annotations

from dataclasses import dataclass

from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement
from siprec_app.protocol.responses import Verdict
from siprec_app.protocol.sdp import Description


@dataclass(frozen=True, slots=True)
class Flow:
    """Which streams are sent from now on, where and how. A stream that is no longer in it is silent at once; one that
    comes into it is sent only from what was said after that.
    """

    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Send:
    """Send an INVITE or UPDATE, in a transaction of its own.

    Attributes:
        attempt: the number that the responses to it carry in events.
        expires: Session-Expires, seconds; ``min_se`` beside it, or None.
        refresher: who is to refresh; None leaves it to the server.
        without: option tags that are left out of Require and Supported.
        authenticate: the response to this attempt held a challenge; its credentials go along. None: none is new.
    """

    attempt: int
    method: str
    description: Description | None
    metadata: Metadata | None
    expires: int
    refresher: str | None = None
    min_se: int | None = None
    without: frozenset[str] = frozenset()
    authenticate: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledge a 2xx to this attempt, in the dialog of this tag."""

    attempt: int
    tag: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Bye:
    """End the dialog of this tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a request of the server.

    Attributes:
        retry_after: bounds of seconds between which one is to be drawn for Retry-After, or None.
    """

    cseq: int
    status: int
    description: Description | None = None
    expires: int | None = None
    refresher: str | None = None
    min_se: int | None = None
    retry_after: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Draw a time between these seconds; ``Waited`` follows after it."""

    shortest: float
    longest: float


@dataclass(frozen=True, slots=True)
class Over:
    """The session is no longer of use, or never was. Comes once; what is left of the dialog ends by itself.

    Attributes:
        rest: seconds for which the server asked to be left alone.
        contacts: where it says that we should go instead.
    """

    verdict: Verdict
    rest: float = 0.0
    contacts: tuple[str, ...] = ()


Effect = Flow | Send | Ack | Cancel | Bye | Answer | Wait | Over
