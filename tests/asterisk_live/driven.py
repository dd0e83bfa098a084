"""An Asterisk that a test drives itself: the switch without the rest of the product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ari_app.client import Address, Client
from ari_app.switch import AriSwitch
from link.lease import Holder
from recorder.events import Asked, CallEvent, LegIs, SwitchUp, TapDown, TapFailed, TapUp
from recorder.model import LegState
from tests.asterisk import AsteriskServer
from tests.stalling import Way

T = TypeVar("T")


class Told:
    """What a switch tells, kept and awaited. Set `stalls`, and nobody acts on what is asked for."""

    def __init__(self) -> None:
        self._events: list[CallEvent] = []
        self._more = asyncio.Event()
        self.stalls = False

    async def take(self, switch: AriSwitch) -> None:
        async for event in switch.events():
            self._events.append(event)
            if not (self.stalls and isinstance(event, Asked)):
                switch.taken(event)
            self._more.set()

    async def until(self, what: Callable[[CallEvent], T | None]) -> T:
        """What the first event gives that gives something."""
        while True:
            for event in self._events:
                if (found := what(event)) is not None:
                    return found
            self._more.clear()
            await self._more.wait()

    async def seen(self, *, after: SwitchUp | None = None) -> SwitchUp:
        """What the switch had when it was first seen, or when it was next seen."""
        return await self.until(lambda event: event if isinstance(event, SwitchUp) and (
            after is None or event.sequence > after.sequence) else None)

    async def leg(self, name: str) -> str:
        """The id of the leg of that phone that is up."""
        return await self.until(lambda event: event.leg.id if isinstance(event, LegIs) and name in event.leg.name
                                and event.leg.state is LegState.UP else None)

    async def tap_up(self, segment: str) -> TapUp:
        return await self.until(lambda event: event if isinstance(event, TapUp) and event.segment == segment else None)

    async def tap_failed(self, segment: str) -> TapFailed:
        return await self.until(
            lambda event: event if isinstance(event, TapFailed) and event.segment == segment else None)

    async def tap_down(self, segment: str) -> TapDown:
        return await self.until(
            lambda event: event if isinstance(event, TapDown) and event.segment == segment else None)


@asynccontextmanager
async def following(server: AsteriskServer, *, over: Way | None = None) -> AsyncIterator[tuple[AriSwitch, Told]]:
    """The switch, and what it tells; leaving the block is its death: nothing is put in order.

    Args:
        over: the way to it, if not straight.
    """
    url = server.ari_url if over is None else f"http://127.0.0.1:{over.port}/ari"
    way = Client(Address(url, server.ari_user, server.ari_password, "recorder"))
    switch = AriSwitch("main", way, Holder("tests", "1"), operations_per_second=200)
    told = Told()
    task = asyncio.create_task(told.take(switch))
    try:
        await told.seen()
        yield switch, told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
