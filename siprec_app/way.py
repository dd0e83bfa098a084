"""A recording's sessions, one after the other: with the first server of the order that takes it, or with one that was
named, which is asked again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Set

import structlog

from faults import RecordingServerFault
from recorder.model import Call, Recording, Session
from siprec_app.describe import labels
from siprec_app.order import Order
from siprec_app.server_session import Connecting, ServerSession

__all__ = ["Way"]

log = structlog.get_logger("siprec")

_DEAD = "the server does not answer"


class Way:
    """One way of a recording.

    Args:
        only: the name of the one server that is asked; None: those of the order.
        latest: the call and its recording as they are now.
        feeds: what feeds a server's streams now, by label.
        tell: takes what becomes of sessions.
        start: runs something beside.

    Attributes:
        stopped: whether it has no session any more but those that are about to end.
    """

    def __init__(self, order: Order, connecting: Connecting, only: str | None, *,
                 latest: Callable[[], tuple[Call, Recording]], feeds: Callable[[str], Mapping[str, str]],
                 tell: Callable[[Session], None], start: Callable[[Coroutine[None, None, None]], None]) -> None:
        self.only, self.stopped = only, False
        self._order, self._connecting = order, connecting
        self._latest, self._feeds, self._tell, self._start = latest, feeds, tell, start
        self._session: ServerSession | None = None
        self._open: list[ServerSession] = []
        self._tried: set[str] = set()
        self._again: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Whether nothing of it is left."""
        return self.stopped and not self._open

    def begin(self) -> None:
        """Ask the next server; when none is left, all of them again a while later."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self.stopped or self._session is not None:
            return
        server = self._order.next(self._tried, self.only)
        if server is None:
            self._tried.clear()
            self._later()
            return
        self._tried.add(server.name)
        call, recording = self._latest()
        self._session = ServerSession(server, self._connecting, labels(recording), tell=self._told, ended=self._ended,
                                      named=self.only is not None)
        self._session.want(call, recording)
        self._start(self._run(self._session))

    async def feed(self) -> None:
        """Have each stream come from where it should come now. Of a session that is to end nothing goes out."""
        for session in self._open:
            await session.feed(self._feeds(session.server.name) if session is self._session else {})

    def quieting(self, taps: Set[str]) -> list[Awaitable[None]]:
        """What has nothing of these taps go out from before it is done, session by session."""
        return [session.quiet(taps) for session in self._open]

    def silencing(self, server: str) -> list[Awaitable[None]]:
        """What has nothing go to that server from before it is done, session by session."""
        return [session.quiet() for session in self._open if session.server.name == server]

    def tell_server(self) -> None:
        """The server is to know of the call what is true now."""
        if self._session is not None:
            self._session.want(*self._latest())

    def dead(self, server: str) -> None:
        """A server does not answer any more: what it has goes to the next one."""
        session = self._session
        if session is not None and session.server.name == server:
            self._session = None
            session.stop(_DEAD)
            self.begin()

    def stop(self) -> None:
        """No more of it."""
        self.stopped = True
        if self._again is not None:
            self._again.cancel()
        session, self._session = self._session, None
        if session is not None:
            session.stop()

    def _later(self) -> None:
        self._again = asyncio.get_running_loop().call_later(self._order.again(self.only), self.begin)

    async def _run(self, session: ServerSession) -> None:
        self._open.append(session)
        try:
            await session.feed(self._feeds(session.server.name))
            await session.run()
        except RecordingServerFault as fault:
            log.error("no session with a recording server", recording=self._latest()[1].id, fault=fault.id,
                      why=fault.message, remedy=fault.remedy)
            if session is self._session:
                self._session = None
                self._later()
        finally:
            self._open.remove(session)

    def _told(self, session: Session) -> None:
        if session.up is not None:
            self._order.took(session.server)
            self._tried = {session.server}
        self._tell(session)

    def _ended(self, session: ServerSession, rest: float | None) -> None:
        if rest is not None:
            self._order.failed(session.server.name, rest)
        if session is self._session:
            self._session = None
            self.begin()
