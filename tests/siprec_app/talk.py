"""A recording session and the server that it talks to, in words: each step gives what the session asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from siprec_app.protocol import effects, events
from siprec_app.protocol.effects import Effect
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.responses import Response
from siprec_app.protocol.sdp import PCMA, PCMU, Description, Direction, Format, Media, Origin
from siprec_app.protocol.session import Manner, RecordingSession
from tests.siprec_app.documents import COMPLETE

CALLER, CALLEE = Stream("1", 40000), Stream("2", 40002)
BOTH = (CALLER, CALLEE)
PAUSED = (replace(CALLER, paused=True), replace(CALLEE, paused=True))

Kind = TypeVar("Kind")


def mirror(offered: Description, direction: Direction | None = None, port: int = 50000) -> Description:
    """The answer of a server that takes everything as it is offered, unless a direction is given."""
    lines = []
    for number, line in enumerate(offered.media):
        own = direction or (Direction.RECVONLY if line.direction.sends else Direction.INACTIVE)
        lines.append(Media(port=port + 2 * number if line.port else 0, formats=(PCMU,), host="192.0.2.9",
                           direction=own, kind=line.kind))
    return Description(Origin(9, 1, "192.0.2.9"), tuple(lines))


class Talk:
    """One session on a clock of its own."""

    def __init__(self, manner: Manner | None = None, codecs: tuple[Format, ...] = (PCMU, PCMA)) -> None:
        self.session = RecordingSession(Origin(1, 1, "192.0.2.1"), codecs, manner or Manner())
        self.now = 100.0
        self.sends: list[effects.Send] = []
        self.flowing: list[str] = []
        self.over: list[effects.Over] = []
        self.cseq = 0

    def happens(self, event: events.Event) -> tuple[Effect, ...]:
        found = self.session.receive(event, self.now)
        for effect in found:
            if isinstance(effect, effects.Send):
                self.sends.append(effect)
            elif isinstance(effect, effects.Flow):
                self.flowing = [flow.label for flow in effect.agreement.flows]
            elif isinstance(effect, effects.Over):
                self.over.append(effect)
        return found

    @property
    def sent(self) -> effects.Send:
        """Our last INVITE or UPDATE."""
        return self.sends[-1]

    @property
    def offered(self) -> Description:
        """The last description that we offered."""
        return next(send.description for send in reversed(self.sends) if send.description is not None)

    def want(self, streams: tuple[Stream, ...] = BOTH, complete: Metadata = COMPLETE,
             change: Metadata | None = None) -> tuple[Effect, ...]:
        return self.happens(events.Want(streams, complete, change))

    def pause(self) -> tuple[Effect, ...]:
        return self.want(PAUSED)

    def accept(self, answer: Description | None = None, *, attempt: int = 0, tag: str = "t",
               expires: int | None = None, refresher: str | None = None) -> tuple[Effect, ...]:
        """A 200 to our last request, or to an earlier one."""
        send = next(one for one in reversed(self.sends) if attempt in (0, one.attempt))
        if answer is None and send.description is not None:
            answer = mirror(send.description)
        return self.happens(events.Success(
            send.attempt, tag, answer, expires, refresher, frozenset({"INVITE", "UPDATE", "BYE"}), send.method))

    def refuse(self, status: int, *, min_se: int | None = None, retry_after: float | None = None,
               unsupported: tuple[str, ...] = (), contacts: tuple[str, ...] = (),
               stale: bool = False) -> tuple[Effect, ...]:
        return self.happens(events.Failed(self.sent.attempt, Response(
            status, retry_after, frozenset(unsupported), min_se, contacts, stale)))

    def ringing(self) -> tuple[Effect, ...]:
        return self.happens(events.Provisional(self.sent.attempt))

    def silence(self) -> tuple[Effect, ...]:
        """The transaction of our last request times out."""
        return self.happens(events.Unanswered(self.sent.attempt))

    def asks(self, method: str = "INVITE", description: Description | None = None, **more: object) -> effects.Answer:
        """A request of the server, and our answer to it."""
        self.cseq += 1
        request = replace(events.Requested(self.cseq, method, description), **more)  # type: ignore[arg-type]
        return only(self.happens(request), effects.Answer)

    def repeats(self, direction: Direction = Direction.RECVONLY) -> Description:
        """What the server offers when it repeats what it had answered."""
        return mirror(self.offered, direction)

    def until(self, found: Callable[[], bool], longest: float = 4000.0) -> None:
        """Let time pass from deadline to deadline."""
        end = self.now + longest
        while not found():
            deadline = self.session.next_deadline()
            assert deadline is not None, "nothing is due any more"
            self.now = max(self.now, deadline)
            assert self.now <= end, "it did not happen"
            self.happens(events.Tick())

    def recording(self, **more: object) -> Talk:
        """Set up to where both streams flow."""
        self.want()
        self.accept(**more)  # type: ignore[arg-type]
        assert self.flowing == ["1", "2"]
        return self


def kinds(found: tuple[Effect, ...]) -> list[type]:
    return [type(effect) for effect in found]


def only(found: tuple[Effect, ...], kind: type[Kind]) -> Kind:
    """The one effect of a kind."""
    matching = [effect for effect in found if isinstance(effect, kind)]
    assert len(matching) == 1, found
    return matching[0]
