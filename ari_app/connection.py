"""The lasting connection with one Asterisk: connect, subscribe, hand on events, reconnect, for ever.

What happens at each connect, in this order: the version is looked at and the lease is taken, our application is
registered by the WebSocket, events begin to wait here, the subscription and the filter are set, the listener gets what
Asterisk had kept for us, reads its snapshot, and then it gets the events that waited meanwhile. So an event may be
older than the snapshot, but none is missing.

There are two ways, with the same operations and the same frames: we call Asterisk (``client``), or it calls us
(``listening``). The first way's application ends with its WebSocket, and events meanwhile are lost. The second way's
application stays, with its subscription and its filter, and Asterisk keeps the events of an outage.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

import aiohttp

from ari_app.decode import decode
from ari_app.generated.events import EVENTS, ApplicationReplaced, Event
from ari_app.generated.models import AsteriskInfo
from ari_app.generated.operations import Operations
from faults import SwitchFault, SwitchTaken, SwitchTooOld, SwitchUnreachable
from link.backoff import Backoff
from link.inbox import Inbox
from link.lease import Lease

OLDEST = 22
"""The first major version of Asterisk that we work with."""

_SOURCES = ("channel:", "bridge:")
"""Every channel and bridge, and no endpoint: see `Client.listen`."""
_ANSWERS = "RESTResponse"
"""Asterisk's filter of events also takes away its answers to operations over a WebSocket."""


class Listener(Protocol):
    """Who a connection works for. A `SwitchFault` that it raises makes the connection anew; others end `run`."""

    def reached(self, info: AsteriskInfo) -> None:
        """A new connection stands; the events that Asterisk kept for us follow. `info` has `system` and `status`."""

    async def connected(self) -> None:
        """What was kept has been received: read the calls from the switch."""

    async def received(self, event: Event) -> None:
        """An event, in the order in which Asterisk sent them. It may take its time: the others wait."""

    def told(self, fault: SwitchFault | None) -> None:
        """The connection's state has changed: to a fault, or to None when the switch is connected and read."""


class Socket(Protocol):
    """A WebSocket's messages, and its end."""

    def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]: ...

    async def close(self) -> object:
        """Close it; harmless when it is closed."""


class Way(Protocol):
    """A way to one Asterisk; an async context manager, open as long as the connection runs."""

    @property
    def app(self) -> str:
        """The name of our application."""

    @property
    def operations(self) -> Operations:
        """Asterisk's operations; between begin and end of a `meet`."""

    def meet(self) -> AbstractAsyncContextManager[object]:
        """Begin: operations can be tried; at its end nothing of this connection is left.

        Raises:
            SwitchFault: at its begin: it took too long, or somebody came who may not.
        """

    def kept(self) -> Iterable[str | bytes]:
        """The frames of events that Asterisk had kept for us, from before `listen`, once."""

    async def regain(self, stand_by: Callable[[], Awaitable[object]]) -> None:
        """Wait until our application, which somebody took, may be taken back.

        Args:
            stand_by: waits a while.
        """

    async def listen(self) -> Socket:
        """The WebSocket of our application's events, once the lease is ours; it subscribes to nothing.

        Raises:
            SwitchFault: there is none.
        """

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None: ...


class Connection:
    """Keeps a `Listener` connected with one Asterisk.

    Args:
        way: open as long as `run` runs.
        listener: whom it works for.
        lease: nothing is registered or subscribed without it.
        clock: seconds of a monotonic clock.
        backoff: how long to wait between attempts.
        sleep: waits so many seconds.
        events: the types of events that Asterisk shall send; ApplicationReplaced always comes with them.
        most_waiting: events that may wait for a slow listener. One more, and all that wait are dropped and the
            connection is made anew.
        stand_by: seconds between looks at whether somebody who took our application has gone.
    """

    def __init__(self, way: Way, listener: Listener, lease: Lease, *, clock: Callable[[], float], backoff: Backoff,
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep, events: Collection[str] = tuple(EVENTS),
                 most_waiting: int = 10_000, stand_by: float = 15.0) -> None:
        self._way = way
        self._listener = listener
        self._lease = lease
        self._clock = clock
        self._backoff = backoff
        self._sleep = sleep
        # Asterisk filters ApplicationReplaced too: without it we would be deaf and never know.
        needed = {*events, ApplicationReplaced.__name__, _ANSWERS}
        self._filter = {"allowed": [{"type": name} for name in sorted(needed)]}
        self._most_waiting = most_waiting
        self._stand_by = stand_by
        self._socket: Socket | None = None
        self._replaced = False
        self._state: str | None = None
        self._since: float | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._since = None
            try:
                async with self._way.meet():
                    await self._connect()
            except SwitchFault as fault:
                self._tell(fault)
            if self._replaced:
                self._replaced = False
                await self._way.regain(lambda: self._sleep(self._stand_by))
            lasted = 0.0 if self._since is None else self._clock() - self._since
            await self._sleep(self._backoff.wait(lasted))

    async def again(self) -> None:
        """End the connection, so that it is made anew and everything is read."""
        if self._socket is not None:
            await self._socket.close()

    async def _connect(self) -> None:
        """One connection, from its begin to the fault that ends it."""
        info = await self._way.operations.asterisk_get_info(only=("system", "status"))
        check_version(info)
        inbox: Inbox[Event] = Inbox(self._most_waiting)
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._lease.take(self._tell)
            tasks.append(asyncio.create_task(self._keep(inbox)))
            socket = self._socket = await self._way.listen()
            kept = self._way.kept()
            tasks.append(asyncio.create_task(self._read(socket, inbox)))
            await self._follow(info, kept, inbox)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    await task
        except asyncio.CancelledError:
            # Only who is told to stop leaves: after a fault we are back at once.
            await self._lease.give_back()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.again()
            self._socket = None

    async def _follow(self, info: AsteriskInfo, kept: Iterable[str | bytes], inbox: Inbox[Event]) -> None:
        """Hand on events until none will come."""
        operations, app = self._way.operations, self._way.app
        await operations.applications_subscribe(app, event_source=_SOURCES)
        await operations.applications_filter(app, filter_=self._filter)
        self._listener.reached(info)
        for frame in kept:
            event = decode(frame)
            if event is not None:
                await self._listener.received(event)
        await self._listener.connected()
        self._since = self._clock()
        self._tell(None)
        while (event := await inbox.next()) is not None:
            await self._listener.received(event)

    async def _keep(self, inbox: Inbox[Event]) -> None:
        """Keep the lease; its loss ends the connection."""
        try:
            await self._lease.keep()
        finally:
            inbox.close()

    async def _read(self, socket: Socket, inbox: Inbox[Event]) -> None:
        """Take in events until the connection ends, beside whatever the listener does; always raises."""
        try:
            async for message in socket:
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                event = decode(message.data)
                if isinstance(event, ApplicationReplaced):
                    self._replaced = True
                    raise SwitchTaken("Another service took our application on this Asterisk.", app=event.application)
                if event is not None:
                    inbox.put(event)
            raise SwitchUnreachable("The connection with Asterisk was lost.")
        finally:
            inbox.close()
            # The listener may be slow to come back here; Asterisk must not wait for a reader that is gone.
            await socket.close()

    def _tell(self, fault: SwitchFault | None) -> None:
        state = "" if fault is None else fault.id
        if state != self._state:
            self._state = state
            self._listener.told(fault)


def check_version(info: AsteriskInfo) -> None:
    """Whether this Asterisk is new enough.

    Raises:
        SwitchTooOld: it is older than `OLDEST`.
    """
    version = info.system.version if info.system is not None else ""
    # "22.10.1~dfsg", "certified/20.7-cert1"; what has no number is built from the newest source.
    found = re.match(r"(?:\D*[/-])?(\d+)\.", version)
    if found and int(found[1]) < OLDEST:
        raise SwitchTooOld(f"This is Asterisk {version}: {OLDEST} is the first that works.", version=version)
