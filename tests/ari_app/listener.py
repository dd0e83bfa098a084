"""A listener for tests of the connection."""

from __future__ import annotations

import asyncio

from ari_app.generated.events import ChannelStateChange, ChannelVarset, Event
from ari_app.generated.models import AsteriskInfo
from faults import SwitchFault


class Listener:
    """Notes what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.story: list[str] = []
        """``connected``, ``up``, what events are about, ids of faults: in order."""
        self.infos: list[AsteriskInfo] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing: list[Exception] = []
        """Raised by the next snapshots, one each."""
        self._changed = asyncio.Event()

    def reached(self, info: AsteriskInfo) -> None:
        self.infos.append(info)

    async def connected(self) -> None:
        self._note("connected")
        if self.failing:
            raise self.failing.pop(0)

    async def received(self, event: Event) -> None:
        match event:
            case ChannelStateChange():
                name = event.channel.id
            case ChannelVarset():
                name = event.variable
            case _:
                name = type(event).__name__
        self._note(name)
        await self.gate.wait()

    def told(self, fault: SwitchFault | None) -> None:
        self._note("up" if fault is None else fault.id)

    async def until(self, word: str, times: int = 1) -> None:
        while self.story.count(word) < times:
            self._changed.clear()
            await self._changed.wait()

    def _note(self, word: str) -> None:
        self.story.append(word)
        self._changed.set()
