"""The lasting connection with one Asterisk: connect, subscribe, hand on events, reconnect, for ever.

What happens after each connect, in this order: our application is registered by the WebSocket, events begin to wait
here, the subscription and the filter are set (Asterisk forgets both with the connection), the listener reads its
snapshot, and then it gets the events that waited. So an event may be older than the snapshot, but none is missing.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from random import Random
from typing import Protocol

import aiohttp

from ari_app.client import Client
from ari_app.decode import decode
from ari_app.generated.events import EVENTS, ApplicationReplaced, Event
from ari_app.generated.models import AsteriskInfo
from faults import (
    SwitchFault,
    SwitchOperationFailed,
    SwitchOverflowed,
    SwitchTaken,
    SwitchTooOld,
    SwitchUnreachable,
)

OLDEST = 22
"""The first major version of Asterisk that we work with."""

_SOURCES = ("channel:", "bridge:")
"""Every channel and bridge, and no endpoint: see `Client.listen`."""


class Listener(Protocol):
    """Who a connection works for. A `SwitchFault` that it raises makes the connection anew; others end `run`."""

    async def connected(self, info: AsteriskInfo) -> None:
        """A new connection stands: read the calls from the switch. `info` has `system` and `status`."""

    async def received(self, event: Event) -> None:
        """An event, in the order in which Asterisk sent them. It may take its time: the others wait."""

    def told(self, fault: SwitchFault | None) -> None:
        """The connection's state has changed: to a fault, or to None when the switch is connected and read."""


class Backoff:
    """How long to wait before the next attempt: twice as long each time, with jitter.

    Args:
        random: draws the jitter: a wait is between half and all of its length.
        first: the first wait, in seconds.
        longest: no wait is longer, in seconds. A connection that lasted as long starts again with the first.
    """

    def __init__(self, random: Random, *, first: float = 0.25, longest: float = 15.0) -> None:
        self._random = random
        self._first = first
        self._longest = longest
        self._next = first

    def wait(self, lasted: float) -> float:
        """Seconds to wait after a connection that lasted so many seconds; 0 for one that did not come about."""
        if lasted >= self._longest:
            self._next = self._first
        wait, self._next = self._next, min(self._longest, self._next * 2)
        return self._random.uniform(wait / 2, wait)


class Connection:
    """Keeps a `Listener` connected with one Asterisk.

    Args:
        client: open as long as `run` runs.
        listener: whom it works for.
        clock: seconds of a monotonic clock.
        backoff: how long to wait between attempts.
        sleep: waits so many seconds.
        events: the types of events that Asterisk shall send; ApplicationReplaced always comes with them.
        most_waiting: events that may wait for a slow listener. One more, and all that wait are dropped and the
            connection is made anew.
        heartbeat: seconds between pings.
        stand_by: seconds between looks at whether another service that took our application has gone.
    """

    def __init__(self, client: Client, listener: Listener, *, clock: Callable[[], float], backoff: Backoff,
                 sleep: Callable[[float], Awaitable[object]] = asyncio.sleep, events: Collection[str] = tuple(EVENTS),
                 most_waiting: int = 10_000, heartbeat: float = 10.0, stand_by: float = 15.0) -> None:
        self._client = client
        self._listener = listener
        self._clock = clock
        self._backoff = backoff
        self._sleep = sleep
        # Asterisk filters ApplicationReplaced too: without it we would be deaf and never know.
        self._filter = {"allowed": [{"type": name} for name in sorted({*events, ApplicationReplaced.__name__})]}
        self._most_waiting = most_waiting
        self._heartbeat = heartbeat
        self._stand_by = stand_by
        self._state: str | None = None
        self._since: float | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._since = None
            try:
                await self._connect()
            except SwitchTaken as fault:
                self._tell(fault)
                await self._until_free()
                continue
            except SwitchFault as fault:
                self._tell(fault)
            lasted = 0.0 if self._since is None else self._clock() - self._since
            await self._sleep(self._backoff.wait(lasted))

    async def _connect(self) -> None:
        """One connection, from its begin to the fault that ends it."""
        operations, app = self._client.operations, self._client.address.app
        info = await operations.asterisk_get_info(only=("system", "status"))
        check_version(info)
        socket = await self._client.listen(heartbeat=self._heartbeat)
        inbox = _Inbox(self._most_waiting)
        reader = asyncio.create_task(self._read(socket, inbox))
        try:
            await operations.applications_subscribe(app, event_source=_SOURCES)
            await operations.applications_filter(app, filter_=self._filter)
            await self._listener.connected(info)
            self._since = self._clock()
            self._tell(None)
            while (event := await inbox.next()) is not None:
                await self._listener.received(event)
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, inbox: _Inbox) -> None:
        """Take in events until the connection ends, beside whatever the listener does; always raises."""
        try:
            async for message in socket:
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                event = decode(message.data)
                if isinstance(event, ApplicationReplaced):
                    raise SwitchTaken("Another service took our application on this Asterisk.", app=event.application)
                if event is not None:
                    inbox.put(event)
            raise SwitchUnreachable("The connection with Asterisk was lost.")
        finally:
            inbox.close()
            # The listener may be slow to come back here; Asterisk must not wait for a reader that is gone.
            await socket.close()

    async def _until_free(self) -> None:
        """Wait until no service has our application. Taking it back at once would take it from the other, for ever."""
        while True:
            await self._sleep(self._stand_by)
            try:
                await self._client.operations.applications_get(self._client.address.app)
            except SwitchOperationFailed as fault:
                if fault.details.get("status") == 404:
                    return
            except SwitchFault:
                continue

    def _tell(self, fault: SwitchFault | None) -> None:
        state = "" if fault is None else fault.id
        if state != self._state:
            self._state = state
            self._listener.told(fault)


class _Inbox:
    """Events between the reader and the listener, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: deque[Event] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event.

        Raises:
            SwitchOverflowed: it was one too many; now there is none.
        """
        if len(self._events) >= self._most:
            self._events.clear()
            raise SwitchOverflowed("More events waited than we keep; the calls are read again.", events=self._most)
        self._events.append(event)
        self._changed.set()

    def close(self) -> None:
        """Nothing will be added."""
        self._closed = True
        self._changed.set()

    async def next(self) -> Event | None:
        """The next event, or None when there will be no other."""
        while not self._events:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


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
